"""PushSecrets and makers of objects, in the move of eso_story.py.

Each is put in once for theirs and once for ours to see first. A name that ends in `goes` is
of one that people delete while the other one runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.e2e.rig import eventually, ready
from tests.e2e.sites import KubeSite
from tests.support.aws import AwsApi
from tests.support.aws_front import StrictFront
from tests.support.service import RunningService

__all__ = ["CHILDREN", "PUSHES", "MakerLook", "Makers"]

#: PushSecrets, without who sees them first; the last is the child of a ClusterPushSecret.
PUSHES = ("push", "push-holding", "push-goes", "pushes", "pushes-goes")
#: ExternalSecrets that a ClusterExternalSecret of the name makes.
CHILDREN = ("many", "many-goes")
SOURCE = "pushed"
WITHIN_S = 120.0
_GROUP = "external-secrets.io"
_WRITES = (
    "CreateSecret",
    "PutSecretValue",
    "UpdateSecret",
    "DeleteSecret",
    "TagResource",
    "UntagResource",
)
_KINDS = ("PushSecret", "ClusterPushSecret", "ClusterExternalSecret")


@dataclass
class MakerLook:
    """What there is at one moment.

    Args:
        made: kind and name of a child or a PushSecret → its uid and generation, which no
            status changes.
        writes: calls that a store got which change something.
        keys: that a store has, of those that are pushed.
    """

    made: dict[tuple[str, str], tuple[str, int]]
    writes: int
    keys: set[str]


class Makers:
    """Puts them in, waits for them, deletes them."""

    def __init__(self, site: KubeSite, front: StrictFront, aws: AwsApi, store: str) -> None:
        self._site = site
        self._front = front
        self._aws = aws
        self._store = store

    def begin(self) -> None:
        """Put in what is pushed, and select the namespace."""
        site = self._site
        body = {"metadata": {"name": SOURCE}, "stringData": {"password": "hunter2"}}
        site.admin.request("POST", site.path("Secret"), body)
        site.patch("Namespace", site.namespace, {"metadata": {"labels": {"team": "shop"}}})

    def put(self, first: str, interval: str) -> None:
        """Put one of each in."""
        self._push(f"{first}-push", self._pushed(f"{first}-push", interval))
        for name in (f"{first}-push-holding", f"{first}-push-goes"):
            self._push(name, {**self._pushed(name, interval), "deletionPolicy": "Delete"})
        for name in (f"{first}-pushes", f"{first}-pushes-goes"):
            spec = {**self._pushed(name, interval), "deletionPolicy": "Delete"}
            self._maker("ClusterPushSecret", name, {"pushSecretSpec": spec})
        for name in (f"{first}-{each}" for each in CHILDREN):
            metadata = {"labels": {"made": "yes"}, "annotations": {"note": "x"}}
            spec = {
                "externalSecretSpec": self._read(interval),
                "externalSecretMetadata": metadata,
                "refreshTime": interval,
            }
            self._maker("ClusterExternalSecret", name, spec)

    def settled(self) -> None:
        """Wait until all say that they are as they should be."""

        def look() -> bool:
            unready = [
                (kind, each["metadata"]["name"], each.get("status"))
                for kind in _KINDS
                for each in self._all(kind)
                if ready(each).get("status") != "True"
            ]
            assert not unready, unready
            made = {each["metadata"]["name"] for each in self._all("PushSecret")}
            made |= {each["metadata"]["name"] for each in self._all("ExternalSecret")}
            makers = [each for kind in _KINDS[1:] for each in self._all(kind)]
            missing = {each["metadata"]["name"] for each in makers} - made
            assert not missing, missing
            return True

        eventually(look, within_s=WITHIN_S)

    def seen_by(self, service: RunningService) -> None:
        """Wait until ours has looked at every one of them."""

        def look() -> bool:
            for kind in _KINDS:
                seen = {
                    labels["name"]
                    for labels, number in service.series(f"{kind.lower()}_status_condition")
                    if labels["status"] == "True" and number == 1
                }
                wanted = {each["metadata"]["name"] for each in self._all(kind)}
                assert wanted <= seen, (kind, wanted - seen)
            return True

        eventually(look, within_s=WITHIN_S)

    def look(self) -> MakerLook:
        """Look at what they made."""
        made = {
            (kind, each["metadata"]["name"]): (
                each["metadata"]["uid"],
                each["metadata"]["generation"],
            )
            for kind in ("PushSecret", "ExternalSecret")
            for each in self._all(kind)
        }
        writes = sum(self._front.count(operation) for operation in _WRITES)
        return MakerLook(made, writes, self._keys())

    def leave(self, first: str) -> dict[str, Any]:
        """Delete those that are to go; what they made must go, and they."""
        for kind, name in (
            ("PushSecret", f"{first}-push-goes"),
            ("ClusterPushSecret", f"{first}-pushes-goes"),
            ("ClusterExternalSecret", f"{first}-many-goes"),
        ):
            self._site.delete(kind, name)
        gone = (
            ("PushSecret", f"{first}-push-goes"),
            ("PushSecret", f"{first}-pushes-goes"),
            ("ClusterPushSecret", f"{first}-pushes-goes"),
            ("ExternalSecret", f"{first}-many-goes"),
            ("ClusterExternalSecret", f"{first}-many-goes"),
            ("Secret", f"{first}-many-goes"),
        )
        for kind, name in gone:
            eventually(
                lambda kind=kind, name=name: self._is_gone(kind, name, helped=first == "ours"),
                within_s=WITHIN_S,
                what=f"{kind} {name} stays",
            )
        keys = self._keys()
        return {f"{name} left": name not in keys for _, name in gone[:2]}

    def _is_gone(self, kind: str, name: str, *, helped: bool) -> bool:
        if self._site.get(kind, name) is None:
            return True
        if kind == "PushSecret" and helped:
            self._purge(name)
        return False

    def _purge(self, key: str) -> None:
        """Delete a key for good that is marked for deletion.

        Theirs marks it, then takes its finalizer off. Where that write meets a conflict, it
        begins again, and gives up on a key that is marked: a person has to help.
        """
        listed = self._aws.call("ListSecrets", MaxResults=100, IncludePlannedDeletion=True)
        if any(each["Name"] == key and each.get("DeletedDate") for each in listed["SecretList"]):
            self._aws.call("DeleteSecret", SecretId=key, ForceDeleteWithoutRecovery=True)

    def _all(self, kind: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._site.admin.request("GET", self._site.path(kind))[
            "items"
        ]
        return items

    def _keys(self) -> set[str]:
        listed = self._aws.call("ListSecrets", MaxResults=100)["SecretList"]
        return {each["Name"] for each in listed if "push" in each["Name"]}

    def _pushed(self, key: str, interval: str) -> dict[str, Any]:
        match = {"secretKey": "password", "remoteRef": {"remoteKey": key}}
        return {
            "refreshInterval": interval,
            "secretStoreRefs": [{"name": self._store, "kind": "ClusterSecretStore"}],
            "selector": {"secret": {"name": SOURCE}},
            "data": [{"match": match}],
        }

    def _read(self, interval: str) -> dict[str, Any]:
        return {
            "refreshInterval": interval,
            "secretStoreRef": {"name": self._store, "kind": "ClusterSecretStore"},
            "data": [{"secretKey": "p", "remoteRef": {"key": "app/db", "property": "password"}}],
        }

    def _push(self, name: str, spec: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": self._site.namespace}
        self._site.put(
            {
                "apiVersion": f"{_GROUP}/v1alpha1",
                "kind": "PushSecret",
                "metadata": metadata,
                "spec": spec,
            }
        )

    def _maker(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        version = "v1" if kind == "ClusterExternalSecret" else "v1alpha1"
        selected = {"namespaceSelectors": [{"matchLabels": {"team": "shop"}}]}
        self._site.put(
            {
                "apiVersion": f"{_GROUP}/{version}",
                "kind": kind,
                "metadata": {"name": name},
                "spec": {**spec, **selected},
            }
        )
