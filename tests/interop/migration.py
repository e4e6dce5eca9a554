"""A cluster that moves from Sealed Secrets to ours, and back; what it looked like between.

test_migration.py judges. People use kubeseal all along; nothing is sealed again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sealing import parse_certificate, seal_value
from tests.e2e.rig import eventually, settled
from tests.support.kube import KubeServer
from tests.support.sealed_controller import SealedController
from tests.support.sealed_crd import install_their_crd
from tests.support.sealed_install import SYSTEM, install_ours
from tests.support.sealed_objects import SealedObjects, data_of
from tests.support.sealing_commands import kubeseal, ran
from tests.support.service import RunningService

__all__ = ["DELETED", "EVERYTHING", "KINDS_OF_SECRET", "REFUSED", "Look", "Story", "tell"]

KEYS = "kube-system"
PREFIX = "sealedsecrets.bitnami.com"
MANAGED, PATCH = f"{PREFIX}/managed", f"{PREFIX}/patch"
SKIP_OWNER = f"{PREFIX}/skip-set-owner-references"
TEMPLATE = {"url": "postgres://{{ .user }}:{{ .password }}@db", "json": "{{ toJson .user }}"}
VALUES = {"user": b"app", "password": b"hunter2"}


@dataclass(frozen=True)
class Sort:
    """One sort of SealedSecret that a migrated cluster holds.

    Args:
        flags: of kubeseal.
        secret: fields of the Secret that is sealed.
        template: fields that the SealedSecret's template gets by hand.
        before: metadata and data of the Secret that is there first.
    """

    flags: tuple[str, ...] = ()
    secret: dict[str, Any] = field(default_factory=dict)
    template: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None


def _there(*annotations: str) -> dict[str, Any]:
    marks = dict.fromkeys(annotations, "true")
    return {"metadata": {"annotations": marks}, "data": {"foreign": "eA=="}}


KINDS_OF_SECRET = {
    "plain": Sort(),
    "namespace-wide": Sort(flags=("--scope", "namespace-wide")),
    "cluster-wide": Sort(flags=("--scope", "cluster-wide")),
    "typed": Sort(secret={"type": "example.com/login"}),
    "templated": Sort(template={"data": TEMPLATE}),
    "labelled": Sort(secret={"metadata": {"labels": {"app": "x"}, "annotations": {"note": "y"}}}),
    "immutable": Sort(secret={"immutable": True}),
    "managed": Sort(before=_there(MANAGED)),
    "patched": Sort(before=_there(PATCH)),
    "patched-managed": Sort(before=_there(PATCH, MANAGED)),
    "old-form": Sort(),
    "ownerless": Sort(secret={"metadata": {"annotations": {SKIP_OWNER: "true", MANAGED: "true"}}}),
}
#: What theirs refuses, and ours must not take up: a stranger's value, a foreign Secret.
REFUSED = {
    "stranger": Sort(),
    "foreign": Sort(before={"metadata": {}, "data": {"foreign": "eA=="}}),
}
#: Secrets that people delete, to see them come back.
DELETED = ("plain", "templated", "managed")
EVERYTHING = KINDS_OF_SECRET | REFUSED


@dataclass
class Look:
    """The namespace at one moment: Secrets, their versions, and the conditions."""

    secrets: dict[str, dict[str, Any]]
    versions: dict[str, str]
    conditions: dict[str, str]
    sealed: dict[str, dict[str, Any]]
    keys: dict[str, str]


@dataclass
class Story:
    """What happened, by chapter."""

    looks: dict[str, Look] = field(default_factory=dict)
    #: Chapter → whether each thing that people do worked.
    deeds: dict[str, dict[str, Any]] = field(default_factory=dict)
    service_log: str = ""
    private_key_operations: dict[str, float] = field(default_factory=dict)


class _Cluster:
    """The stage: an API server with a garbage collector and one namespace of a team."""

    def __init__(self, server: KubeServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.objects = SealedObjects(server, server.admin.create_namespace("shop"))
        self.keys = SealedObjects(server, KEYS)
        self.cert = folder / "cert.pem"

    def sealed(self, name: str, sort: Sort, values: dict[str, bytes]) -> dict[str, Any]:
        """Seal with the real kubeseal and the certificate that theirs gave out."""
        encoded = {key: base64.b64encode(value).decode() for key, value in values.items()}
        metadata = {"name": name, "namespace": self.objects.namespace}
        metadata |= sort.secret.get("metadata", {})
        secret = {"apiVersion": "v1", "kind": "Secret", **sort.secret, "metadata": metadata}
        given = json.dumps({**secret, "data": encoded}).encode()
        made = json.loads(ran(kubeseal("--cert", self.cert, *sort.flags, given=given)))
        if name == "stranger":
            # Strict, and for another name: as wrong as another cluster's.
            made["spec"]["encryptedData"] = self.sealed("friend", sort, values)["spec"][
                "encryptedData"
            ]
        made["spec"]["template"] |= sort.template
        if name == "old-form":
            made["spec"] = {"encryptedData": {}, "data": self._blob(secret, encoded)}
        return dict(made)

    def _blob(self, secret: dict[str, Any], data: dict[str, str]) -> str:
        """The whole Secret in one value, as kubeseal before 0.7 made it and today's will not."""
        metadata = secret["metadata"]
        place = {"namespace": metadata["namespace"], "name": metadata["name"]}
        certificate = parse_certificate(self.cert.read_bytes())
        text = json.dumps({**secret, "data": data}).encode()
        return seal_value(text, certificate, now=datetime.now(UTC), **place)

    def look(self) -> Look:
        """Look at everything."""
        objects = self.objects
        names = list(objects.secret_versions())
        sealed = {name: objects.get(name) for name in EVERYTHING}
        return Look(
            secrets={name: objects.secret(name) or {} for name in names},
            versions=objects.secret_versions(),
            conditions={name: objects.condition(name).get("status", "") for name in sealed},
            sealed={name: dict(each or {}) for name, each in sealed.items()},
            keys={
                name: version
                for name, version in self.keys.secret_versions().items()
                if name.startswith("sealed-secrets-key")
            },
        )

    def deeds(self, chapter: str) -> dict[str, Any]:
        """Do what people do with SealedSecrets; return what came of it."""
        objects, name = self.objects, f"new-{chapter}"
        found: dict[str, Any] = {}
        made = objects.unsealed(self.sealed(name, Sort(), {"k": b"1"}))
        found["new"] = data_of(made)
        objects.put(self.sealed(name, Sort(), {"k": b"2", "l": b"3"}))
        objects.wait_condition(name, "True")
        found["edited"] = _data(objects, name)
        for each in (name, *DELETED):
            objects.delete_secret(each)
            eventually(lambda each=each: objects.secret(each) is not None, what=f"{each} is gone")
            found[f"healed {each}"] = _data(objects, each)
        objects.delete(name)
        eventually(lambda: objects.secret(name) is None, what="its Secret stays", within_s=60)
        return found


