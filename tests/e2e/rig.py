"""Everything an end-to-end test plays with: a cluster, a store, services, a canary.

Every value that a test puts upstream carries a canary; when the test ends, all that a
person could read is searched for it, whatever the test was about.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.e2e.sites import KubeSite, Site, data_of
from tests.support.aws import REGION, AwsApi
from tests.support.aws_front import StrictFront
from tests.support.service import RunningService, aws_environment

__all__ = ["READS", "Rig", "eventually", "ready", "settled", "steady"]

READS = ("BatchGetSecretValue", "GetSecretValue")
STORE = "aws"
#: Short, so that a tick is soon; long enough that a busy machine keeps up.
INTERVAL = "2s"

_T = TypeVar("_T")


def eventually(look: Callable[[], _T], *, within_s: float = 60.0, what: str = "") -> _T:
    """Return what `look` gives as soon as that is true.

    AssertionErrors of `look` are a "not yet", and the last of them is raised in the end.
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            found = look()
            assert found, what or f"still {found!r}"
        except AssertionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)
        else:
            return found


def steady(look: Callable[[], _T], *, for_s: float) -> _T:
    """Return what `look` gives, which must stay the same for a time."""
    first = look()
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        time.sleep(0.1)
        assert look() == first
    return first


def settled(look: Callable[[], _T], *, for_s: float, within_s: float = 60.0) -> _T:
    """Return what `look` gives once that has stayed the same for a time.

    Statuses and events are written after what they tell of, on a busy machine seconds later.
    """
    return eventually(lambda: [steady(look, for_s=for_s)], within_s=within_s)[0]


def ready(obj: dict[str, Any] | None) -> dict[str, Any]:
    """Return the Ready condition of an object, {} where it has none."""
    for condition in ((obj or {}).get("status") or {}).get("conditions") or []:
        if condition["type"] == "Ready":
            return condition
    return {}


