"""What was found when an application was looked at.

Neighbours: `engine` looks, `operating` syncs what was found, the controller keeps it until
the next look.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from secretsync.gitops.diff.comparing import without_values
from secretsync.gitops.model import Comparison, Rendered
from secretsync.gitops.projects.permitting import Project
from secretsync.gitops.projects.project_windows import WindowVerdict, window_verdict
from secretsync.gitops.status.pins import Pin
from secretsync.gitops.sync.prune_guard import PruneVerdict
from secretsync.resources.application import Application

__all__ = ["SYNC_WINDOW", "Look", "to_keep"]

#: Type of the condition that says that a window is closed.
SYNC_WINDOW = "SyncWindow"


@dataclass(frozen=True, slots=True)
class Look:
    """What was found.

    Args:
        app: with the sources that count, which a pin may have changed.
        wanted: what the sources of the spec are at, whatever is pinned.
        pin: None without one, or where it has ended.
        unpinned: a pin was there, and a new commit has ended it.
        project: as it was then.
    """

    app: Application
    rendered: Rendered = field(repr=False)
    comparison: Comparison = field(repr=False)
    prune: PruneVerdict
    wanted: tuple[str, ...]
    pin: Pin | None = None
    unpinned: bool = False
    project: Project = field(default=Project(None), repr=False)

    @property
    def conditions(self) -> list[tuple[str, str]]:
        """What the status says beside the comparison: type and message."""
        found = [("SpecWarning", text) for text in self.app.warnings]
        found += [("ProjectWarning", text) for text in self.project.warnings]
        found += [("RenderWarning", text) for text in self.rendered.warnings]
        if self.pin is not None:
            text = f"{self.pin}: it ends at the next commit, or by app rollback --release"
            found.append(("RolledBack", text))
        return found

    def windows(
        self, now: datetime, *, manual: bool, begun: datetime | None = None
    ) -> WindowVerdict:
        """Return whether the sync windows of the project let a sync go on.

        Args:
            now: aware.
            manual: somebody asks for it.
            begun: when the sync that is under way began.
        """
        held = self.project.held
        windows = () if held is None else held.spec.sync_windows
        return window_verdict(windows, self.app, now=now, manual=manual, begun=begun)


def to_keep(look: Look) -> Look:
    """Return a look for as long as an application is served: without values of Secrets.

    What was rendered goes too; its digest says whether it is still the same.
    """
    rendered = replace(look.rendered, objects=())
    return replace(look, rendered=rendered, comparison=without_values(look.comparison))
