"""Change detection without reading values.

Neighbours: `versions` resolves within its budget; `secret_manager` offers this as
`changes`. ListSecrets shows no versions, and a secret's etag says nothing of them, so each
key is asked for its newest number: free, but scarce. What is beyond the budget, or what
this identity may not see, is unknown; the caller then reads the value by itself.

A version has an id of its number and its date, as numbers begin again when a secret is made
anew. While a secret stays, a number never changes its payload: a ref that pins one is asked
about only in full comparisons (without a watermark), which notice that it was disabled or
destroyed, or that its secret is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from providers.base import (
    AccessDenied,
    AuthFailed,
    Changes,
    InvalidRef,
    ProviderError,
    RateLimited,
    SecretRef,
)
from providers.gcp.calls import CallError
from providers.gcp.ids import is_latest, number_of
from providers.gcp.versions import ENABLED, VersionReader

__all__ = ["ChangeDetector"]

#: What was compared once; it says no more than that.
_COMPARED = object()


class ChangeDetector:
    """Compares known versions with those that Google has now.

    Args:
        versions: resolves.
        metadata_version: version of a secret's metadata, which is a resource of its own.
    """

    def __init__(
        self, versions: VersionReader, metadata_version: Callable[[SecretRef], str]
    ) -> None:
        self._versions = versions
        self._metadata_version = metadata_version

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """See `providers.base.Provider`.

        Raises:
            AuthFailed: there is no login.
            Unavailable: Google cannot be asked now.
        """
        self._versions.budget.refill()
        full = watermark is None
        if full:
            self._versions.forget_denials()
        changed: dict[SecretRef, str] = {}
        unchanged: set[SecretRef] = set()
        # Numbers last: they are the least likely to have something to tell.
        for ref in sorted(known, key=lambda ref: number_of(ref.version) != ""):
            now = known[ref] if _still(ref, known[ref], full=full) else self._now(ref, known[ref])
            if now == known[ref]:
                unchanged.add(ref)
            elif now:
                changed[ref] = now
        unknown = known.keys() - changed.keys() - unchanged
        return Changes(changed, frozenset(unchanged), frozenset(unknown), _COMPARED)

    def _now(self, ref: SecretRef, known: str) -> str:
        """Return the id of the version that the ref has now, or "" for not known."""
        try:
            if ref.metadata:
                return self._metadata_version(ref) if self._versions.budget.take() else ""
            if is_latest(ref):
                self._versions.note(ref.key, number_of(known))
            version = self._versions.look_up(ref)
        except (InvalidRef, AccessDenied):
            return ""
        except CallError as failed:
            return self._unanswered(failed)
        if version is None or version.state != ENABLED:
            return ""
        undated = number_of(known) == version.number and "@" not in known
        return "" if undated else version.id

    def _unanswered(self, failed: CallError) -> str:
        """Return "" for what is said of one key; raise what is true of all."""
        kind = failed.fault.kind
        if issubclass(kind, RateLimited) and not failed.unsent:
            self._versions.budget.throttled()
            return ""
        error: ProviderError = failed.error()
        if isinstance(error, AuthFailed) or failed.transient or failed.unsent:
            raise error
        return ""


def _still(ref: SecretRef, known: str, *, full: bool) -> bool:
    pinned = number_of(ref.version)
    return not full and not ref.metadata and pinned != "" and pinned == number_of(known)
