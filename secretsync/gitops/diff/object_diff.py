"""One object compared: the answer of a dry run, and what of it counts.

Neighbours: `comparing` asks for each object of an application, `local_diff` stands in
where the cluster cannot answer, `owned_fields` spares the question.
"""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secretsync.cluster.base import Cluster, Kind
from secretsync.core.fingerprints import Fingerprinter
from secretsync.errors import ClusterError, Rejected
from secretsync.gitops.diff.lenient_apply import applied_leniently
from secretsync.gitops.diff.local_diff import local_differences
from secretsync.gitops.diff.pairing import compare_options
from secretsync.gitops.diff.secret_diff import field_changes
from secretsync.gitops.diff.takeover import CLIENT_SIDE_MANAGERS, dropped_by_takeover
from secretsync.gitops.model import FieldChange, Object, ObjectKey, SyncStatus
from secretsync.gitops.objects.field_paths import Difference, Path, differences
from secretsync.gitops.objects.ignoring import Ignored, PathFinder, ignored_in, without_ignored
from secretsync.gitops.objects.normalizing import normalized
from secretsync.gitops.objects.owned_fields import applied_fields, owns, surely_same
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.resources.application_spec import IgnoreDifference

__all__ = ["Answer", "Asker", "Remembered"]

MAX_REMEMBERED = 100_000

Rules = tuple[IgnoreDifference, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a live object stands to its target."""

    status: SyncStatus
    changes: tuple[FieldChange, ...] = ()
    message: str = ""


class Remembered:
    """Answers of earlier questions, by digest: no values are kept. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[str, ObjectKey], tuple[bytes, Answer]] = OrderedDict()

    def get(self, place: tuple[str, ObjectKey], question: bytes) -> Answer | None:
        """Return the answer to the same question about an object."""
        with self._lock:
            asked, answer = self._answers.get(place, (b"", None))
            return answer if asked == question else None

    def put(self, place: tuple[str, ObjectKey], question: bytes, answer: Answer) -> None:
        """Keep the latest answer about an object."""
        with self._lock:
            self._answers[place] = (question, answer)
            self._answers.move_to_end(place)
            if len(self._answers) > MAX_REMEMBERED:
                self._answers.popitem(last=False)

    def clear(self) -> None:
        """Ask anew from now on, as after a hard refresh."""
        with self._lock:
            self._answers.clear()


@dataclass(frozen=True)
class Asker:
    """Compares objects of one application.

    Args:
        instance: names the application.
        app_options: its compare-options.
        sync_options: how a sync would apply.
        client_side: whose client-side applies a sync would take over.
    """

    cluster: Cluster
    fingerprints: Fingerprinter
    jq: PathFinder | None
    field_manager: str
    remembered: Remembered
    instance: str
    app_options: frozenset[str]
    sync_options: SyncOptions = field(default_factory=SyncOptions.of)
    client_side: frozenset[str] = CLIENT_SIDE_MANAGERS

    def compare(self, kind: Kind, target: Object, live: Object, *, rules: Rules) -> Answer:
        """Return what applying the target would change in the live object.

        Args:
            kind: of both.
            target: with tracking, as it would be applied.
            live: with managedFields.
            rules: the ignoreDifferences that are about it.
        """
        wanted = normalized(target)
        dropped = dropped_by_takeover(wanted, live, client_side=self.client_side)
        if not dropped and surely_same(wanted, live, self.field_manager):
            return Answer(SyncStatus.SYNCED)
        place = (self.instance, ObjectKey.of(live))
        question = self._question(target, live, rules)
        known = self.remembered.get(place, question)
        if known is not None:
            return known
        answer = self._asked(kind, target, live, rules, dropped)
        # A refusal may end without any change of the object: it is asked for again.
        if not answer.message:
            self.remembered.put(place, question, answer)
        return answer

    def _asked(
        self, kind: Kind, target: Object, live: Object, rules: Rules, dropped: list[Difference]
    ) -> Answer:
        metadata = target["metadata"]
        options = self.app_options | compare_options(metadata.get("annotations") or {})
        if "ServerSideDiff=false" in options:
            return self._local(target, live, rules, dropped)
        try:
            predicted = self._predicted(kind, target)
        except Rejected as exc:
            answer = self._local(target, live, rules, dropped)
            if answer.status is SyncStatus.OUT_OF_SYNC:
                return Answer(answer.status, answer.changes, exc.message)
            return Answer(SyncStatus.UNKNOWN, message=exc.message)
        except ClusterError as exc:
            return Answer(SyncStatus.UNKNOWN, message=exc.message)
        before, after = normalized(live), normalized(predicted)
        sides = [ignored_in(side, rules, live=live, jq=self.jq) for side in (before, after)]
        found = differences(
            *(without_ignored(*each) for each in zip((before, after), sides, strict=True))
        )
        if "IncludeMutationWebhook=true" not in options:
            wanted, mine = normalized(target), applied_fields(live, self.field_manager) or {}
            found = [each for each in found if _counts(each, wanted, before, mine)]
        return self._answer(found, live, dropped, sides)

    def _predicted(self, kind: Kind, target: Object) -> Object:
        ask = functools.partial(
            self.cluster.apply, kind, field_manager=self.field_manager, dry_run=True
        )
        if self.sync_options.has("Validate=false", target):
            return applied_leniently(ask, target)
        return ask(target)

    def _local(
        self, target: Object, live: Object, rules: Rules, dropped: list[Difference]
    ) -> Answer:
        wanted, there = normalized(target), normalized(live)
        sides = [ignored_in(side, rules, live=live, jq=self.jq) for side in (there, wanted)]
        found = local_differences(
            without_ignored(wanted, sides[1]), without_ignored(there, sides[0])
        )
        return self._answer(found, live, dropped, sides)

    def _answer(
        self, found: list[Difference], live: Object, dropped: list[Difference], sides: list[Ignored]
    ) -> Answer:
        problems = [text for side in sides for text in side.warnings]
        if problems:
            # A rule that does not work ignores nothing: going on could undo what its
            # author wants left alone.
            return Answer(SyncStatus.UNKNOWN, message=problems[0])
        ignored = {path for side in sides for path in side.paths}
        kept = [
            each
            for each in dropped
            if not any(each.path[:length] in ignored for length in range(len(each.path) + 1))
        ]
        every = {each.path: each for each in (*found, *kept)}
        if not every:
            return Answer(SyncStatus.SYNCED)
        changes = field_changes(list(every.values()), live, self.fingerprints)
        return Answer(SyncStatus.OUT_OF_SYNC, changes)

    def _question(self, target: Object, live: Object, rules: Rules) -> bytes:
        metadata = live["metadata"]
        text = json.dumps(
            [
                target,
                metadata.get("uid"),
                metadata.get("resourceVersion"),
                [repr(rule) for rule in rules],
                sorted(self.app_options),
                sorted(self.sync_options.of_app),
                sorted(self.client_side),
                self.field_manager,
            ],
            sort_keys=True,
        )
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _counts(
    each: Difference, target: Mapping[str, Any], live: Mapping[str, Any], mine: Mapping[str, Any]
) -> bool:
    """Whether a difference is about a field that we give, or gave.

    The rest is what webhooks add to every write, to a dry run too.
    """
    return _given(target, each.path) or owns(live, mine, each.path)


def _given(target: Any, path: Path) -> bool:
    """Whether the target says something about a path; indexes of lists are not the same."""
    for step in path:
        if isinstance(step, int) or not isinstance(target, Mapping):
            return target is not None
        if step not in target:
            return False
        target = target[step]
    return True
