"""When a generator makes new values, and when what it made before stays.

A generated value is in the Secret and nowhere else: making it anew replaces a password that
somebody uses. So it is made when the ExternalSecret is new, was edited, or its interval is
over, and never because a process started, a status was lost, or another key moved. When
it was made stands on the Secret itself, among the provider-versions.

Neighbours: `generating` runs generators; `reading` asks here for each entry.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from providers.base import ProviderError, SecretBytes, Unavailable
from secretsync.core.conditions import rfc3339
from secretsync.core.hashes import data_hash, synced_resource_version
from secretsync.core.materialize import Materialized, desired_secret
from secretsync.core.secrets import DATA_HASH_ANNOTATION, LiveSecret, written_versions
from secretsync.core.sources import (
    Answer,
    GeneratedValues,
    GeneratorSource,
    KeptValues,
    version_key,
)
from secretsync.errors import ClusterUnavailable, ConfigError, SecretSyncError
from secretsync.refresh.clock import Clock
from secretsync.refresh.keeping import wrote
from secretsync.resources.external_secret import ExternalSecret, GeneratorRef
from secretsync.resources.meta import ObjectRef
from secretsync.resources.timestamps import parse_timestamp

__all__ = ["Generations", "Runner", "generated_at"]

log = logging.getLogger(__name__)

Live = Callable[[str, str], LiveSecret | None]


class Runner(Protocol):
    """Runs generators."""

    def require(self, refs: Iterable[GeneratorRef], namespace: str) -> None:
        """Check that there are such generators, without running one.

        Raises:
            StoreUnmanaged: another controller serves one.
            SecretSyncError: one does not exist, or is not valid.
        """
        ...

    def run(self, ref: GeneratorRef, namespace: str) -> Mapping[str, SecretBytes]:
        """Make new values.

        Raises:
            ProviderError: the service that makes them cannot, or refuses.
            SecretSyncError: there is no such generator, or it is not valid.
        """
        ...


class Generations:
    """Answers the entries of generators.

    Args:
        runner: None where generators are not served.
        live: reads a Secret, None where it is absent.
        runs: False only plans: no generator runs, since what it hands out is handed out.
    """

    def __init__(
        self, runner: Runner | None, live: Live, clock: Clock, *, runs: bool = True
    ) -> None:
        self._runner = runner
        self._live = live
        self._clock = clock
        self._runs = runs
        self._lock = threading.Lock()
        self._asked: set[ObjectRef] = set()

    def renew(self, ref: ObjectRef) -> None:
        """Make new values at the next look, where the policy lets an edit do that.

        Args:
            ref: of an ExternalSecret, one of whose generators was edited.
        """
        with self._lock:
            self._asked.add(ref)

    def require(self, item: ExternalSecret) -> None:
        """Check that its generators are there and ours; see `Runner.require`."""
        if self._runner is not None and item.generators():
            self._runner.require(item.generators(), item.meta.namespace)

    def answer(
        self, item: ExternalSecret, versions: Mapping[str, str]
    ) -> dict[GeneratorSource, Answer]:
        """Answer all entries of generators of one ExternalSecret; total, as a fetch is.

        They are made anew together, or stay together.

        Args:
            versions: of what was read beside them.
        """
        wanted = [
            GeneratorSource(entry.source, index)
            for index, entry in enumerate(item.data_from)
            if isinstance(entry.source, GeneratorRef)
        ]
        try:
            kept = self._kept(item, wanted, versions)
        except SecretSyncError as exc:
            error = Unavailable if isinstance(exc, ClusterUnavailable) else ProviderError
            return dict.fromkeys(wanted, error(exc.message, remedy=exc.remedy))
        if kept is not None:
            return dict.fromkeys(wanted, kept)
        if not self._runs and self._runner is not None:
            live = self._live(item.meta.namespace, item.target.name)
            data = {} if live is None else live.data
            return dict.fromkeys(wanted, KeptValues(data, "", pending=True))
        mark = _mark(self._clock.now(), _version(item))
        with self._lock:
            asked = item.ref in self._asked
            self._asked.discard(item.ref)
        answers: dict[GeneratorSource, Answer] = {
            source: self._run(source, item.meta.namespace, mark) for source in wanted
        }
        if asked and any(isinstance(answer, ProviderError) for answer in answers.values()):
            self.renew(item.ref)
        return answers

    def _run(self, source: GeneratorSource, namespace: str, mark: str) -> Answer:
        if self._runner is None:
            return ProviderError(
                f"generator {source.ref.kind} {source.ref.name} is not served here"
            )
        try:
            return GeneratedValues(self._runner.run(source.ref, namespace), mark)
        except ProviderError as exc:
            return exc.with_traceback(None)
        except SecretSyncError as exc:
            return ProviderError(exc.message, remedy=exc.remedy)
        except Exception as exc:
            log.debug("generator %s: internal error", source.ref.name, exc_info=exc)
            return ProviderError(
                f"internal error ({type(exc).__name__})",
                remedy="run with --debug for the traceback, and report it",
            )

    def _kept(
        self, item: ExternalSecret, wanted: list[GeneratorSource], versions: Mapping[str, str]
    ) -> KeptValues | None:
        """Return what stays, or None where it is time for new values.

        Raises:
            SecretSyncError: the Secret cannot be read, or never be written: then nothing is
                made either.
        """
        live = self._live(item.meta.namespace, item.target.name)
        if live is None or not wrote(item, live) or not _intact(item, live):
            return None
        if item.target.template is not None and _moved(versions, live, wanted):
            return None  # what was rendered of both cannot be taken apart
        made_at, version = _made(item, wanted, live)
        if self._is_over(item, made_at, version):
            if live.immutable:
                raise ConfigError(
                    "it is time for new values, and the Secret is immutable",
                    remedy="delete the Secret, or set refreshPolicy: CreatedOnce",
                )
            return None
        mark = _mark(made_at or self._clock.now(), version or _version(item))
        return KeptValues(_own(item, live), mark)

    def _is_over(self, item: ExternalSecret, made_at: datetime | None, version: str) -> bool:
        if item.refresh_policy == "CreatedOnce":
            return False
        if item.refresh_policy == "Periodic" and item.refresh_interval_s <= 0:
            return False
        with self._lock:
            asked = item.ref in self._asked
        if asked or (version and version != _version(item)):
            return True  # it was edited, or a generator of its
        if item.refresh_policy == "OnChange" or made_at is None:
            return False
        try:
            due_at = made_at + timedelta(seconds=item.refresh_interval_s)
        except OverflowError:  # beyond the calendar: it does not come
            return False
        return due_at <= self._clock.now()


def _mark(made_at: datetime, version: str) -> str:
    """Return what stands beside the Secret: when it was made, and for which edit."""
    return f"{rfc3339(made_at)}/{version}"


def _made(
    item: ExternalSecret, wanted: list[GeneratorSource], live: LiveSecret
) -> tuple[datetime | None, str]:
    """Return when the values were made, and for which edit of the ExternalSecret.

    The Secret says so. One that External Secrets Operator wrote does not: then its
    status does, and where that was lost nothing is known, so that nothing is made.
    """
    versions = written_versions(live)
    marks = [versions.get(version_key(source), "") for source in wanted]
    if not all(marks):
        return item.status.refresh_at, item.status.synced_resource_version
    moments = [generated_at(versions, source) for source in wanted]
    known = [moment for moment in moments if moment is not None]
    return min(known, default=None), marks[0].partition("/")[2]


def generated_at(versions: Mapping[str, str], source: GeneratorSource) -> datetime | None:
    """Return when an entry's values were made, by the versions that were written."""
    return parse_timestamp(versions.get(version_key(source), "").partition("/")[0])


