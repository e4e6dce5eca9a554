"""`secretsync sync`: close the difference, once."""

from __future__ import annotations

from typing import Any

import click

from secretsync.cli.options import allowed_by, help_epilog, one_shot_options

__all__ = ["command"]


@click.command(
    epilog=help_epilog(
        "0 all applied or unchanged, 1 at least one object failed, 2 nothing was attempted",
        "sync manifests/ --to dir:out",
    )
)
@one_shot_options
def command(**options: Any) -> int:
    """Make the cluster's Secrets as the manifests say.

    The run looks at the stores once: with deletionPolicy Delete or Merge, one definite
    absence is enough to delete.
    """
    from secretsync.cli.session import Request, run_once  # noqa: PLC0415 - --help stays light

    run = run_once(Request(allowed=allowed_by(options), **options), writes=True)
    if run.problems and not run.attempted:
        return 2
    return 1 if run.problems else 0
