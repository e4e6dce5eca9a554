"""What a project at Google holds, and what it allows: the state behind the test server.

Rules and limits are Google's own: names, sizes, states, quotas, and an eventual `latest`.
Source: https://cloud.google.com/secret-manager/quotas and .../docs/overview#consistency
"""

from __future__ import annotations

import re
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import grpc
from google.cloud.secretmanager_v1.types import Secret, SecretVersion

from providers.gcp.checksum import crc32c
from providers.gcp.ids import version_id

__all__ = ["PROJECT", "PROJECT_NUMBER", "Account", "Refusal", "StoredSecret", "StoredVersion"]

PROJECT = "contract-project"
PROJECT_NUMBER = "123456789012"
MAX_PAYLOAD_BYTES = 64 * 1024
READS_A_MINUTE = 600
ACCESSES_A_MINUTE = 90_000
WRITES_A_MINUTE = 600

_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")

State = SecretVersion.State
Code = grpc.StatusCode


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, code: grpc.StatusCode, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.reason = reason


@dataclass
class StoredVersion:
    number: int
    data: bytes
    created_at: float
    state: State = State.ENABLED
    crc: int | None = None

    @property
    def checksum(self) -> int:
        return crc32c(self.data) if self.crc is None else self.crc


@dataclass
class StoredSecret:
    resource: Secret
    versions: list[StoredVersion] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)
    etags: int = 1

    def touch(self) -> None:
        self.etags += 1
        self.resource.etag = f'"{self.etags:x}"'


