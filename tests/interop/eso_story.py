"""A cluster that moves from External Secrets Operator to ours, and back.

test_eso_takeover.py judges. Their CRDs are replaced by ours on the way, as `kubectl
apply` of `deploy/` does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.e2e.rig import eventually, ready
from tests.e2e.sites import KubeSite, data_of
from tests.interop.eso_cases import CLUSTER_STORE, GENERATOR, KEYS, SORTS, TEXTS, name_of
from tests.interop.eso_makers import MakerLook, Makers
from tests.support.aws import REGION, AwsApi
from tests.support.aws_front import StrictFront
from tests.support.eso_operator import EsoOperator, eso_crds
from tests.support.kube import KubeServer
from tests.support.sealed_install import install_ours
from tests.support.service import RunningService, aws_environment

__all__ = ["Look", "Story", "tell"]

INTERVAL = "2s"
ESO = "external-secrets.io/v1"
KEY_ID = "AKIATEST"
WITHIN_S = 120.0


@dataclass
class Look:
    """The namespace at one moment, by name."""

    secrets: dict[str, dict[str, Any]]
    statuses: dict[str, dict[str, Any]]
    makers: MakerLook

    def version(self, name: str) -> str | None:
        """Return what changes whenever a Secret is written, None where there is none."""
        found = self.secrets.get(name)
        return found["metadata"]["resourceVersion"] if found else None

    def ready(self, name: str) -> tuple[str, str]:
        """Return status and reason of an ExternalSecret's condition."""
        condition = ready({"status": self.statuses.get(name)})
        return condition.get("status", ""), condition.get("reason", "")


@dataclass
class Story:
    """What happened, by chapter."""

    looks: dict[str, Look] = field(default_factory=dict)
    #: Chapter → what came of each thing that people do.
    deeds: dict[str, dict[str, Any]] = field(default_factory=dict)


