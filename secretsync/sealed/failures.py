"""What went wrong with a SealedSecret, as outcomes: Sealed Secrets' texts and a remedy.

Every decryption failure reads the same, whichever step failed. No text holds a value.
"""

from __future__ import annotations

from collections.abc import Sequence

from sealing import InvalidManifest, ItemsFailed, MalformedValue, Scope, SealingError, UnsealFailed
from secretsync.core.sealed import UNSEAL_FAILED, UPDATE_FAILED
from secretsync.errors import SecretSyncError
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.refresh.reading import is_transient
from secretsync.resources.findings import field_path
from secretsync.resources.meta import Parent
from secretsync.resources.sealed_secret import SealedSecret

__all__ = ["bug", "contested", "no_keys", "not_opened", "not_written"]


def not_opened(
    item: SealedSecret, error: SealingError, *, broken: Sequence[str]
) -> Outcome[SealedSecret]:
    """Return the outcome of values that do not open, or templates that do not render.

    Args:
        broken: keys that could not be used, which may be the reason.
    """
    return Outcome(
        item,
        Progress.FAILED,
        reason=UNSEAL_FAILED,
        message=error.message if isinstance(error, InvalidManifest) else str(error),
        remedy=_remedy(item, error, broken),
        field=_field(error),
    )


def no_keys(item: SealedSecret, *, broken: Sequence[str]) -> Outcome[SealedSecret]:
    """Return the outcome where nothing can be opened for want of a key."""
    return Outcome(
        item,
        Progress.FAILED,
        reason=UNSEAL_FAILED,
        message="no key could decrypt secret: there is no private key to unseal with",
        remedy="give a command --sealing-key FILE, or --sealing-namespace for where the cluster "
        "keeps its key Secrets (label sealedsecrets.bitnami.com/sealed-secrets-key: active)"
        + _named(broken),
    )


def not_written(item: SealedSecret, error: SecretSyncError) -> Outcome[SealedSecret]:
    """Return the outcome of a cluster that refused or failed."""
    return Outcome(
        item,
        Progress.FAILED,
        reason=UPDATE_FAILED,
        message=error.message,
        remedy=error.remedy,
        transient=is_transient(error),
        retry_after_s=getattr(error, "retry_after_s", None),
    )


def contested(item: SealedSecret, rival: Parent) -> Outcome[SealedSecret]:
    """Return the outcome where an older object has the target."""
    return Outcome(
        item,
        Progress.FAILED,
        reason=UPDATE_FAILED,
        message=f"the Secret is owned by another {rival.ref.kind}: {rival.ref}",
        remedy="give one of the two another name; the older one keeps the Secret",
    )


def bug(item: SealedSecret, error: Exception) -> Outcome[SealedSecret]:
    """Return the outcome of a fault of ours; the type alone is safe to show."""
    return Outcome(
        item,
        Progress.FAILED,
        reason=UNSEAL_FAILED,
        message=f"could not unseal: internal error ({type(error).__name__})",
        remedy="run with --debug for the traceback, and report it",
        transient=True,
    )


def _remedy(item: SealedSecret, error: SealingError, broken: Sequence[str]) -> str:
    if isinstance(error, ItemsFailed):
        # The hardest first: what does not open is repaired by whoever sealed it.
        causes = sorted(error.errors.values(), key=lambda cause: not _undecryptable(cause))
        return _remedy(item, causes[0], broken)
    if isinstance(error, MalformedValue):
        return "seal the value again: the text is cut, or was changed on its way"
    if isinstance(error, UnsealFailed):
        return (
            f"seal it with this cluster's certificate, {_place(item)}; "
            "or give the key it was sealed for" + _named(broken)
        )
    return "correct the SealedSecret"


def _undecryptable(error: SealingError) -> bool:
    return isinstance(error, UnsealFailed)


def _place(item: SealedSecret) -> str:
    match item.scope:
        case Scope.STRICT:
            return f"for namespace {item.meta.namespace} and name {item.meta.name} (scope strict)"
        case Scope.NAMESPACE_WIDE:
            return f"for namespace {item.meta.namespace} (scope namespace-wide)"
        case Scope.CLUSTER_WIDE:
            return "with scope cluster-wide"


def _named(broken: Sequence[str]) -> str:
    return f"; not usable: {', '.join(broken)}" if broken else ""


def _field(error: SealingError) -> str:
    """Return the field at fault; of several the first."""
    if isinstance(error, ItemsFailed):
        key = min(error.errors)
        where = error.errors[key]
        # A template's error is an InvalidManifest; everything else is a sealed value's.
        section = ("template", "data") if isinstance(where, InvalidManifest) else ("encryptedData",)
        return field_path(("spec", *section, key))
    if isinstance(error, InvalidManifest):
        return error.field
    return field_path(("spec", "data"))