def _data(objects: SealedObjects, name: str) -> dict[str, bytes]:
    return data_of(objects.secret(name) or {})


def tell(server: KubeServer, folder: Path) -> Story:
    """Let it all happen, on a started API server that nobody else uses."""
    story, cluster = Story(), _Cluster(server, folder)
    install_their_crd(server, folder)
    theirs = SealedController(server, folder, KEYS, all_namespaces="true")
    with server.controller_manager(["garbage-collector-controller"]):
        theirs.start()
        _seal_everything(cluster, theirs)
        story.looks["theirs"] = cluster.look()
        theirs.stop()
        _by_us(cluster, story)
        story.looks["before back"] = cluster.look()
        theirs.start()
        story.deeds["theirs again"] = cluster.deeds("back")
        story.looks["theirs again"] = cluster.look()
        theirs.stop()
    return story


def _seal_everything(cluster: _Cluster, theirs: SealedController) -> None:
    cluster.cert.write_bytes(theirs.cert_pem())
    for name, sort in EVERYTHING.items():
        if sort.before is not None:
            metadata = {"name": name, **sort.before["metadata"]}
            cluster.objects.put_secret({**sort.before, "metadata": metadata})
        cluster.objects.put(cluster.sealed(name, sort, VALUES))
    for name in EVERYTHING:
        cluster.objects.wait_condition(name, "False" if name in REFUSED else "True")


def _by_us(cluster: _Cluster, story: Story) -> None:
    """Swap ours in, do what people do, and start it once more."""
    kubeconfig = install_ours(cluster.server, key_namespace=KEYS)

    def started() -> RunningService:
        service = RunningService(
            ["--to", "kube", "--sealing-namespace", KEYS],
            env={"KUBECONFIG": str(kubeconfig), "POD_NAMESPACE": SYSTEM},
            log=cluster.folder / "service.log",
            sealing=True,
        )
        try:
            service.wait_ready()
            eventually(_worked(service, len(EVERYTHING)), what="not all are looked at")
            # A request is counted when it begins.
            settled(lambda: service.total("secretsync_private_key_operations_total"), for_s=1.0)
        except BaseException:
            service.kill()
            raise
        return service

    for chapter in ("ours", "ours restarted"):
        service = started()
        try:
            story.looks[chapter] = cluster.look()
            uses = service.total("secretsync_private_key_operations_total")
            story.private_key_operations[chapter] = uses
            if chapter == "ours":
                story.deeds["ours"] = cluster.deeds("ours")
                story.looks["ours, used"] = cluster.look()
            service.stop()
        finally:
            story.service_log = (cluster.folder / "service.log").read_text()
            service.kill()


def _worked(service: RunningService, number: int) -> Callable[[], bool]:
    total = "sealed_secrets_controller_unseal_requests_total"
    return lambda: service.total(total) >= number
