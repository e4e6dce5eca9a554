"""`run PATH…`: the desired objects come from files, and changes of files are noticed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from secretsync.controller.intake import Intake
from secretsync.controller.push_part import PushPart
from secretsync.controller.sealing_part import SealingPart
from secretsync.refresh.clock import Clock
from secretsync.refresh.credential_source import Overlay
from secretsync.resources.manifests import Manifests
from secretsync.resources.meta import ObjectRef

__all__ = ["PathObjects", "PathWatcher"]

log = logging.getLogger(__name__)

POLL_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class PathObjects:
    """What PATH gives.

    Args:
        load: reads and parses PATH; called again when `signature` moves.
        signature: changes when a file does; cheap.
        labels: put on every Secret that is made.
        overlay: Secrets and ConfigMaps that PATH brings; kept up to date.
    """

    load: Callable[[], tuple[Manifests, bool]]
    signature: Callable[[], object]
    labels: Mapping[str, str]
    overlay: Overlay


class PathWatcher:
    """Feeds the intake from PATH; an unreadable file removes nothing.

    Args:
        given: called with what PATH holds, before the intake is.
    """

    def __init__(
        self,
        paths: PathObjects,
        intake: Intake,
        clock: Clock,
        stop: threading.Event,
        *,
        sealing: SealingPart | None,
        pushing: PushPart,
        given: Callable[[Manifests], None] = lambda manifests: None,
    ) -> None:
        self._paths = paths
        self._intake = intake
        self._sealing = sealing
        self._pushing = pushing
        self._given = given
        self._clock = clock
        self._stop = stop
        self._signature: object = None
        self._served: frozenset[ObjectRef] = frozenset()
        self._thread = threading.Thread(target=self._run, name="paths", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def _run(self) -> None:
        while self._clock.wait(POLL_EVERY_S):
            if self._paths.signature() != self._signature:
                self.load()

    def load(self) -> None:
        """Read PATH and take in what differs."""
        self._signature = self._paths.signature()
        manifests, complete = self._paths.load()
        self._paths.overlay.add(manifests.secrets, manifests.config_maps)
        self._given(manifests)
        for store in manifests.secret_stores:
            self._intake.put_store(store.ref, (store, ()))
        for item in manifests.external_secrets:
            self._intake.put_item(item)
        if self._sealing is not None:
            for sealed in manifests.sealed_secrets:
                self._sealing.put(sealed)
        for push in manifests.push_secrets:
            self._pushing.put(push)
        parents = (manifests.external_secrets, manifests.sealed_secrets, manifests.push_secrets)
        served = frozenset(item.ref for items in parents for item in items)
        if not complete:
            # A file that does not parse says nothing about what it used to hold.
            self._served |= served
            return
        for ref in self._served - served:
            left = "what it pushed" if ref.kind == "PushSecret" else "its secret"
            log.warning("no longer in PATH; %s stays", left, extra={"object": str(ref)})
            self._remove(ref)
        self._served = served

    def _remove(self, ref: ObjectRef) -> None:
        if ref.kind == "PushSecret":
            self._pushing.remove(ref)
        elif ref.kind != "SealedSecret":
            self._intake.remove_item(ref)
        elif self._sealing is not None:
            self._sealing.remove(ref)
