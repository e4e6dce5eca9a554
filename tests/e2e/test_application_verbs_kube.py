"""Every verb of `secretsync app`, against the real API server that a kubeconfig names.

No service runs: the command does the work. The repository is served over HTTPS, as a
cluster's must be.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes import KubernetesCluster, open_kubernetes
from tests.cli.kit import ROOT, Ended
from tests.gitops.signing_kit import ssh_key
from tests.support.app_world import ObjectRepository, config_map
from tests.support.gitops_site import gitops_site
from tests.support.kube import KubeServer
from tests.support.service import clean_environment

pytestmark = [
    pytest.mark.built,
    pytest.mark.xdist_group("application-verbs"),
    pytest.mark.timeout(600),
]

SYNCED = {"sync": "Synced", "health": "Healthy"}
ALL = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
#: Every minute begins an hour.
ALWAYS = {"schedule": "* * * * *", "duration": "1h", "applications": ["*"]}


class Site:
    """An API server, a repository over HTTPS, and the command between them."""

    def __init__(self, folder: Path, server: KubeServer, url: str) -> None:
        self.folder, self.server, self.url = folder, server, url
        self.repository = ObjectRepository(folder / "git" / "shop")
        self.cluster: KubernetesCluster = open_kubernetes()

    def app(
        self, name: str, *, namespace: str = "argocd", project: str = "default", **more: Any
    ) -> str:
        """Write the manifest of an Application of the folder of its name; return its path."""
        path = self.folder / f"{name}.yaml"
        document = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": namespace},
            "spec": self.app_spec(name, project=project),
        }
        path.write_text(yaml.safe_dump({**document, **more}))
        return str(path)

    def app_spec(self, name: str, *, project: str = "default") -> dict[str, Any]:
        """Return the `spec` of an Application of the folder of its name."""
        return {
            "project": project,
            "source": {"repoURL": self.url, "path": name, "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
            "syncPolicy": {"syncOptions": ["CreateNamespace=true"]},
        }

    def put_project(self, name: str, *, namespace: str = "argocd", **spec: Any) -> None:
        """Make an AppProject, of the control plane if nothing else is said."""
        self.cluster.apply(
            KINDS["AppProject"],
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "AppProject",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {**ALL, **spec},
            },
            field_manager="somebody",
        )

    def run(self, verb: str, *arguments: str) -> Ended:
        """Run `secretsync app VERB …` on the API server."""
        cache = [] if verb == "list" else ["--cache-dir", str(self.folder / "cache")]
        env = {"KUBECONFIG": str(self.server.kubeconfig), "PYTHONPATH": str(ROOT)}
        ended = subprocess.run(
            [sys.executable, "-m", "secretsync", "app", verb, *arguments, "--to", "kube", *cache],
            capture_output=True,
            env={**clean_environment(), **env},
            timeout=240,
            check=False,
        )
        assert b"internal error" not in ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def json(self, verb: str, *arguments: str, code: int = 0) -> Any:
        """Run a verb with `-o json`; return what it says once its exit code is right."""
        ended = self.run(verb, *arguments, "-o", "json")
        assert ended.code == code, (verb, ended)
        return ended.json

    def value(self, name: str, namespace: str) -> str | None:
        """Return what a ConfigMap has, None where there is none."""
        found = self.cluster.get(KINDS["ConfigMap"], namespace, name)
        return None if found is None else str(found["data"]["a"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("verbs")
    with gitops_site(folder, "tenant") as servers:
        found = Site(folder, servers.server, servers.know("shop"))
        yield found
        found.cluster.close()


def test_verbs_of_app_at_the_api_server_do_and_say_what_they_do_in_a_directory(site: Site) -> None:
    first = site.repository.commit_objects("web/a.yaml", config_map("a"))
    file, web = site.app("web"), "argocd/web"
    place = {"namespace": "argocd", "name": "web"}

    def is_about_web(said: Any) -> bool:
        return place.items() <= dict(said["application"]).items()

    assert is_about_web(site.json("plan", file, code=1))
    assert site.value("a", "web") is None
    assert is_about_web(site.json("sync", file))
    assert site.value("a", "web") == "1"
    assert is_about_web(site.json("plan", web))
    assert SYNCED.items() <= site.json("get", web).items()
    assert SYNCED.items() <= site.json("wait", web, "--timeout", "60").items()
    assert "ConfigMap" in site.run("tree", web).out
    assert site.json("tree", web)
    assert "web" in str(site.json("list"))

    second = site.repository.commit_objects("web/a.yaml", config_map("a", "2"), config_map("b"))
    assert site.run("diff", web, "--revision", first).code == 0
    assert site.json("diff", web, "--revision", second, code=1)
    assert site.json("sync", web)
    assert (site.value("a", "web"), site.value("b", "web")) == ("2", "1")
    assert len(site.json("history", web)) == 2

    assert site.json("rollback", web)
    assert site.value("a", "web") == "1"
    assert site.json("rollback", web, "--release") == {"application": place, "released": 0}
    ended = site.run("terminate", web, "-o", "json")
    assert (ended.code, "no operation is under way" in ended.err) == (2, True)
    asked = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": place,
        "operation": {"sync": {}, "initiatedBy": {"username": "somebody"}},
    }
    site.cluster.apply(KINDS["Application"], asked, field_manager="somebody")
    assert is_about_web(site.json("terminate", web))

    # With a cascade it waits for the garbage collector, which is not here.
    deleted = site.json("delete", web, "--no-cascade")
    assert is_about_web(deleted)
    assert deleted["gone"] is True
    assert site.value("a", "web") == "1"
    assert site.run("get", web).code == 2


def test_sync_window_at_the_api_server_stops_a_command_until_manual_sync_lets_it(
    site: Site,
) -> None:
    site.repository.commit_objects("window/a.yaml", config_map("a"))
    file = site.app("window", project="windows")
    site.put_project(
        "windows",
        clusterResourceWhitelist=[{"group": "", "kind": "Namespace"}],
        syncWindows=[{"kind": "deny", **ALWAYS}],
    )
    ended = site.run("sync", file)
    assert (ended.code, "a sync window is closed to it" in ended.err) == (2, True), ended
    assert site.value("a", "window") is None
    site.put_project(
        "windows",
        clusterResourceWhitelist=[{"group": "", "kind": "Namespace"}],
        syncWindows=[{"kind": "deny", **ALWAYS, "manualSync": True}],
    )
    assert site.run("sync", file).code == 0
    assert site.value("a", "window") == "1"


def test_commit_without_the_signature_that_the_project_demands_is_not_applied_at_the_api_server(
    site: Site, tmp_path: Path
) -> None:
    key = ssh_key(tmp_path / "key")
    site.repository.commit_objects("signed/a.yaml", config_map("a"))
    policies = [{"repos": [{"url": "*"}], "gpg": {"mode": "head", "keys": [key]}}]
    site.put_project(
        "signed",
        clusterResourceWhitelist=[{"group": "", "kind": "Namespace"}],
        sourceIntegrity={"git": {"policies": policies}},
    )
    file = site.app("signed", project="signed")
    ended = site.run("sync", file)
    assert (ended.code, "is unsigned" in ended.err) == (2, True), ended
    assert site.value("a", "signed") is None
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={tmp_path / 'key'}")
    site.repository.git(*signing, "commit", "-q", "--allow-empty", "--gpg-sign", "-m", "signed")
    assert site.run("sync", file).code == 0
    assert site.value("a", "signed") == "1"


def test_application_of_a_tenant_at_the_api_server_gains_nothing_that_the_project_does_not_give(
    site: Site,
) -> None:
    """Neither `default` nor a project of its own lets it in."""
    site.repository.commit_objects("lent/a.yaml", config_map("a"))
    file = site.app("lent", namespace="tenant")
    ended = site.run("sync", file)
    said = "does not allow Applications in the namespace tenant"
    assert (ended.code, said in ended.err) == (2, True), ended
    site.put_project("lent", namespace="tenant", sourceNamespaces=["*"])
    site.put_project("lent")
    file = site.app("lent", namespace="tenant", project="lent")
    ended = site.run("sync", file)
    assert (ended.code, said in ended.err) == (2, True), ended
    assert site.value("a", "lent") is None
    kinds = [{"group": "", "kind": "Namespace"}]
    site.put_project("lent", sourceNamespaces=["ten*"], clusterResourceWhitelist=kinds)
    assert site.run("sync", file).code == 0
    assert site.value("a", "lent") == "1"
