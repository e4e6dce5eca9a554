"""Deployment, RBAC, kustomizations and image files, without a cluster."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.generators import registry
from secretsync.resources.generator import CLUSTER_GENERATOR, GENERATOR_GROUP
from tests.deploy.api import load_manifests
from tests.tools.build import PROGRAMS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
NAMESPACED = DEPLOY / "namespaced"
PARTS = (NAMESPACED, DEPLOY / "applications", DEPLOY / "from-external-secrets")
MANIFESTS = sorted(path for path in DEPLOY.rglob("*.yaml") if path.name != "kustomization.yaml")
CLUSTER_ONLY = (
    "namespaces",
    "clustersecretstores",
    "clustersecretstores/status",
    "clustergenerators",
    "clusterpushsecrets",
    "clusterpushsecrets/finalizers",
    "clusterpushsecrets/status",
    "clusterexternalsecrets",
    "clusterexternalsecrets/finalizers",
    "clusterexternalsecrets/status",
)
#: Only a maker of objects in many namespaces makes these, and it is cluster-wide.
MADE = ("external-secrets.io/externalsecrets", "external-secrets.io/pushsecrets")
GENERATORS = [
    f"{GENERATOR_GROUP}/{KINDS[kind].plural}" for kind in (*registry.GENERATORS, CLUSTER_GENERATOR)
]
FREE_TO_LIST = {"get", "list", "watch"}
EXPECTED_RULES = {
    "external-secrets.io/externalsecrets": FREE_TO_LIST | {"create", "patch", "delete"},
    "external-secrets.io/pushsecrets": FREE_TO_LIST | {"create", "patch", "delete"},
    "external-secrets.io/clusterpushsecrets": FREE_TO_LIST | {"patch"},
    "external-secrets.io/clusterexternalsecrets": FREE_TO_LIST | {"patch"},
    "external-secrets.io/secretstores": FREE_TO_LIST | {"patch"},
    "external-secrets.io/clustersecretstores": FREE_TO_LIST | {"patch"},
    "external-secrets.io/externalsecrets/finalizers": {"update"},
    "external-secrets.io/clusterpushsecrets/finalizers": {"update"},
    "external-secrets.io/clusterexternalsecrets/finalizers": {"update"},
    "external-secrets.io/pushsecrets/status": {"patch"},
    "external-secrets.io/clusterpushsecrets/status": {"patch"},
    "external-secrets.io/clusterexternalsecrets/status": {"patch"},
    "external-secrets.io/externalsecrets/status": {"patch"},
    "external-secrets.io/secretstores/status": {"patch"},
    "external-secrets.io/clustersecretstores/status": {"patch"},
    "bitnami.com/sealedsecrets": FREE_TO_LIST,
    "bitnami.com/sealedsecrets/status": {"patch"},
    "/secrets": FREE_TO_LIST | {"create", "patch", "delete"},
    # Stores and templates point at texts in them; none is listed.
    "/configmaps": {"get"},
    "/namespaces": FREE_TO_LIST,
    "/events": {"get", "create", "patch"},
    **dict.fromkeys(GENERATORS, FREE_TO_LIST),
}


def by_kind(path: Path, kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in load_manifests(path) if each["kind"] == kind}


def verbs_of(role: dict[str, Any]) -> dict[str, set[str]]:
    """Return `group/resource` to verbs, for rules that are not bound to names."""
    found: dict[str, set[str]] = {}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                name = f"{group}/{resource}" + "".join(
                    f"={n}" for n in rule.get("resourceNames", [])
                )
                found.setdefault(name, set()).update(rule["verbs"])
    return found


def deployment(folder: Path) -> dict[str, Any]:
    return by_kind(folder / "deployment.yaml", "Deployment")["secretsync"]


def at(obj: Any, path: str) -> Any:
    for part in path.split("."):
        obj = obj[int(part)] if part.isdigit() else obj[part]
    return obj


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_manifest_holds_named_objects(path: Path) -> None:
    objects = load_manifests(path)
    assert objects
    for each in objects:
        assert each["apiVersion"]
        assert each["kind"]
        assert each["metadata"]["name"]


@pytest.mark.parametrize("folder", [DEPLOY, *PARTS], ids=["cluster", *(p.name for p in PARTS)])
def test_kustomization_lists_every_manifest_of_its_folder_once(folder: Path) -> None:
    resources = load_manifests(folder / "kustomization.yaml")[0]["resources"]
    # What stands in a part of its own is applied by itself.
    below = [path for path in MANIFESTS if folder in path.parents]
    own = [path for path in below if folder in PARTS or not set(PARTS) & set(path.parents)]
    assert sorted(resources) == sorted(str(path.relative_to(folder)) for path in own)


@pytest.mark.parametrize("folder", [DEPLOY, NAMESPACED], ids=["cluster", "namespaced"])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.replicas", 1),
        ("spec.strategy", {"type": "Recreate"}),
        ("spec.template.spec.serviceAccountName", "secretsync"),
        ("spec.template.spec.automountServiceAccountToken", True),
        ("spec.template.spec.terminationGracePeriodSeconds", 15),
        ("spec.template.spec.securityContext.runAsNonRoot", True),
        ("spec.template.spec.securityContext.runAsUser", 65532),
        ("spec.template.spec.securityContext.seccompProfile", {"type": "RuntimeDefault"}),
        ("spec.template.spec.containers.0.securityContext.allowPrivilegeEscalation", False),
        ("spec.template.spec.containers.0.securityContext.readOnlyRootFilesystem", True),
        ("spec.template.spec.containers.0.securityContext.capabilities", {"drop": ["ALL"]}),
        ("spec.template.spec.containers.0.livenessProbe.httpGet.path", "/healthz"),
        ("spec.template.spec.containers.0.livenessProbe.httpGet.port", "health"),
        ("spec.template.spec.containers.0.readinessProbe.httpGet.path", "/readyz"),
        ("spec.template.spec.containers.0.readinessProbe.httpGet.port", "health"),
        (
            "spec.template.spec.containers.0.resources",
            {
                "requests": {"cpu": "50m", "memory": "96Mi"},
                "limits": {"cpu": "1", "memory": "1Gi"},
            },
        ),
        (
            "spec.template.spec.containers.0.env.0",
            {
                "name": "POD_NAMESPACE",
                "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}},
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_deployment_is_hardened(folder: Path, path: str, value: object) -> None:
    assert at(deployment(folder), path) == value


def test_deployment_probes_reach_the_health_address() -> None:
    container = at(deployment(DEPLOY), "spec.template.spec.containers.0")
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    options = dict(zip(container["args"][1::2], container["args"][2::2], strict=True))
    assert container["args"][0] == "run"
    assert options == {
        "--to": "kube",
        "--metrics-addr": f"0.0.0.0:{ports['metrics']}",
        "--live-addr": f"0.0.0.0:{ports['health']}",
        "--sealing-addr": f"0.0.0.0:{ports['sealing']}",
        "--log-format": "json",
        "--cache-dir": "/var/cache/secretsync",
    }


def test_namespaced_deployment_differs_only_in_the_namespace() -> None:
    expected, found = deployment(DEPLOY), deployment(NAMESPACED)
    expected["metadata"]["namespace"] = "apps"
    args = at(expected, "spec.template.spec.containers.0.args")
    args += ["--namespace", "$(POD_NAMESPACE)", "--no-applications"]
    assert found == expected


def test_namespace_enforces_the_restricted_pod_security_standard() -> None:
    labels = load_manifests(DEPLOY / "namespace.yaml")[0]["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_controller_role_grants_exactly_what_the_service_needs() -> None:
    role = by_kind(DEPLOY / "rbac/controller.yaml", "ClusterRole")["secretsync-controller"]
    assert verbs_of(role) == EXPECTED_RULES


def test_own_role_grants_leases_and_the_install_key() -> None:
    role = by_kind(DEPLOY / "rbac/controller.yaml", "Role")["secretsync-own"]
    assert role["metadata"]["namespace"] == "secretsync-system"
    assert verbs_of(role) == {
        "coordination.k8s.io/leases": FREE_TO_LIST | {"create", "update", "patch", "delete"},
        "/secrets=secretsync-install-key": {"get", "patch"},
        "/secrets": {"create"},
    }


@pytest.mark.parametrize("folder", [DEPLOY / "rbac", NAMESPACED], ids=["cluster", "namespaced"])
def test_key_admin_role_may_read_and_add_keys_and_nothing_else(folder: Path) -> None:
    role = by_kind(folder / "key-admin.yaml", "Role")["secretsync-key-admin"]
    assert verbs_of(role) == {
        "/secrets": FREE_TO_LIST | {"create"},
        "coordination.k8s.io/leases": {"get", "create", "patch"},
    }


@pytest.mark.parametrize("folder", [DEPLOY, NAMESPACED], ids=["cluster", "namespaced"])
def test_everybody_reaches_the_sealing_port_and_no_other(folder: Path) -> None:
    rbac = folder / "rbac" if (folder / "rbac").exists() else folder
    role = by_kind(rbac / "service-proxier.yaml", "Role")["secretsync-service-proxier"]
    service = by_kind(folder / "service.yaml", "Service")["sealed-secrets-controller"]
    (port,) = service["spec"]["ports"]
    assert (port["name"], port["port"], port["targetPort"]) == ("http", 8080, "sealing")
    ports = {p["name"] for p in at(deployment(folder), "spec.template.spec.containers.0.ports")}
    assert ports == {"metrics", "health", "sealing"}
    labels = at(deployment(folder), "spec.template.metadata.labels")
    assert service["spec"]["selector"].items() <= labels.items()
    named, proxied = role["rules"]
    assert (named["resources"], named["verbs"]) == (["services"], ["get"])
    assert named["resourceNames"] == ["sealed-secrets-controller"]
    assert (proxied["resources"], proxied["verbs"]) == (["services/proxy"], ["get", "create"])
    name = "sealed-secrets-controller"
    assert set(proxied["resourceNames"]) == {f"http:{name}:", f"http:{name}:http", name}


def test_only_the_token_role_reaches_service_accounts() -> None:
    path = DEPLOY / "rbac/service-account-tokens.yaml"
    role = by_kind(path, "ClusterRole")["secretsync-service-account-tokens"]
    assert verbs_of(role) == {"/serviceaccounts": {"get"}, "/serviceaccounts/token": {"create"}}


def test_namespaced_roles_are_the_cluster_roles_without_cluster_rights() -> None:
    path = NAMESPACED / "controller.yaml"
    expected = {
        name: verbs - {"create", "delete"} if name in MADE else verbs
        for name, verbs in EXPECTED_RULES.items()
        if name.partition("/")[2] not in CLUSTER_ONLY
    }
    assert verbs_of(by_kind(path, "Role")["secretsync-controller"]) == expected
    own = by_kind(DEPLOY / "rbac/controller.yaml", "Role")["secretsync-own"]
    assert by_kind(path, "Role")["secretsync-own"]["rules"] == own["rules"]
    for file, name in (("key-admin", "key-admin"), ("service-proxier", "service-proxier")):
        wide = by_kind(DEPLOY / f"rbac/{file}.yaml", "Role")[f"secretsync-{name}"]
        narrow = by_kind(NAMESPACED / f"{file}.yaml", "Role")[f"secretsync-{name}"]
        assert narrow["rules"] == wide["rules"]
    tokens = "service-account-tokens.yaml"
    cluster = by_kind(DEPLOY / "rbac" / tokens, "ClusterRole")["secretsync-service-account-tokens"]
    role = by_kind(NAMESPACED / tokens, "Role")["secretsync-service-account-tokens"]
    assert role["rules"] == cluster["rules"]


def test_namespaced_manifests_are_all_in_one_namespace() -> None:
    namespace = load_manifests(NAMESPACED / "kustomization.yaml")[0]["namespace"]
    objects = [each for path in NAMESPACED.glob("*.yaml") for each in load_manifests(path)]
    for each in objects:
        if each["kind"] != "Kustomization":
            assert not each["kind"].startswith("Cluster")
            assert each["metadata"]["namespace"] == namespace
            accounts = [s for s in each.get("subjects", []) if s["kind"] == "ServiceAccount"]
            assert {s["namespace"] for s in accounts} <= {namespace}


@pytest.mark.parametrize("folder", [DEPLOY / "rbac", NAMESPACED], ids=["cluster", "namespaced"])
def test_binding_joins_a_role_and_the_account_that_exist(folder: Path) -> None:
    objects = [each for path in folder.glob("*.yaml") for each in load_manifests(path)]
    known = {(each["kind"], each.get("metadata", {}).get("name")) for each in objects}
    bindings = [each for each in objects if each["kind"].endswith("Binding")]
    assert len(bindings) == 5
    for each in bindings:
        assert (each["roleRef"]["kind"], each["roleRef"]["name"]) in known
        subject = ("ServiceAccount", "secretsync")
        if each["metadata"]["name"] == "secretsync-service-proxier":
            subject = ("Group", "system:authenticated")
        assert [(s["kind"], s["name"]) for s in each["subjects"]] == [subject]


@pytest.mark.parametrize(
    ("name", "aggregated_to", "verbs"),
    [
        ("secretsync-view", {"view", "edit", "admin"}, FREE_TO_LIST),
        (
            "secretsync-edit",
            {"edit", "admin"},
            FREE_TO_LIST | {"create", "update", "patch", "delete"},
        ),
    ],
)
def test_user_role_is_aggregated(name: str, aggregated_to: set[str], verbs: set[str]) -> None:
    role = by_kind(DEPLOY / "rbac/user-roles.yaml", "ClusterRole")[name]
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    labels = role["metadata"]["labels"]
    assert {key.removeprefix(prefix) for key in labels if key.startswith(prefix)} == aggregated_to
    kinds = ["externalsecrets", "secretstores", "clustersecretstores", "pushsecrets"]
    if name == "secretsync-view":
        kinds += ["clusterpushsecrets", "clusterexternalsecrets"]
    expected = {f"external-secrets.io/{kind}": verbs for kind in kinds}
    expected |= dict.fromkeys(GENERATORS, verbs)
    assert verbs_of(role) == {**expected, "bitnami.com/sealedsecrets": verbs}


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


def test_runtime_lock_pins_what_the_tests_run_with() -> None:
    runtime, everything = pins("requirements-runtime.lock"), pins("requirements.lock")
    assert {"boto3", "click", "kubernetes", "msgspec", "pyyaml", "urllib3"} <= set(runtime)
    assert runtime.items() <= everything.items()
    assert not {"pytest", "moto", "mypy"} & set(runtime)


def test_image_ignore_file_lets_through_exactly_what_is_copied() -> None:
    text = (ROOT / "Dockerfile").read_text()
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    copied = {source.rstrip("/") for line in lines for source in line.split()}
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in ignore if line.startswith("!")} == copied
    assert "*" in ignore


def test_image_has_what_applications_need() -> None:
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    for program in ("git", "openssh-client", "gpg"):
        assert f" {program}" in stages[-1]
    assert "COPY --from=programs /out/ /opt/venv/bin/\n" in stages[-1]
    (built,) = (stage for stage in stages if "AS programs" in stage)
    for name in ("kustomize", "helm"):
        assert f"-o /out/{name} {PROGRAMS[name].package}\n" in built
        assert f"COPY tests/tools/{PROGRAMS[name].module}/ /src/{name}/\n" in built


def test_image_runs_as_a_user_that_is_not_root() -> None:
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    assert "\nUSER 65532:65532\n" in stages[-1]
    assert stages[-1].rstrip().endswith('ENTRYPOINT ["secretsync"]')
