"""Repositories over HTTPS: logins, what is refused, and that no password is anywhere."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.cluster.directory import DirectoryCluster
from secretsync.gitops.errors import GitOpsError, SourceError, SourceForbidden, SourceUnavailable
from secretsync.gitops.sources.git_program import GitProgram, checked_url
from secretsync.gitops.sources.repo_credentials import RepoSecrets, normal_url
from secretsync.gitops.sources.repo_logins import RepoLogins
from secretsync.gitops.sources.repositories import Repositories
from secretsync.resources.timestamps import parse_timestamp
from tests.support.git_repository import GitRepository
from tests.support.git_server import GitServer, git_server
from tests.support.kube_certs import CertificateAuthority
from tests.support.web import Reply, Request, WebServer

CANARY = "canary-9f1c-must-not-show"
LABEL = "argocd.argoproj.io/secret-type"


class Scene:
    """A repository behind a server, and who asks for it."""

    def __init__(self, folder: Path, server: GitServer) -> None:
        self.folder = folder
        self.server = server
        self.repository = GitRepository(folder / "served" / "shop")
        self.commit = self.repository.commit({"app/a.yaml": "a: 1"})
        self.url = server.url("shop/.git")
        self.cluster = DirectoryCluster(
            folder / "cluster",
            default_namespace="argocd",
            now=lambda: parse_timestamp("2026-01-01T00:00:00Z"),  # type: ignore[arg-type,return-value] # a good time
        )
        ca = folder / "ca.crt"
        ca.write_bytes(server.web.ca_pem)
        self.git = GitProgram(local=False, ca_file=ca)
        self.repositories = self.opened(self.git)

    def opened(self, git: GitProgram) -> Repositories:
        logins = RepoLogins(self.cluster)
        return Repositories(self.folder / "cache", git, local=False, logins=logins)

    def secret(self, kind: str = "repository", namespace: str = "argocd", **data: str) -> None:
        folder = self.folder / "cluster" / namespace / "secrets"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        lines = "".join(f"  {key}: {value}\n" for key, value in encoded.items())
        file = folder / f"{kind}.yaml"
        file.touch(mode=0o600)
        file.write_text(
            f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {kind}\n  namespace: {namespace}\n"
            f"  labels: {{{LABEL}: {kind}}}\ndata:\n{lines}"
        )

    def config_map(self, name: str, **data: str) -> None:
        folder = self.folder / "cluster" / "argocd" / "configmaps"
        folder.mkdir(parents=True, exist_ok=True)
        made = {"apiVersion": "v1", "kind": "ConfigMap", "data": data}
        made["metadata"] = {"name": name, "namespace": "argocd"}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(made))

    def resolve(self, project: str = "default") -> str:
        self.repositories.forget()
        commit = self.repositories.resolve(self.url, "main", project=project)
        self.repositories.tree(self.url, commit, project=project)
        return commit


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "served").mkdir()
    with git_server(tmp_path / "served") as server:
        made = Scene(tmp_path, server)
        yield made
        made.cluster.close()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("repository", {"username": "reader", "password": CANARY}),
        ("repo-creds", {"username": "reader", "password": CANARY}),
    ],
)
def test_repository_secret_logs_in_and_its_password_is_in_no_command_line(
    scene: Scene, kind: str, data: dict[str, str]
) -> None:
    scene.server.basic("reader", CANARY)
    url = scene.url if kind == "repository" else scene.server.web.url
    scene.secret(kind, url=url, **data)
    assert scene.resolve() == scene.commit
    assert scene.server.command_lines
    assert not any(CANARY.encode() in line for line in scene.server.command_lines)


def test_bearer_token_is_sent_as_such(scene: Scene) -> None:
    scene.server.expected = f"Bearer {CANARY}"
    scene.secret(url=scene.url, bearerToken=CANARY)
    assert scene.resolve() == scene.commit
    assert not any(CANARY.encode() in line for line in scene.server.command_lines)


@pytest.mark.parametrize("given", [{}, {"username": "reader", "password": f"{CANARY}-wrong"}])
def test_login_that_is_refused_says_so_and_shows_nothing_of_it(
    scene: Scene, given: dict[str, str]
) -> None:
    scene.server.basic("reader", CANARY)
    scene.secret(url=scene.url, **given)
    with pytest.raises(SourceForbidden) as caught:
        scene.resolve()
    assert "refuses the login" in caught.value.message
    assert CANARY not in f"{caught.value.message}{caught.value.remedy}"


def test_login_that_is_revoked_in_the_middle_is_an_error_and_heals(scene: Scene) -> None:
    scene.server.basic("reader", CANARY)
    scene.secret(url=scene.url, username="reader", password=CANARY)
    assert scene.resolve() == scene.commit
    scene.server.basic("reader", "another")
    with pytest.raises(SourceForbidden):
        scene.resolve()
    assert scene.repositories.tree(scene.url, scene.commit).id("app/a.yaml") is not None
    scene.secret(url=scene.url, username="reader", password="another")
    assert scene.resolve() == scene.commit


@pytest.mark.parametrize("given", ["password", "bearerToken"])
def test_login_does_not_follow_where_a_server_leads(
    scene: Scene, tmp_path: Path, given: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    with git_server(tmp_path / "elsewhere") as there:
        there.basic("nobody", "knows")

        def lead(request: Request) -> Reply:
            return Reply(302, {"Location": f"{there.web.url}{request.path}"}, b"")

        with contextlib.closing(WebServer(lead, authority=CertificateAuthority())) as here:
            (scene.folder / "ca.crt").write_bytes(here.ca_pem + there.web.ca_pem)
            scene.url = f"{here.url}/shop"
            scene.secret(url=scene.url, **{given: CANARY})
            with pytest.raises(GitOpsError):
                scene.resolve()
        assert not any("authorization" in each.headers for each in there.web.requests)


@pytest.mark.parametrize("commit", ["--upload-pack=id", "main", "HEAD", "a" * 39])
def test_revision_of_a_status_that_is_no_commit_is_not_given_to_git(
    scene: Scene, commit: str
) -> None:
    calls = scene.git.calls
    with pytest.raises(SourceError, match="is no commit"):
        scene.repositories.tree(scene.url, commit)
    assert scene.git.verbs["fetch"] == 0
    assert scene.git.calls - calls <= 1  # To make the folder that it would be in.


def test_secret_of_a_tenants_namespace_is_no_login(scene: Scene) -> None:
    scene.server.basic("reader", CANARY)
    scene.secret(namespace="team", url=scene.url, username="reader", password=CANARY)
    with pytest.raises(SourceForbidden):
        scene.resolve()


def test_login_of_one_project_reads_for_its_applications_and_for_no_others(scene: Scene) -> None:
    scene.server.basic("reader", CANARY)
    scene.secret(url=scene.url, username="reader", password=CANARY, project="team")
    assert scene.resolve(project="team") == scene.commit
    for project in ("", "default", "other"):
        # What the project has fetched is nobody else's, though it lies beside.
        with pytest.raises(SourceForbidden):
            scene.repositories.resolve(scene.url, "main", project=project)
        with pytest.raises(SourceForbidden):
            scene.repositories.tree(scene.url, scene.commit, project=project)
        with (
            pytest.raises(SourceForbidden),
            scene.repositories.laid_out(scene.url, scene.commit, project=project),
        ):
            pass


@pytest.mark.parametrize("field", ["proxy", "githubAppID", "gcpServiceAccountKey"])
def test_field_of_a_repository_secret_that_nobody_serves_is_refused_by_name(
    scene: Scene, field: str
) -> None:
    scene.secret(url=scene.url, **{field: "true"})
    with pytest.raises(SourceForbidden, match=f"has {field}, which is not served"):
        scene.resolve()


def test_certificates_of_argo_cds_config_map_are_trusted_by_host(scene: Scene) -> None:
    scene.repositories = scene.opened(GitProgram(local=False))
    scene.config_map(
        "argocd-tls-certs-cm", **{"elsewhere.example": scene.server.web.ca_pem.decode()}
    )
    with pytest.raises(SourceForbidden, match="certificate"):
        scene.resolve()
    scene.config_map("argocd-tls-certs-cm", **{"127.0.0.1": scene.server.web.ca_pem.decode()})
    assert scene.resolve() == scene.commit


def test_server_whose_certificate_nobody_trusts_is_refused(scene: Scene) -> None:
    scene.repositories = scene.opened(GitProgram(local=False))
    with pytest.raises(SourceForbidden, match="certificate"):
        scene.resolve()


def test_repository_is_asked_once_a_round_and_fetched_once_a_change(scene: Scene) -> None:
    for _ in range(5):
        assert scene.repositories.resolve(scene.url, "main") == scene.commit
        scene.repositories.tree(scene.url, scene.commit)
    # One look, and the look that a fetch begins with.
    assert scene.server.count("info/refs") == 2
    scene.resolve()
    assert scene.server.count("info/refs") == 3


def test_server_that_is_away_says_nothing_of_the_revision(scene: Scene) -> None:
    scene.resolve()
    scene.server.web.close()
    with pytest.raises(GitOpsError) as caught:
        scene.resolve()
    assert isinstance(caught.value, SourceUnavailable)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "ext::sh -c id",
        "--upload-pack=id",
        "git://example.com/x",
        "http://example.com/x",
        "https://user:password@example.com/x",
        "/etc",
        "",
        "https://elsewhere.example.com?@example.com/x",
        "https://elsewhere.example.com#@example.com/x",
        "https://example.com/team/../x",
        "https://example.com/team/%2e%2e/x",
        "git@example.com:team/../x",
        "https://example.com/x\n",
    ],
)
def test_url_of_another_protocol_is_refused_before_git_sees_it(url: str) -> None:
    with pytest.raises(SourceForbidden):
        checked_url(url, local=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.git",
        "https://org@example.com/a",
        "ssh://git@example.com/a",
        "git@example.com:a/b.git",
    ],
)
def test_url_over_https_and_ssh_is_served(url: str) -> None:
    assert checked_url(url, local=False) == url


def test_longest_prefix_wins_and_an_own_secret_before_it() -> None:
    def secret(kind: str, **data: str) -> dict[str, Any]:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        return {"metadata": {"labels": {LABEL: kind}}, "data": encoded}

    found = RepoSecrets(
        [
            secret("repo-creds", url="https://example.com", username="all", password="x"),
            secret("repo-creds", url="https://example.com/team", username="team", password="x"),
            secret(
                "repository", url="https://example.com/team/own.git", username="own", password="x"
            ),
            secret("repository", url="https://example.com/team/bare"),
            secret("cluster", url="https://elsewhere.example.com", username="no"),
        ]
    )
    users = {
        url: found.find(url).username
        for url in (
            "https://example.com/a",
            "https://EXAMPLE.com/team/a.git",
            "https://example.com/team/own/",
            "https://example.com/team/bare.git",
            "https://elsewhere.example.com",
        )
    }
    assert list(users.values()) == ["all", "team", "own", "team", ""]
    assert normal_url("https://user@Example.com/a.git/") == "https://example.com/a"


@pytest.mark.parametrize(
    ("template", "url", "fits"),
    [
        ("https://example.com/", "https://example.com.elsewhere.example/x", False),
        ("https://example.com", "https://example.com.elsewhere.example/x", False),
        ("https://example.com", "https://example.community/x", False),
        ("https://example.com", "https://example.com:8443/x", False),
        ("https://example.com", "https://example.com/x", True),
        ("https://example.com/team/", "https://example.com/team-b/x", False),
        ("https://example.com/team/", "https://example.com/team/x", True),
        ("https://example.com/team", "https://example.com/team-b/x", True),
        ("https://example.com/team", "https://elsewhere.example?@example.com/team/x", False),
        ("https://example.com/team", "https://elsewhere.example#@example.com/team/x", False),
        ("git@example.com", "git@example.community:x", False),
        ("git@example.com", "git@example.com:team/x", True),
        ("git@example.com:team", "git@example.com:team/x", True),
        ("git@example.com:team", "ssh://git@example.com/team/x", True),
        ("ssh://git@example.com/team", "git@example.com:team/x", True),
        ("ssh://git@example.com", "git@example.com:team/x", True),
        ("git@example.com", "ssh://git@example.com:2222/team/x", False),
        ("git@example.com:team", "https://example.com/team/x", False),
        ("git@example.com:team", "root@example.com:team/x", False),
        ("example.com", "oci://example.community/x", False),
        ("example.com", "oci://example.com/x", True),
    ],
)
def test_template_of_a_host_is_for_no_other_host(template: str, url: str, fits: bool) -> None:
    fields = {"url": template, "username": "reader", "password": "x"}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in fields.items()}
    found = RepoSecrets([{"metadata": {"labels": {LABEL: "repo-creds"}}, "data": data}])
    assert bool(found.find(url).username) is fits
