"""The provider contract: what an adapter gets, gives and raises.

Neighbours: `secretsync.refresh` calls adapters and owns time, retries, limits
and caches; `providers.<service>` implement this. Standard library only, so that
parsing a store needs no SDK.

Error tree (the class says what the caller must do):

    ProviderError                 something is wrong with one ref or one store
    ├─ SecretNotFound             absent; the deletionPolicy decides
    ├─ AccessDenied               permanent until the permissions change
    ├─ AuthFailed                 permanent until the credentials change
    ├─ InvalidRef                 permanent until the reference or the store changes
    ├─ MalformedSecret            permanent until the secret changes upstream
    ├─ NotManaged                 a push met something that secretsync did not make
    └─ Unavailable                transient; back off and keep the last good value
       └─ RateLimited             transient; wait at least `retry_after_s`
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn, Protocol

from providers.spec import wire

__all__ = [
    "AccessDenied",
    "AuthFailed",
    "CaProvider",
    "CallObserver",
    "Capability",
    "Changes",
    "ConfigMapKeySelector",
    "Credentials",
    "FindQuery",
    "FoundSecret",
    "InvalidRef",
    "LocalApi",
    "MalformedSecret",
    "NotManaged",
    "Provider",
    "ProviderError",
    "PushItem",
    "PushRef",
    "RateLimited",
    "Render",
    "Renewable",
    "SecretBytes",
    "SecretKeySelector",
    "SecretNotFound",
    "SecretRef",
    "SecretValue",
    "ServiceAccountSelector",
    "ServiceAccountToken",
    "Unavailable",
    "WholeSecretSelector",
    "Writer",
    "no_templates",
]


class SecretBytes:
    """Bytes that refuse to be shown, stored or sent by accident.

    `reveal()` is the only way to the value, so that a search for it finds every
    place where plaintext is used. repr, str and format show a placeholder; pickle,
    copy and JSON fail.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Return the plaintext."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretBytes) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "SecretBytes(***)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SecretBytes is never copied or pickled; pass the object itself")

    def __iter__(self) -> NoReturn:
        raise TypeError("a SecretBytes is not iterable; call reveal() where plaintext is meant")


class ProviderError(Exception):
    """Root of everything an adapter reports.

    Args:
        message: what is wrong, in the service's terms, without any secret value.
        remedy: what the reader can do about it; may be empty.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class SecretNotFound(ProviderError):
    """The service says that the secret, or the asked version of it, does not exist.

    Args:
        definite: the service is certain (it is not an eventually consistent miss of
            a list, nor a denial in disguise). Only a definite absence may ever lead
            to a deletion.
        pending_deletion: the secret still exists but is scheduled for deletion.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        definite: bool = False,
        pending_deletion: bool = False,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.definite = definite
        self.pending_deletion = pending_deletion


class AccessDenied(ProviderError):
    """The identity may not do this; permanent until its permissions change."""


class AuthFailed(ProviderError):
    """No identity could be established; permanent until the credentials change."""


class InvalidRef(ProviderError):
    """The service refuses the key, version or option; permanent until it changes."""


class MalformedSecret(ProviderError):
    """The service answered with a value that cannot be trusted or decrypted."""


class NotManaged(ProviderError):
    """A push or a delete met something at the service that secretsync did not make."""


class Unavailable(ProviderError):
    """Network, timeout or server fault: transient."""


