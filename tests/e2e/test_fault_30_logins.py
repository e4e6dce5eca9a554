"""Fault 30: logins of Vault that end early, are revoked, or are no longer granted."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.rig import eventually
from tests.support.openbao import Bao, shared_bao
from tests.support.openbao_front import BaoFront, bao_front
from tests.support.service import RunningService
from tests.support.store_scenes import NAMESPACE, external_secret

OBJECTS = 6
INTERVAL = "3s"
FOLDERS = {
    "ClusterSecretStore": "_cluster/clustersecretstores.external-secrets.io",
    "Secret": f"{NAMESPACE}/secrets",
    "ExternalSecret": f"{NAMESPACE}/externalsecrets.external-secrets.io",
}


@dataclass
class Scene:
    """A service over a directory whose store logs in with an AppRole."""

    bao: Bao
    front: BaoFront
    folder: Path
    mount: str
    login: str
    policy: str
    service: RunningService | None = None

    def role(self, **options: Any) -> None:
        rules = {"token_policies": [self.policy], **options}
        self.bao.ask("POST", f"auth/{self.login}/role/app", rules)

    def secret_id(self) -> str:
        made: str = self.bao.ask("POST", f"auth/{self.login}/role/app/secret-id", {})["data"][
            "secret_id"
        ]
        self.put(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "approle", "namespace": NAMESPACE},
                "data": {"secret-id": base64.b64encode(made.encode()).decode()},
            }
        )
        return made

    def put(self, obj: dict[str, Any]) -> None:
        path = self.path(obj["kind"], obj["metadata"]["name"])
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(".edit")
        new.touch(0o600)
        new.write_text(yaml.safe_dump(obj))
        new.replace(path)

    def path(self, kind: str, name: str) -> Path:
        return self.folder / FOLDERS[kind] / f"{name}.yaml"

    def upstream(self, password: str) -> None:
        values = {"username": "app", "password": password}
        self.bao.ask("POST", f"{self.mount}/data/db", {"data": values})

    def passwords(self) -> set[str]:
        found = set()
        for index in range(OBJECTS):
            obj = yaml.safe_load(self.path("Secret", f"app-{index}").read_text())
            found.add(base64.b64decode(obj["data"]["password"]).decode())
        return found

    def ready(self) -> set[tuple[str, str]]:
        """Return status and reason of every Ready condition."""
        found = set()
        for index in range(OBJECTS):
            obj = yaml.safe_load(self.path("ExternalSecret", f"app-{index}").read_text())
            for condition in (obj.get("status") or {}).get("conditions") or [{}]:
                found.add((condition.get("status", ""), condition.get("reason", "")))
        return found

    def logins(self) -> int:
        return sum("/login" in call for call in self.front.calls())

    def tokens(self) -> set[str]:
        sent = (request.headers.get("x-vault-token", "") for request in self.front.seen)
        return {token for token in sent if token}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    bao = shared_bao()
    mount, login = bao.engine(), bao.method("approle")
    policy = bao.policy({f"{mount}/*": ["read", "list", "scan"]})
    with bao_front() as front:
        made = Scene(bao, front, tmp_path / "cluster", mount, login, policy)
        yield made
        if made.service is not None:
            made.service.kill()


def start(scene: Scene, tmp_path: Path, **role: Any) -> RunningService:
    """Put everything in, start the service, and wait until all is synced."""
    scene.role(**role)
    scene.secret_id()
    role_id = scene.bao.ask("GET", f"auth/{scene.login}/role/app/role-id")["data"]["role_id"]
    secret_ref = {"name": "approle", "key": "secret-id", "namespace": NAMESPACE}
    block = {
        "server": scene.front.url,
        "path": scene.mount,
        "caBundle": base64.b64encode(scene.front.ca_pem).decode(),
        "auth": {"appRole": {"path": scene.login, "roleId": role_id, "secretRef": secret_ref}},
    }
    scene.put(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterSecretStore",
            "metadata": {"name": "bao"},
            "spec": {"provider": {"vault": block}},
        }
    )
    scene.upstream("v1")
    for index in range(OBJECTS):
        scene.put(external_secret(f"app-{index}", "bao", "db", refresh_interval=INTERVAL))
    service = RunningService(["--to", f"dir:{scene.folder}"], env={}, log=tmp_path / "log")
    scene.service = service
    service.wait_ready()
    eventually(lambda: scene.ready() == {("True", "SecretSynced")}, within_s=60)
    assert scene.passwords() == {"v1"}
    return service


def test_fault_30_login_that_lives_shorter_than_a_refresh_is_kept_alive_and_revoked(
    scene: Scene, tmp_path: Path
) -> None:
    """At most one login for each longest life, and none is left behind."""
    life_s, watched_s = 8, 24
    began_s = time.monotonic()
    service = start(scene, tmp_path, token_ttl="4s", token_max_ttl=f"{life_s}s")
    time.sleep(watched_s)
    logins = eventually(lambda: scene.logins() if scene.logins() > 1 else 0)
    assert logins <= 1 + (time.monotonic() - began_s) / (life_s / 2)
    scene.upstream("v2")
    eventually(lambda: scene.passwords() == {"v2"}, within_s=40)
    eventually(lambda: scene.ready() == {("True", "SecretSynced")}, within_s=40)
    tokens = scene.tokens()
    service.stop()
    eventually(lambda: not any(scene.bao.lives(token) for token in tokens))


def test_fault_30_token_that_is_revoked_costs_one_more_login(scene: Scene, tmp_path: Path) -> None:
    service = start(scene, tmp_path, token_ttl="1h")
    assert scene.logins() == 1
    (token,) = scene.tokens()
    scene.bao.ask("POST", "auth/token/revoke", {"token": token})
    scene.upstream("v2")
    eventually(lambda: scene.passwords() == {"v2"}, within_s=60)
    eventually(lambda: scene.ready() == {("True", "SecretSynced")}, within_s=60)
    assert scene.logins() == 2
    tokens = scene.tokens()
    service.stop()
    eventually(lambda: not any(scene.bao.lives(each) for each in tokens))


def test_fault_30_login_that_is_no_longer_granted_keeps_the_secrets_and_heals(
    scene: Scene, tmp_path: Path
) -> None:
    service = start(scene, tmp_path, token_ttl="1h")
    kept = scene.passwords()
    (token,) = scene.tokens()
    scene.bao.ask("DELETE", f"auth/{scene.login}/role/app")
    scene.bao.ask("POST", "auth/token/revoke", {"token": token})
    scene.upstream("v2")
    eventually(lambda: all(status == "False" for status, _ in scene.ready()), within_s=60)
    refused = scene.logins()
    time.sleep(6)
    # Six objects of one store: a refused login is not tried again for each of them.
    assert scene.logins() - refused <= 4
    assert scene.passwords() == kept
    assert token not in service.log_text()
    role_id = yaml.safe_load(scene.path("ClusterSecretStore", "bao").read_text())["spec"][
        "provider"
    ]["vault"]["auth"]["appRole"]["roleId"]
    scene.role(token_ttl="1h")
    scene.bao.ask("POST", f"auth/{scene.login}/role/app/role-id", {"role_id": role_id})
    scene.secret_id()
    eventually(lambda: scene.passwords() == {"v2"}, within_s=120)
    eventually(lambda: scene.ready() == {("True", "SecretSynced")}, within_s=60)