class _Cluster:
    """The stage: an API server, a team's namespace, a store that both are given."""

    def __init__(self, server: KubeServer, folder: Path, front: StrictFront) -> None:
        self.site = KubeSite(server, server.admin.create_namespace("shop"), None)
        self.folder = folder
        self.front = front
        self.aws = AwsApi(front.url)
        self.makers = Makers(self.site, front, self.aws, CLUSTER_STORE)

    def put(self, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> None:
        """Apply an object as a person."""
        group = "generators.external-secrets.io/v1alpha1" if kind == "Fake" else ESO
        where = {} if kind.startswith("Cluster") else {"namespace": self.site.namespace}
        whole = {"name": name, **where, **metadata}
        self.site.put({"apiVersion": group, "kind": kind, "metadata": whole, "spec": spec})

    def stores(self) -> None:
        """Put in what both stores hold, and the stores."""
        for key, text in KEYS.items():
            self.aws.create(key, text)
        admin, namespace = self.site.admin, self.site.namespace
        keys = {"id": KEY_ID, "key": "made-up"}
        body = {"metadata": {"name": "aws-keys"}, "stringData": keys}
        admin.request("POST", f"/api/v1/namespaces/{namespace}/secrets", body)
        texts = {"metadata": {"name": TEXTS["name"]}, "data": TEXTS["data"]}
        admin.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", texts)
        refs = {
            f"{field}SecretRef": {"name": "aws-keys", "key": key, "namespace": namespace}
            for field, key in (("accessKeyID", "id"), ("secretAccessKey", "key"))
        }
        aws = {"service": "SecretsManager", "region": REGION, "auth": {"secretRef": refs}}
        self.put("ClusterSecretStore", CLUSTER_STORE, {"provider": {"aws": aws}})
        data = [{"key": key, "value": text} for key, text in KEYS.items()]
        self.put("SecretStore", "fake", {"provider": {"fake": {"data": data}}})
        self.put("Fake", GENERATOR, {"data": {"generated": "by nobody"}})

    def external_secret(self, name: str, spec: dict[str, Any], **metadata: Any) -> None:
        """Put an ExternalSecret in: the password of app/db, unless `spec` says otherwise."""
        ref = {"key": "app/db", "property": "password"}
        fields = {
            "refreshInterval": INTERVAL,
            "secretStoreRef": {"name": CLUSTER_STORE, "kind": "ClusterSecretStore"},
            "data": [{"secretKey": "password", "remoteRef": ref}],
            **spec,
        }
        given = {key: value for key, value in fields.items() if value is not None}
        self.put("ExternalSecret", name, given, **metadata)

    def every_sort(self, first: str) -> None:
        """Put one ExternalSecret of each sort in."""
        self.makers.put(first, INTERVAL)
        for sort, case in SORTS.items():
            name = name_of(sort, first)
            if case.before is not None:
                path = f"/api/v1/namespaces/{self.site.namespace}/secrets?fieldManager=a-person"
                self.site.admin.request("POST", path, {**case.before, "metadata": {"name": name}})
            self.external_secret(name, case.spec, **case.metadata)

    def look(self) -> Look:
        """Look at everything."""
        admin, site = self.site.admin, self.site
        secrets = admin.request("GET", site.path("Secret"))["items"]
        statuses = admin.request("GET", site.path("ExternalSecret"))["items"]
        return Look(
            {each["metadata"]["name"]: each for each in secrets},
            {each["metadata"]["name"]: each.get("status") or {} for each in statuses},
            self.makers.look(),
        )

    def refreshed(self, since: str) -> Look:
        """Wait until every ExternalSecret was refreshed after a time; return what is then."""

        def look() -> bool:
            objects = self.site.admin.request("GET", self.site.path("ExternalSecret"))["items"]
            stale = [each for each in objects if not _is_fresh(each, since)]
            assert not stale, [(each["metadata"]["name"], each.get("status")) for each in stale]
            return True

        self.makers.settled()
        eventually(look, within_s=WITHIN_S)
        return self.look()

    def refreshed_by(self, service: RunningService) -> Look:
        """Wait until ours has refreshed every ExternalSecret; return what is then.

        Its own count says so: a status in which nothing changes is not written. What is
        generated is run at every interval, which tells that several have passed.
        """

        def look() -> bool:
            found = {
                labels["name"]: number
                for labels, number in service.series("externalsecret_sync_calls_total")
            }
            objects = self.site.admin.request("GET", self.site.path("ExternalSecret"))["items"]
            again = (each for each in objects if each["spec"].get("refreshInterval") != "0s")
            wanted = [each["metadata"]["name"] for each in again]
            late = [
                name for name in wanted if found.get(name, 0) < (3 if "generated" in name else 1)
            ]
            assert not late, late
            # It counts before it says so, and what it says gives way to Secrets.
            unready = [each["metadata"]["name"] for each in objects if not _is_ready(each)]
            assert not unready, unready
            return True

        self.makers.seen_by(service)
        eventually(look, within_s=WITHIN_S)
        return self.look()

    def data(self, name: str) -> dict[str, bytes]:
        """Return the data of a Secret, {} where it is absent."""
        found = self.site.get("Secret", name)
        return data_of(found) if found else {}

    def deeds(self, chapter: str) -> dict[str, Any]:
        """Do what people do with ExternalSecrets; return what came of it."""
        found = {
            "edited": self._edit(name_of("copied", "theirs")),
            "edited, long": self._edit(name_of("long-63", "theirs")),
            "edited, longer": self._edit(name_of("long-90", "theirs")),
            "deleted": self._delete(name_of("owner", "theirs")),
            "moved": self._move(name_of("extracted", "theirs"), f"moved-{chapter}"),
            **self.makers.leave("theirs" if chapter == "ours" else "ours"),
        }
        if chapter == "ours":
            # Theirs removes from a shared Secret what its own field manager wrote, and
            # ours writes under another: what ours merged in stays there until it does.
            found["edited, shared"] = self._edit_shared(name_of("merge", "theirs"))
        return found

    def _edit(self, name: str) -> bool:
        """Rename a key and a label; the old ones must go."""
        self.site.patch("ExternalSecret", name, {"metadata": {"labels": {"tier": None}}})
        before = set(self.data(name))
        key = f"{next(iter(before))}-x"
        ref = {"key": "app/db", "property": "password"}
        data = {"spec": {"data": [{"secretKey": key, "remoteRef": ref}]}}
        self.site.patch("ExternalSecret", name, data)

        def look() -> bool:
            found = self.site.get("Secret", name) or {}
            labels = (found.get("metadata") or {}).get("labels") or {}
            assert set(found.get("data") or {}) == {key}, name
            assert "tier" not in labels, (name, found["metadata"]["managedFields"])
            return True

        return eventually(look, within_s=WITHIN_S)

    def _edit_shared(self, name: str) -> bool:
        """Rename a key of a Secret that has a stranger's too."""
        mine = next(key for key in self.data(name) if key != "foreign")
        ref = {"key": "app/db", "property": "password"}
        data = {"spec": {"data": [{"secretKey": f"{mine}-x", "remoteRef": ref}]}}
        self.site.patch("ExternalSecret", name, data)
        wanted = {"foreign", f"{mine}-x"}
        return eventually(lambda: set(self.data(name)) == wanted, within_s=WITHIN_S, what=name)

    def _delete(self, name: str) -> bool:
        """Delete a Secret; it must come back."""
        before = self.data(name)
        self.site.delete("Secret", name)
        return eventually(lambda: self.data(name) == before, within_s=WITHIN_S, what=name)

    def _move(self, name: str, target: str) -> bool:
        """Give the target another name; the old Secret must go."""
        spec = (self.site.get("ExternalSecret", name) or {})["spec"]
        old = (spec.get("target") or {}).get("name", name)
        self.site.patch("ExternalSecret", name, {"spec": {"target": {"name": target}}})
        eventually(lambda: self.data(target), within_s=WITHIN_S, what=target)
        gone = lambda: self.site.get("Secret", old) is None  # noqa: E731 - named for the reader
        return eventually(gone, within_s=WITHIN_S, what=f"{old} stays")


def _is_ready(obj: dict[str, Any]) -> bool:
    return bool(ready(obj).get("status") == "True")


def _is_fresh(obj: dict[str, Any], since: str) -> bool:
    status = obj.get("status") or {}
    if not _is_ready(obj):
        return False
    # RFC 3339 in UTC and whole seconds sorts as text.
    return obj["spec"].get("refreshInterval") == "0s" or status.get("refreshTime", "") > since


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tell(server: KubeServer, folder: Path, front: StrictFront) -> Story:
    """Let it all happen, on a started API server that nobody else uses."""
    story, cluster = Story(), _Cluster(server, folder, front)
    server.admin.install_crds(eso_crds(folder))
    cluster.stores()
    cluster.makers.begin()
    cluster.every_sort("theirs")
    with server.controller_manager(["garbage-collector-controller"]):
        with _theirs(cluster):
            story.looks["theirs"] = cluster.refreshed(_now())
        with _ours(cluster, server.kubeconfig) as service:
            story.looks["ours, their CRDs"] = cluster.refreshed_by(service)
        account = install_ours(server)
        with _ours(cluster, account) as service:
            story.looks["ours"] = cluster.refreshed_by(service)
            story.deeds["ours"] = cluster.deeds("ours")
            cluster.every_sort("ours")
            cluster.makers.settled()
            story.looks["ours, used"] = cluster.refreshed_by(service)
        with _theirs(cluster):
            story.looks["theirs again"] = cluster.refreshed(_now())
            story.deeds["theirs again"] = cluster.deeds("theirs-again")
    cluster.aws.close()
    return story


@contextmanager
def _theirs(cluster: _Cluster) -> Iterator[None]:
    endpoint = {"AWS_SECRETSMANAGER_ENDPOINT": cluster.front.url, "AWS_REGION": REGION}
    operator = EsoOperator(cluster.site.server, cluster.folder, env=endpoint)
    operator.start()
    try:
        yield
        operator.assert_alive()
    finally:
        operator.stop()


@contextmanager
def _ours(cluster: _Cluster, kubeconfig: Path) -> Iterator[RunningService]:
    env = {"KUBECONFIG": str(kubeconfig), "POD_NAMESPACE": "secretsync-system"}
    service = RunningService(
        ["--to", "kube"],
        env={**env, **aws_environment(cluster.front.url)},
        log=cluster.folder / "service.log",
    )
    try:
        service.wait_ready()
        yield service
        service.stop()
    finally:
        service.kill()