def _version(item: ExternalSecret) -> str:
    meta = item.meta
    version = synced_resource_version(meta.generation, meta.labels, meta.annotations)
    if item.live:
        return version
    # An object of PATH has no generation that would count its edits.
    asked = repr((item.data_from, item.data, item.target)).encode()
    return f"{version}-{hashlib.sha256(asked).hexdigest()[:8]}"


def _moved(versions: Mapping[str, str], live: LiveSecret, wanted: list[GeneratorSource]) -> bool:
    """Return whether something beside the generated values is another one than was written."""
    generated = {version_key(source) for source in wanted}
    written = written_versions(live)
    return any(written.get(key) != versions[key] for key in versions.keys() - generated)


def _intact(item: ExternalSecret, live: LiveSecret) -> bool:
    """Return whether the Secret is as it was written; somebody else's value is not kept."""
    if item.target.creation_policy in ("Merge", "CreateOrMerge"):
        return True  # what others changed became theirs, and is not taken for ours
    revealed = {key: value.reveal() for key, value in live.data.items()}
    return live.annotations.get(DATA_HASH_ANNOTATION) == data_hash(revealed)


def _own(item: ExternalSecret, live: LiveSecret) -> dict[str, SecretBytes]:
    """Return the data that this ExternalSecret wrote, of a Secret that others share."""
    if item.target.creation_policy not in ("Merge", "CreateOrMerge"):
        return dict(live.data)
    managers = desired_secret(item, Materialized({})).field_managers
    owned = {key for name in managers if name in live.managers for key in live.managers[name].data}
    return {key: value for key, value in live.data.items() if key in owned}
