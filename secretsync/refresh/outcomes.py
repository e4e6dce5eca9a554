"""What became of one object that makes a Secret: errors as values, no loop ever crashes."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Generic, TypeVar

from secretsync.core.conditions import SHORT_MESSAGE
from secretsync.core.materialize import Missing
from secretsync.core.plan import SecretAction
from secretsync.resources.meta import Parent

__all__ = ["Notes", "Outcome", "Progress", "contested"]

#: Missing items that are named; the count says how many there are.
_SHOWN_MISSING = 5

P = TypeVar("P", bound=Parent)
P_co = TypeVar("P_co", bound=Parent, covariant=True)


class Progress(enum.StrEnum):
    """How it ended; the loop's next step depends on nothing else."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    PLANNED = "planned"
    WAITING = "waiting"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[P_co]):
    """The result for one ExternalSecret or SealedSecret.

    Args:
        item: the object it is about.
        reason: the Ready condition's reason, or the event's of a SealedSecret.
        message: the condition's message: what, and the real, redacted cause.
        field: path of the item at fault, or "".
        transient: trying again may help without anybody changing anything.
        retry_after_s: the earliest useful time to try again, where known.
        versions: what was read to make it, for the inverted index.
        action: the decision, where one was reached.
        missing: what does not exist upstream though it was asked for, and is tolerated.
    """

    item: P_co
    progress: Progress
    reason: str = "SecretSynced"
    message: str = "secret synced"
    remedy: str = ""
    field: str = ""
    transient: bool = False
    retry_after_s: float | None = None
    action: SecretAction | None = None
    versions: Mapping[str, str] = attribute(default_factory=dict)
    missing: tuple[Missing, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether something is wrong with it."""
        return self.progress is Progress.FAILED

    @property
    def condition_message(self) -> str:
        """What the condition says: the cause, where it is, and what can be done."""
        # Sealed Secrets' texts name the items already.
        named = not self.field or self.item.ref.kind == "SealedSecret"
        where = "" if named or not self.failed else f" ({self.field})"
        hint = f"; {self.remedy}" if self.failed and self.remedy else ""
        absent = "" if self.failed else _absences(self.missing)
        return f"{self.message}{where}{hint}{absent}"[:SHORT_MESSAGE]


def _absences(missing: tuple[Missing, ...]) -> str:
    """Say what an optional source came to: it is never left out in silence."""
    optional = [each for each in missing if each.optional]
    if not optional:
        return ""
    shown = ", ".join(f"{each.field} ({each.key})" for each in optional[:_SHOWN_MISSING])
    more = ", …" if len(optional) > _SHOWN_MISSING else ""
    what = "optional item does" if len(optional) == 1 else "optional items do"
    return f"; {len(optional)} {what} not exist: {shown}{more}"


def contested(item: P, rival: Parent) -> Outcome[P]:
    """Return the outcome for an object whose target another one has."""
    return Outcome(
        item,
        Progress.FAILED,
        reason="SecretSyncedError",
        message=f"target is owned by another {rival.ref.kind}: {rival.ref}",
        remedy="give one of the two another target.name; the older one keeps the target",
    )


class Notes(Generic[P]):
    """The outcomes of a batch as they come in; a listener that fails misses none.

    Args:
        done: called with each outcome as it comes, from any thread.
    """

    def __init__(self, done: Callable[[Outcome[P]], None] | None) -> None:
        self._done = done
        self._failures: list[Exception] = []
        self.outcomes: dict[int, Outcome[P]] = {}

    def add(self, outcome: Outcome[P]) -> None:
        """Keep an outcome under its object's identity, and pass it on."""
        self.outcomes[id(outcome.item)] = outcome
        if self._done is None:
            return
        try:
            self._done(outcome)
        except Exception as exc:  # noqa: BLE001 - raised again by close, after the others
            self._failures.append(exc)

    def close(self) -> None:
        """Raise what a listener raised first."""
        if self._failures:
            raise self._failures[0]
