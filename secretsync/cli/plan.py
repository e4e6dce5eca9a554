"""`secretsync plan`: what sync would change. It reads, it never writes."""

from __future__ import annotations

from typing import Any

import click

from secretsync.cli.options import one_shot_options
from secretsync.cli.report import shown_verb
from secretsync.cli.session import Request, run_once
from secretsync.core.plan import Verb

__all__ = ["command"]


@click.command(
    epilog="Exit status: 0 no difference, 1 differences, 2 error (an error wins). "
    "Example: secretsync plan manifests/ --to kube:staging"
)
@one_shot_options
def command(**options: Any) -> int:
    """Show what sync would change, per object and key; write nothing."""
    run = run_once(Request(**options), writes=False)
    if run.problems:
        return 2
    differs = any(
        shown_verb(outcome) is not Verb.UNCHANGED for outcome in run.result.outcomes
    )
    return 1 if differs or run.result.extras else 0
