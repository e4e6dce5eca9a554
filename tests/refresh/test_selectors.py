"""Where a store's credentials are looked up, and what is said when they are not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from providers.base import (
    AuthFailed,
    CaProvider,
    ConfigMapKeySelector,
    SecretKeySelector,
    ServiceAccountSelector,
    WholeSecretSelector,
)
from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.refresh.allowances import Allowances
from secretsync.refresh.selectors import (
    ClusterCredentials,
    Overlay,
    credential_namespace,
    is_referent,
    resolve_credentials,
    resolve_selectors,
    selectors,
)
from tests.refresh.kit import START, manifests, secret_manifest, store

CANARY = "c4n4ry-hunter2"


def _auth(namespace: str = "", **more: Any) -> dict[str, Any]:
    where = {"namespace": namespace} if namespace else {}
    return {
        "auth": {
            "secretRef": {
                "accessKeyIDSecretRef": {"name": "keys", "key": "id", **where},
                "secretAccessKeySecretRef": {"name": "keys", "key": "secret", **where},
                **more,
            }
        }
    }


JWT = {"auth": {"jwt": {"serviceAccountRef": {"name": "reader"}}}}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DirectoryCluster]:
    made = DirectoryCluster(tmp_path, default_namespace="web", now=lambda: START)
    yield made
    made.close()


def _put(cluster: DirectoryCluster, namespace: str, **values: str) -> None:
    obj = secret_manifest("keys", namespace, **values)
    cluster.create(KINDS["Secret"], obj, field_manager="test")


@pytest.mark.parametrize(
    ("kind", "aws", "referent"),
    [
        pytest.param("SecretStore", _auth(), False, id="a-store-of-a-namespace"),
        pytest.param("ClusterSecretStore", _auth("vault"), False, id="namespaces-given"),
        pytest.param("ClusterSecretStore", _auth(), True, id="no-namespaces"),
        pytest.param(
            "ClusterSecretStore",
            _auth("vault", sessionTokenSecretRef={"name": "keys", "key": "token"}),
            True,
            id="one-without",
        ),
        pytest.param("ClusterSecretStore", {}, False, id="default-chain"),
        pytest.param("ClusterSecretStore", JWT, True, id="service-account"),
    ],
)
def test_a_cluster_store_without_namespaces_is_referent(
    kind: str, aws: dict[str, Any], referent: bool
) -> None:
    assert is_referent(store(kind=kind, **aws)) is referent


def test_every_selector_is_found_with_its_field_path() -> None:
    assert [path for path, _ in selectors(store(**_auth()))] == [
        "spec.provider.aws.auth.secretRef.accessKeyIDSecretRef",
        "spec.provider.aws.auth.secretRef.secretAccessKeySecretRef",
    ]
    assert [path for path, _ in selectors(store(**JWT))] == [
        "spec.provider.aws.auth.jwt.serviceAccountRef"
    ]
    assert list(selectors(store())) == []


@pytest.mark.parametrize(
    ("kind", "selector", "expected"),
    [
        pytest.param("SecretStore", SecretKeySelector("a", "b"), "web", id="own"),
        pytest.param("SecretStore", SecretKeySelector("a", "b", "vault"), "web", id="own-only"),
        pytest.param("ClusterSecretStore", SecretKeySelector("a", "b"), "shop", id="user's"),
        pytest.param(
            "ClusterSecretStore", SecretKeySelector("a", "b", "vault"), "vault", id="given"
        ),
    ],
)
def test_the_namespace_of_a_selector(kind: str, selector: SecretKeySelector, expected: str) -> None:
    assert credential_namespace(store(kind=kind), selector, "shop") == expected


@pytest.mark.parametrize(
    ("kind", "namespace", "found_in"),
    [
        pytest.param("SecretStore", "", "web", id="store"),
        pytest.param("ClusterSecretStore", "", "shop", id="referent"),
        pytest.param("ClusterSecretStore", "vault", "vault", id="given"),
    ],
)
def test_credentials_are_those_of_that_namespace(
    cluster: DirectoryCluster, kind: str, namespace: str, found_in: str
) -> None:
    for where in ("web", "shop", "vault"):
        _put(cluster, where, id=f"id-{where}", secret=CANARY)
    used = store(kind=kind, **_auth(namespace))
    found = resolve_credentials(used, "shop", ClusterCredentials(cluster))
    values = {selector.key: value.reveal().decode() for selector, value in found.secrets.items()}
    assert values == {"id": f"id-{found_in}", "secret": CANARY}
    assert found.context == {"namespace": "shop", "store_name": "aws", "store_kind": kind}
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(None, "Secret web/keys does not exist", id="no-secret"),
        pytest.param({"other": CANARY}, "Secret web/keys has no key 'id'", id="no-key"),
    ],
)
def test_what_is_missing_is_named_with_the_field(
    cluster: DirectoryCluster, values: dict[str, str] | None, message: str
) -> None:
    if values is not None:
        _put(cluster, "web", **values)
    with pytest.raises(AuthFailed) as caught:
        resolve_credentials(store(**_auth()), "web", ClusterCredentials(cluster))
    assert caught.value.message == (
        f"SecretStore web/aws: spec.provider.aws.auth.secretRef.accessKeyIDSecretRef: {message}"
    )
    assert caught.value.remedy
    assert CANARY not in repr(caught.value)


def test_credentials_of_path_come_before_those_of_the_cluster(cluster: DirectoryCluster) -> None:
    _put(cluster, "web", id="of-the-cluster", secret="x")
    given = manifests(secret_manifest("keys", id="of-path", secret="y"))
    source = ClusterCredentials(cluster, Overlay.of(given))
    found = source.secret("web", "keys")
    assert found is not None
    assert found["id"].reveal() == b"of-path"
    assert source.secret("web", "absent") is None


def test_a_missing_service_account_is_named(cluster: DirectoryCluster) -> None:
    with pytest.raises(AuthFailed, match="ServiceAccount web/reader does not exist"):
        resolve_credentials(store(**JWT), "web", ClusterCredentials(cluster))


LABEL = ("external-secrets.io/type", "webhook")


def _resolved(cluster: DirectoryCluster, selector: Any, overlay: Overlay | None = None) -> Any:
    return resolve_selectors(
        [("spec.provider.some.field", selector)],
        "SecretStore web/some",
        ClusterCredentials(cluster, overlay, allowed=Allowances(directory_roots=("/mnt",))),
        namespace_of=lambda _: "web",
        audiences=lambda *_: (),
        context={"namespace": "web"},
    )


def _labelled(**labels: str) -> dict[str, Any]:
    made = secret_manifest("keys", token=CANARY)
    made["metadata"]["labels"] = {key.replace("__", "/"): value for key, value in labels.items()}
    return made


def _config_map(**data: str) -> dict[str, Any]:
    meta = {"name": "keys", "namespace": "web"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


@pytest.fixture(params=["cluster", "path"])
def put(request: pytest.FixtureRequest, cluster: DirectoryCluster) -> Any:
    """Puts an object where credentials are looked up; returns the overlay."""

    def place(obj: dict[str, Any]) -> Overlay:
        if request.param == "path":
            return Overlay.of(manifests(obj))
        cluster.create(KINDS[obj["kind"]], obj, field_manager="test")
        return Overlay()

    return place


def test_a_whole_secret_with_the_label_is_handed_out(cluster: DirectoryCluster, put: Any) -> None:
    selector = WholeSecretSelector("keys", required_label=LABEL)
    overlay = put(_labelled(**{LABEL[0]: LABEL[1]}))
    found = _resolved(cluster, selector, overlay)
    assert found.whole_secrets[selector]["token"].reveal().decode() == CANARY
    assert CANARY not in repr(found)


@pytest.mark.parametrize("labels", [{}, {LABEL[0]: "other"}, {"type": "webhook"}])
def test_a_whole_secret_without_the_label_is_refused_with_the_command_that_gives_it(
    cluster: DirectoryCluster, put: Any, labels: dict[str, str]
) -> None:
    overlay = put(_labelled(**labels))
    with pytest.raises(
        AuthFailed, match=r"lacks the label external-secrets\.io/type=webhook"
    ) as no:
        _resolved(cluster, WholeSecretSelector("keys", required_label=LABEL), overlay)
    assert no.value.remedy == ("kubectl label secret -n web keys external-secrets.io/type=webhook")
    assert CANARY not in repr(no.value)


@pytest.mark.parametrize(
    ("kind", "obj"),
    [("Secret", secret_manifest("keys", ca="PEM")), ("ConfigMap", _config_map(ca="PEM"))],
)
def test_an_authority_is_found_in_either_kind(
    cluster: DirectoryCluster, put: Any, kind: str, obj: dict[str, Any]
) -> None:
    selector = CaProvider(kind, "keys", "ca")
    assert _resolved(cluster, selector, put(obj)).authorities == {selector: b"PEM"}


def test_a_text_of_a_config_map_is_found(cluster: DirectoryCluster, put: Any) -> None:
    selector = ConfigMapKeySelector("keys", "settings")
    found = _resolved(cluster, selector, put(_config_map(settings="text")))
    assert found.config_maps == {selector: "text"}


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        (WholeSecretSelector("absent", required_label=LABEL), "Secret web/absent does not exist"),
        (CaProvider("Secret", "absent", "ca"), "Secret web/absent does not exist"),
        (CaProvider("ConfigMap", "absent", "ca"), "ConfigMap web/absent does not exist"),
        (CaProvider("ConfigMap", "keys", "ca"), "ConfigMap web/keys has no key 'ca'"),
        (ConfigMapKeySelector("absent", "a"), "ConfigMap web/absent does not exist"),
        (ConfigMapKeySelector("keys", "a"), "ConfigMap web/keys has no key 'a'"),
        (ServiceAccountSelector("absent"), "ServiceAccount web/absent does not exist"),
    ],
)
def test_what_any_selector_misses_is_named(
    cluster: DirectoryCluster, put: Any, selector: Any, message: str
) -> None:
    with pytest.raises(AuthFailed, match=message):
        _resolved(cluster, selector, put(_config_map(other="text")))


def test_what_the_process_allows_reaches_the_adapter(cluster: DirectoryCluster, put: Any) -> None:
    found = _resolved(cluster, ConfigMapKeySelector("keys", "a"), put(_config_map(a="b")))
    assert found.context == {"directory_roots": "/mnt", "namespace": "web"}


def test_templates_of_stores_are_rendered(cluster: DirectoryCluster, put: Any) -> None:
    found = _resolved(cluster, ConfigMapKeySelector("keys", "a"), put(_config_map(a="b")))
    assert found.rendering()("url", "{{ .a | upper }}", {"a": b"b"}) == b"B"
    with pytest.raises(ValueError, match="url") as caught:
        found.rendering()("url", "{{ fail .a }}", {"a": CANARY.encode()})
    assert CANARY not in repr(caught.value)


def test_what_the_command_line_allows_joins_what_the_environment_does(
    cluster: DirectoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRETSYNC_WEBHOOK_NETWORKS", "10.0.0.0/8")
    monkeypatch.delenv("SECRETSYNC_DIRECTORY_ROOTS", raising=False)
    allowed = Allowances(webhook_networks=("192.168.1.7",), directory_roots=("/mnt", "/srv"))
    assert ClusterCredentials(cluster, allowed=allowed).context == {
        "webhook_networks": "10.0.0.0/8,192.168.1.7",
        "directory_roots": "/mnt:/srv",
    }


def test_nothing_is_allowed_unless_the_environment_of_the_process_says_so(
    cluster: DirectoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SECRETSYNC_WEBHOOK_NETWORKS", "SECRETSYNC_DIRECTORY_ROOTS"):
        monkeypatch.delenv(name, raising=False)
    assert ClusterCredentials(cluster).context == {}
    monkeypatch.setenv("SECRETSYNC_WEBHOOK_NETWORKS", "10.0.0.0/8")
    monkeypatch.setenv("SECRETSYNC_DIRECTORY_ROOTS", "/mnt")
    assert ClusterCredentials(cluster).context == {
        "webhook_networks": "10.0.0.0/8",
        "directory_roots": "/mnt",
    }