class RateLimited(Unavailable):
    """The service throttles; wait `retry_after_s` (seconds, None if it did not say)."""

    def __init__(
        self, message: str, *, remedy: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class SecretKeySelector:
    """A key of a Kubernetes Secret that holds a credential (`secretRef` fields)."""

    name: str = ""
    key: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class WholeSecretSelector:
    """All keys of a Kubernetes Secret, which must carry a label to be handed out.

    Args:
        required_label: name and value, e.g. of `external-secrets.io/type: webhook`.
    """

    name: str = ""
    namespace: str = ""
    required_label: tuple[str, str] = field(default=("", ""), metadata=wire(internal=True))


@dataclass(frozen=True, slots=True)
class ConfigMapKeySelector:
    """A key of a ConfigMap that holds a configuration, which is no secret."""

    name: str = ""
    key: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class CaProvider:
    """`caProvider`: where the certificates of a server's authority are kept.

    Args:
        type: Secret or ConfigMap.
    """

    type: str = "Secret"
    name: str = ""
    key: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ServiceAccountSelector:
    """A Kubernetes ServiceAccount whose token is exchanged at the service."""

    name: str = ""
    namespace: str = ""
    audiences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceAccountToken:
    """A token issued for a ServiceAccount, with that account's annotations."""

    token: SecretBytes
    annotations: Mapping[str, str]


#: Renders a Go template: its name for errors, its text, and the dot. Raises ValueError
#: with a text that holds no value of the dot.
Render = Callable[[str, str, Mapping[str, Any]], bytes]


def no_templates(name: str, text: str, values: Mapping[str, Any]) -> bytes:
    """Refuse to render: the caller has no template engine to offer.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{name}: templates are not available here")


class LocalApi(Protocol):
    """Answers like the API server of the cluster that the process itself works with."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Any:
        """Return a `providers.http_answers.HttpAnswer`.

        Raises:
            ProviderError: there is none.
        """
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a store's selectors resolved to; adapters never talk to Kubernetes.

    Args:
        secrets: value per SecretKeySelector that the store's configuration holds.
        tokens: token per ServiceAccountSelector that it holds.
        whole_secrets: all keys of the Secret per WholeSecretSelector that it holds.
        config_maps: text per ConfigMapKeySelector that it holds.
        authorities: PEM certificates per CaProvider that it holds.
        context: `namespace`, `store_name` and `store_kind` of the store in use.
        render: the template engine, for providers whose blocks hold templates.
        local_api: where stores find the cluster itself, if that is a directory.
    """

    secrets: Mapping[SecretKeySelector, SecretBytes] = field(default_factory=dict)
    tokens: Mapping[ServiceAccountSelector, ServiceAccountToken] = field(default_factory=dict)
    whole_secrets: Mapping[WholeSecretSelector, Mapping[str, SecretBytes]] = field(
        default_factory=dict
    )
    config_maps: Mapping[ConfigMapKeySelector, str] = field(default_factory=dict)
    authorities: Mapping[CaProvider, bytes] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)
    render: Render = no_templates
    local_api: LocalApi | None = None


@dataclass(frozen=True, slots=True)
class SecretRef:
    """One thing to read: a key, a version of it ("" = the current one), or its metadata.

    Args:
        key: as the manifest writes it.
        metadata: read what describes the secret (`metadataPolicy: Fetch`), as one JSON object.
        listed: the key is the service's own full name, as `find` gave it: what a store's
            configuration puts before keys (`prefix`, `path`) is not put before this one.
        property: for services that select it themselves, as webhooks do; "" elsewhere,
            so that one read serves all properties of a key.
    """

    key: str
    version: str = ""
    metadata: bool = False
    listed: bool = False
    property: str = ""


@dataclass(frozen=True, slots=True)
class SecretValue:
    """What the service holds for a ref.

    Args:
        value: the payload as stored, or for metadata refs a JSON object.
        version: the service's own id of this version, never empty: an adapter of a
            service without versions gives a digest that only it can compare.
        created_at: when the service says this version was made; None if it does not.
    """

    value: SecretBytes
    version: str
    created_at: datetime | None = None


def _any_name(name: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class FindQuery:
    """`dataFrom.find`: which secrets to list.

    Args:
        path: where to look; what it means is the service's affair.
        name_regexp: as written, "" for none; for messages and equality.
        tags: name and value of each tag that a secret must have, sorted.
        matches: whether a full name satisfies `name_regexp`, in linear time.
    """

    path: str = ""
    name_regexp: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    matches: Callable[[str], bool] = field(default=_any_name, compare=False)


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """One secret that a query found.

    Args:
        name: under which it goes into the target, before conversion and rewriting.
        ref: how to read it; `listed`, and with the version where the list tells it.
    """

    name: str
    ref: SecretRef


@dataclass(frozen=True, slots=True)
class PushRef:
    """Where a push goes: a key at the service, or one property of the JSON object there."""

    remote_key: str
    property: str = ""


@dataclass(frozen=True, slots=True)
class PushItem:
    """One value to push.

    Args:
        metadata: the `metadata` block of the PushSecret's entry as written, {} for none.
        secret_key: of the source, which templates of webhooks may use; "" for the whole.
    """

    ref: PushRef
    value: SecretBytes
    metadata: Mapping[str, Any] = field(default_factory=dict)
    secret_key: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What moved since a watermark, without reading a value.

    Args:
        changed: refs whose current version differs from the known one, with the new id.
        unchanged: refs that certainly still have the known version.
        unknown: refs that only a read can tell about. A ref that a list does not show
            belongs here: a list that misses it is no proof of absence.
        watermark: opaque; hand it back at the next call. None: start over.
    """

    changed: Mapping[SecretRef, str]
    unchanged: frozenset[SecretRef]
    unknown: frozenset[SecretRef]
    watermark: object | None


class Capability(enum.Flag):
    """What a provider can do; `ReadWrite` is both."""

    READ = enum.auto()
    WRITE = enum.auto()


class Provider(Protocol):
    """One authenticated session with one service.

    Adapters do not sleep, retry, cache values, log values or read clocks: whoever
    calls them owns that. Every method may be called from several threads at once.
    """

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Group refs so that each group costs one call where the service allows it.

        Pure. Every ref is in exactly one group; order within a group does not matter.
        """
        ...

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read one group of refs.

        Total: an entry for each ref asked, and no exception for any fault of the
        service; a fault of the whole call is the entry of each of its refs.
        """
        ...

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List the secrets that match.

        Raises:
            ProviderError: the listing failed; it never returns half a list.
        """
        ...

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Say which of the known refs (ref → version id last read) have moved.

        The cheapest sound detection that the service has. A service without one, or
        an identity that may not list, answers `unknown` for all.

        Raises:
            Unavailable: the service cannot be asked now.
        """
        ...

    def check(self, refs: Sequence[SecretRef]) -> None:
        """Probe that this identity works, and that it may read `refs` where given.

        Raises:
            ProviderError: it cannot; the class and message say why.
        """
        ...

    def close(self) -> None:
        """Release connections and revoke what was issued to this session."""
        ...


class Writer(Protocol):
    """A provider that PushSecrets can write to; adapters with `Capability.WRITE`.

    What it does not manage it neither changes nor deletes.
    """

    def push(self, item: PushItem) -> bool:
        """Make the service hold the value; it is compared first.

        Returns:
            Whether anything was written.

        Raises:
            NotManaged: something that secretsync did not make is in the way.
            ProviderError: it could not be written.
        """
        ...

    def exists(self, ref: PushRef) -> bool:
        """Return whether the service holds something there, whoever made it.

        Raises:
            ProviderError: it cannot tell.
        """
        ...

    def delete(self, ref: PushRef) -> bool:
        """Remove what was pushed there; of a property, that property alone.

        Returns:
            Whether anything was there to remove.

        Raises:
            NotManaged: secretsync did not make it.
            ProviderError: it could not be removed.
        """
        ...


class Renewable(Protocol):
    """A provider whose login runs out and can be prolonged."""

    def renew(self) -> float | None:
        """Prolong the login; the caller keeps the time.

        Returns:
            Seconds until it should be called again; None for a login that does not end.

        Raises:
            AuthFailed: it cannot be prolonged; a new session is needed.
            ProviderError: not now.
        """
        ...


#: Called by adapters once per request: operation name, "success" or "error".
CallObserver = Callable[[str, str], None]
