"""What became of one PushSecret: errors as values, as `outcomes` has them for Secrets."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute

from providers.base import ProviderError
from secretsync.core.conditions import SHORT_MESSAGE
from secretsync.errors import SecretSyncError
from secretsync.refresh.outcomes import Progress
from secretsync.refresh.reading import is_transient
from secretsync.resources.push_secret import PushSecret, Synced

__all__ = ["SYNCED_MESSAGE", "PushAction", "PushOutcome", "PushVerb", "failed_push"]

#: ESO's message, and reasons.
SYNCED_MESSAGE = "PushSecret synced successfully"


class PushVerb(enum.StrEnum):
    """What happens to one place at a store."""

    PUSH = "push"
    UNCHANGED = "unchanged"
    KEEP = "keep"
    DELETE = "delete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PushAction:
    """One place, and what was done there, or would be.

    Args:
        store: `Kind/name`.
        place: key, or `key/property`.
        message: why it was kept or failed.
    """

    store: str
    place: str
    verb: PushVerb
    message: str = ""


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """The result for one PushSecret.

    Args:
        reason: the Ready condition's.
        message: what, and the real, redacted cause.
        field: path of the entry at fault, or "".
        transient: trying again may help without anybody changing anything.
        retry_after_s: the earliest useful time to try again, where known.
        synced: what the status says is pushed, now.
        refreshed: the stores were asked, so the refresh time moves.
    """

    item: PushSecret
    progress: Progress
    reason: str = "Synced"
    message: str = SYNCED_MESSAGE
    remedy: str = ""
    field: str = ""
    transient: bool = False
    retry_after_s: float | None = None
    actions: tuple[PushAction, ...] = ()
    synced: Synced = attribute(default_factory=dict)
    refreshed: bool = False

    @property
    def failed(self) -> bool:
        """Whether something is wrong with it."""
        return self.progress is Progress.FAILED

    @property
    def condition_message(self) -> str:
        """What the condition says: the cause, where it is, and what can be done."""
        where = f" ({self.field})" if self.failed and self.field else ""
        hint = f"; {self.remedy}" if self.failed and self.remedy else ""
        return f"{self.message}{where}{hint}"[:SHORT_MESSAGE]


def failed_push(
    item: PushSecret,
    what: str,
    error: SecretSyncError | ProviderError,
    *,
    field: str = "",
    synced: Mapping[str, Mapping[str, Mapping[str, object]]] | None = None,
    actions: tuple[PushAction, ...] = (),
) -> PushOutcome:
    """Return the outcome of a PushSecret that an error stopped.

    Args:
        what: the sentence that the condition begins with.
        synced: what is pushed in spite of it; None for what was before.
    """
    return PushOutcome(
        item,
        Progress.FAILED,
        reason="Errored",
        message=f"{what}: {error.message}",
        remedy=error.remedy,
        field=field or getattr(error, "field", ""),
        transient=is_transient(error),
        retry_after_s=getattr(error, "retry_after_s", None),
        actions=actions,
        synced=item.status.synced if synced is None else synced,
    )