class Account:
    """One project, with its global and its regional secrets.

    Attributes:
        clock: the service's time, in seconds of Unix time.
        latest_lag_s: how long `latest` shows what was before.
        denied: keys of secrets that may not be read at all.
        accessor_only: values may be read, and nothing else.
        absence_hidden: what does not exist is denied, as to an identity that may read
            some secrets only.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.secrets: dict[str, StoredSecret] = {}
        self.latest_lag_s = 0.0
        self.denied: set[str] = set()
        self.accessor_only = False
        self.absence_hidden = False
        self.service_disabled = False
        self._spent: dict[str, deque[float]] = {}
        self.counted: Counter[str] = Counter()

    def spend(self, operation: str) -> None:
        """Count a call against its quota.

        Raises:
            Refusal: the quota of this minute is used up.
        """
        kind, limit = "read", READS_A_MINUTE
        if operation == "AccessSecretVersion":
            kind, limit = "access", ACCESSES_A_MINUTE
        elif operation.startswith(("Create", "Add", "Update", "Delete")):
            kind, limit = "write", WRITES_A_MINUTE
        now = self.clock()
        with self.lock:
            spent = self._spent.setdefault(kind, deque())
            while spent and spent[0] <= now - 60:
                spent.popleft()
            if len(spent) >= limit:
                raise Refusal(Code.RESOURCE_EXHAUSTED, f"Quota exceeded for {kind} requests")
            spent.append(now)
            self.counted[operation] += 1

    def allow(self, operation: str, resource: str) -> None:
        """Check that the caller may do that.

        Raises:
            Refusal: it may not, or (where absences are hidden) there is no such thing.
        """
        if self.service_disabled:
            raise Refusal(Code.PERMISSION_DENIED, "API is disabled", "SERVICE_DISABLED")
        key = resource.partition("/secrets/")[2].partition("/")[0]
        hidden = self.absence_hidden and key and canonical(resource) not in self.secrets
        only = self.accessor_only and operation != "AccessSecretVersion"
        if key in self.denied or hidden or only:
            raise Refusal(
                Code.PERMISSION_DENIED,
                f"Permission denied for resource '{resource}' (or it may not exist).",
                "IAM_PERMISSION_DENIED",
            )

    def secret(self, resource: str) -> StoredSecret:
        """Return a secret by its resource name or that of a version of it."""
        found = self.secrets.get(canonical(resource))
        if found is None:
            raise Refusal(Code.NOT_FOUND, f"Secret [{canonical(resource)}] not found.")
        return found

    def version(self, resource: str) -> StoredVersion:
        """Return a version by its resource name: a number, an alias, or `latest`."""
        secret = self.secret(resource)
        asked = resource.rpartition("/versions/")[2]
        if asked == "latest":
            seen = [one for one in secret.versions if self._shows(one)]
            if not seen:
                raise Refusal(
                    Code.NOT_FOUND,
                    f"Secret [{canonical(resource)}] not found or has no versions.",
                )
            return seen[-1]
        number = int(asked) if asked.isdigit() else secret.aliases.get(asked, 0)
        for one in secret.versions:
            if one.number == number:
                return one
        raise Refusal(Code.NOT_FOUND, f"Secret Version [{resource}] not found.")

    def create(self, parent: str, key: str, resource: Secret | None = None) -> StoredSecret:
        """Make a secret without versions."""
        if not _SECRET_ID.fullmatch(key):
            raise Refusal(Code.INVALID_ARGUMENT, "The provided Secret ID is invalid.")
        resource = Secret() if resource is None else resource
        for name, value in resource.labels.items():
            if not name or not _LABEL.fullmatch(name) or not _LABEL.fullmatch(value):
                raise Refusal(Code.INVALID_ARGUMENT, "a label is not valid")
        if ("/locations/" in parent) == bool(resource.replication._pb.ByteSize()):
            raise Refusal(Code.INVALID_ARGUMENT, "replication is for global secrets alone")
        name = f"{canonical(parent)}/secrets/{key}"
        with self.lock:
            if name in self.secrets:
                raise Refusal(Code.ALREADY_EXISTS, f"Secret [{name}] already exists.")
            resource.name = name
            stored = self.secrets[name] = StoredSecret(resource)
            stored.touch()
            return stored

    def add(self, resource: str, data: bytes) -> StoredVersion:
        """Add a version to a secret."""
        if len(data) > MAX_PAYLOAD_BYTES:
            raise Refusal(Code.INVALID_ARGUMENT, "the payload is too large")
        with self.lock:
            secret = self.secret(resource)
            number = secret.versions[-1].number + 1 if secret.versions else 1
            made = StoredVersion(number, data, self.clock())
            secret.versions.append(made)
            return made

    def put(self, key: str, data: bytes | str, *, location: str = "", **labels: str) -> str:
        """Make a secret, or give it a new version; return its resource name."""
        parent = f"projects/{PROJECT}" + (f"/locations/{location}" if location else "")
        name = f"{canonical(parent)}/secrets/{key}"
        if name not in self.secrets:
            resource = Secret(labels=labels)
            if not location:
                resource.replication = {"automatic": {}}
            self.create(parent, key, resource)
        self.add(name, data.encode() if isinstance(data, str) else data)
        return name

    def delete(self, resource: str) -> None:
        """Remove a secret with all its versions."""
        with self.lock:
            self.secret(resource)
            del self.secrets[canonical(resource)]

    def version_id(self, key: str, number: int) -> str:
        """Return the id that the adapter gives to a version of a global secret."""
        found = self.version(f"projects/{PROJECT}/secrets/{key}/versions/{number}")
        return version_id(str(number), moment(found.created_at), "")

    def _shows(self, version: StoredVersion) -> bool:
        # The first version of a secret shows at once; what lags is the change of an alias.
        return version.number == 1 or version.created_at <= self.clock() - self.latest_lag_s


def canonical(resource: str) -> str:
    """Return the resource name of a secret (or a parent) with the project's number."""
    head = resource.partition("/versions/")[0]
    return head.replace(f"projects/{PROJECT}", f"projects/{PROJECT_NUMBER}", 1)


def moment(seconds: float) -> datetime:
    """Return a time as messages hold it."""
    return datetime.fromtimestamp(seconds, UTC)
