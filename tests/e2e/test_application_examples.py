"""The example repository, each of its applications synced into a directory.

`test_application_examples_kube.py` does the same with the service on a real API server.
"""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cli.kit import Ended
from tests.e2e.sealed_rig import key_object
from tests.support.app_world import AppWorld
from tests.support.gitops_example import CANARY, ExampleRepository

pytestmark = [
    pytest.mark.xdist_group("application-examples"),
    pytest.mark.timeout(600),
]

#: Where the stores come from goes first; waves say the same to who serves them.
FIRST = ("stores", "cert-manager")
#: The Secrets that come of it, with their keys.
SECRETS = {
    "billing/invoice-signing": {"password"},
    "billing/payments": {"api_key", "webhook_secret"},
    "mail/smtp": {"SMTP_PASSWORD"},
    "monitoring/grafana": {"admin-password"},
    "staging/database-credentials": {"password"},
    "web/database-credentials": {"username", "password"},
}


class Examples:
    """The repository, synced once and once more."""

    def __init__(self, folder: Path) -> None:
        self.world = AppWorld(folder)
        self.repository = ExampleRepository(folder / "shop")
        key = self.world.path("secretsync-system", "secrets", "sealed-secrets-keyaaaaa")
        key.parent.mkdir(parents=True, mode=0o700)
        key.touch(mode=0o600)
        key.write_text(yaml.safe_dump(key_object(key.stem, "secretsync-system")))
        self.names = [*FIRST, *(n for n in self.repository.names if n not in FIRST)]
        self.first = self._sync_all()
        self.written = self.stamps()
        self.second = self._sync_all()

    def _sync_all(self) -> dict[str, Ended]:
        found = {"root": self.world.run("sync", "-o", "json", app=str(self.repository.root))}
        for name in self.names:
            found[name] = self.world.run("sync", "-o", "json", app=f"argocd/{name}")
        return found

    def stamps(self) -> dict[Path, int]:
        """Return when each object but the Applications was last written."""
        return {
            path: path.stat().st_mtime_ns
            for path in self.world.root.glob("[!.]*/*/*.yaml")
            if "applications" not in path.parent.name
        }


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examples]:
    """Everything synced twice."""
    found = Examples(tmp_path_factory.mktemp("examples"))
    yield found
    found.world.close()


def test_every_example_syncs_into_a_directory_as_it_stands(examples: Examples) -> None:
    assert len(examples.first) >= 13
    failed = {name: ended.err for name, ended in examples.first.items() if ended.code}
    assert failed == {}


def test_every_example_synced_again_writes_no_object(examples: Examples) -> None:
    assert {name: ended.code for name, ended in examples.second.items()} == dict.fromkeys(
        examples.second, 0
    )
    after = examples.stamps()
    rewritten = [path for path in after if after[path] != examples.written.get(path)]
    assert rewritten == []
    assert after.keys() == examples.written.keys()


def test_every_example_is_synced_and_healthy_and_planned_no_further(examples: Examples) -> None:
    listed = examples.world.run("list", "-o", "json").json
    found = {row["name"]: (row["sync"], row["health"]) for row in listed}
    assert found == dict.fromkeys(("root", *examples.names), ("Synced", "Healthy"))
    for name in ("root", *examples.names):
        ended = examples.world.run("plan", app=f"argocd/{name}")
        assert ended.code == 0, ended.out


def test_examples_make_the_secrets_behind_them_for_their_owner_alone(examples: Examples) -> None:
    files = examples.world.root.glob("[!.]*/secrets/*.yaml")
    made = {f"{p.parts[-3]}/{p.stem}": p for p in files if p.parts[-3] != "secretsync-system"}
    secrets = {name: yaml.safe_load(path.read_text()) for name, path in made.items()}
    assert {name: set(secret["data"]) for name, secret in secrets.items()} == SECRETS
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.values()} == {0o600}
    for secret in secrets.values():
        annotations = secret["metadata"].get("annotations") or {}
        assert "argocd.argoproj.io/tracking-id" not in annotations
        assert secret["metadata"]["ownerReferences"][0]["controller"] is True


def test_examples_show_no_value(examples: Examples) -> None:
    for ended in (*examples.first.values(), *examples.second.values()):
        assert CANARY not in ended.out + ended.err
        assert "made-up" not in ended.out + ended.err


def test_value_that_was_sealed_is_in_its_secret_alone(examples: Examples) -> None:
    """Not in the caches of Git and of renders, histories, statuses and events."""
    encoded = base64.b64encode(CANARY.encode())
    held = set()
    for path in examples.world.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if CANARY.encode() in content or encoded[:-4] in content:
                held.add(path.relative_to(examples.world.folder).as_posix())
    assert held == {"cluster/mail/secrets/smtp.yaml"}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("web/deployments.apps/web", {"replicas": 3}),
        ("staging/deployments.apps/web-staging", {"replicas": 2}),
        ("ingress-nginx/services/ingress-nginx-controller", {"type": "NodePort"}),
        ("cert-manager/deployments.apps/cert-manager", {"replicas": 2}),
    ],
)
def test_example_has_what_overlay_values_and_parameters_say(
    examples: Examples, file: str, expected: dict[str, object]
) -> None:
    found = yaml.safe_load((examples.world.root / f"{file}.yaml").read_text())
    assert {name: found["spec"][name] for name in expected} == expected


def test_plain_folder_of_the_examples_takes_what_its_options_say(examples: Examples) -> None:
    folder = examples.world.root / "company" / "configmaps"
    assert {path.stem for path in folder.glob("*.yaml")} == {"limits", "region-eu", "region-uk"}


def test_application_that_leaves_the_root_goes_with_all_that_it_made(examples: Examples) -> None:
    world = examples.world
    (examples.repository.folder / "argocd/applications/mail.yaml").unlink()
    examples.repository.commit({})
    assert (world.root / "mail/secrets/smtp.yaml").exists()
    pruned = world.run("sync", "-o", "json", app="argocd/root")
    assert pruned.code == 0, pruned.err
    left = {path.name for path in (world.root / "mail").rglob("*.yaml")}
    assert left == set()
    assert not world.path("argocd", "applications.argoproj.io", "mail").exists()