@dataclass
class Rig:
    """One test's world."""

    site: Site
    front: StrictFront
    aws: AwsApi
    folder: Path
    canary: str = field(default_factory=lambda: f"CaNaRy{uuid.uuid4().hex}")
    services: list[RunningService] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    #: Of every service that is started.
    arguments: tuple[str, ...] = ()

    def value(self, text: str = "") -> str:
        """Return a secret value."""
        return f"{self.canary}-{text}"

    def upstream(self, key: str, text: str = "v1", **more: str) -> None:
        """Create or rotate a JSON secret whose property `password` is value(text)."""
        properties = {"password": text, **more}
        content = json.dumps({name: self.value(each) for name, each in properties.items()})
        if key in self.keys:
            self.aws.put(key, content)
        else:
            self.aws.create(key, content)
            self.keys.add(key)
        self.front.calls.clear()

    def store(self, name: str = STORE, kind: str = "ClusterSecretStore", **spec: Any) -> None:
        """Put a store in."""
        aws = {"service": "SecretsManager", "region": REGION, **spec.pop("aws", {})}
        metadata: dict[str, Any] = {"name": name}
        if kind == "SecretStore":
            metadata["namespace"] = self.site.namespace
        self.site.put(
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": kind,
                "metadata": metadata,
                "spec": {"provider": {"aws": aws}, **spec},
            }
        )

    def external_secret(
        self,
        name: str,
        keys: Sequence[str] = (),
        *,
        metadata: dict[str, Any] | None = None,
        **spec: Any,
    ) -> dict[str, Any]:
        """Put an ExternalSecret in: the property `password` of each key, as key-<n>.

        With one key, or none for the key of its own name, it is called `password`. A
        field of `spec` that is None is left out.
        """
        wanted = list(keys) or [name]
        data = [
            {
                "secretKey": "password" if len(wanted) == 1 else f"key-{index}",
                "remoteRef": {"key": key, "property": "password"},
            }
            for index, key in enumerate(wanted)
        ]
        fields = {
            "refreshInterval": INTERVAL,
            "secretStoreRef": {"name": STORE, "kind": "ClusterSecretStore"},
            "data": data,
            **spec,
        }
        obj = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": name, "namespace": self.site.namespace, **(metadata or {})},
            "spec": {name: value for name, value in fields.items() if value is not None},
        }
        self.site.put(obj)
        return obj

    def start(
        self, *arguments: str, ready: bool = True, sealing: bool = False, **env: str
    ) -> RunningService:
        """Start a service over the cluster; `sealing` has it serve SealedSecrets too."""
        given = {**self.environment(), **env}
        log = self.folder / f"service-{len(self.services)}.log"
        to = ["--to", self.site.cluster]
        service = RunningService(
            [*to, *self.arguments, *arguments], env=given, log=log, sealing=sealing
        )
        self.services.append(service)
        if ready:
            service.wait_ready()
        return service

    def environment(self) -> dict[str, str]:
        """Return the variables of a secretsync process."""
        return {**self.site.env, **aws_environment(self.front.url, secret=self.value("aws-key"))}

    def scene(self, *names: str, **spec: Any) -> RunningService:
        """Put a store, upstream secrets and ExternalSecrets in; start; wait until synced."""
        self.store()
        for name in names:
            self.upstream(name)
            self.external_secret(name, **spec)
        service = self.start()
        for name in names:
            self.wait_synced(name)
        return service

    def data(self, name: str) -> dict[str, bytes]:
        """Return the data of a Secret, {} where it is absent."""
        found = self.site.get("Secret", name)
        return data_of(found) if found else {}

    def holds(self, name: str, text: str = "v1", key: str = "password") -> bool:
        """Return whether a Secret's key is value(text)."""
        return self.data(name).get(key) == self.value(text).encode()

    def wait_holds(self, name: str, text: str = "v1", *, within_s: float = 60.0) -> None:
        """Wait until a Secret's password is value(text)."""
        eventually(lambda: self.holds(name, text), within_s=within_s, what=f"{name}: not {text}")

    def condition(self, name: str, kind: str = "ExternalSecret") -> dict[str, Any]:
        """Return the Ready condition of an object."""
        return ready(self.site.get(kind, name))

    def wait_condition(
        self,
        name: str,
        status: str,
        *texts: str,
        kind: str = "ExternalSecret",
        within_s: float = 60,
    ) -> dict[str, Any]:
        """Wait until the Ready condition has a status and its message all the texts."""

        def look() -> dict[str, Any]:
            found = self.condition(name, kind)
            assert found.get("status") == status, found
            assert all(text in found["message"] for text in texts), found
            return found

        return eventually(look, within_s=within_s)

    def wait_synced(self, name: str, text: str = "v1") -> None:
        """Wait until Secret and status say that all is well."""
        self.wait_holds(name, text)
        self.wait_condition(name, "True")

    def garbage_collected(self) -> contextlib.AbstractContextManager[None]:
        """Run what deletes Secrets whose owner is gone; a directory's service does it itself."""
        if isinstance(self.site, KubeSite):
            return self.site.server.controller_manager(["garbage-collector-controller"])
        return contextlib.nullcontext()

    def versions(self) -> dict[str, str]:
        """Return what changes whenever anything is written, by object."""
        found = {}
        for kind in ("Secret", "ExternalSecret", "ClusterSecretStore"):
            for name in self.site.names(kind):
                obj = self.site.get(kind, name) or {}
                found[f"{kind} {name}"] = json.dumps(obj, sort_keys=True, default=str)
        return found

    def reads(self) -> int:
        """Return how many calls read values."""
        return sum(self.front.count(operation) for operation in READS)

    def close(self) -> None:
        """End the services, and search everything readable for the canary."""
        for service in self.services:
            if service.is_running:
                service.signal(18)  # SIGCONT: a frozen one could not be asked
                try:
                    self.pages.append(service.metrics_page())
                except OSError:
                    self.pages.append("")
            service.kill()
        self.sweep()

    def sweep(self) -> None:
        """Fail where the canary is to be read anywhere but in the data of Secrets."""
        plain = self.canary
        encoded = base64.b64encode(plain.encode()).decode()[:-4]
        texts = [(f"log {s.log_path.name}", s.log_text()) for s in self.services]
        texts += [("metrics", page) for page in self.pages]
        texts += list(self.site.texts())
        assert len(texts) > len(self.services)
        for where, text in texts:
            assert plain not in text, f"a value is shown in {where}"
            assert encoded not in text, f"an encoded value is shown in {where}"

    @property
    def kube(self) -> KubeSite:
        """The site, which must be an API server's."""
        assert isinstance(self.site, KubeSite)
        return self.site
