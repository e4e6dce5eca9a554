"""`secretsync plan`: what sync would change. It reads, it never writes."""

from __future__ import annotations

from typing import Any

import click

from secretsync.cli.options import allowed_by, help_epilog, one_shot_options

__all__ = ["command"]


@click.command(
    epilog=help_epilog(
        "0 no difference, 1 differences, 2 error (an error wins over differences)",
        "plan manifests/ --to kube:staging",
    )
)
@one_shot_options
def command(**options: Any) -> int:
    """Show what sync would change, per object and key; write nothing."""
    # Imported here, as in every verb: --help needs no YAML reader and no pipeline.
    from secretsync.cli.report import shown_verb  # noqa: PLC0415 - see above
    from secretsync.cli.session import Request, run_once  # noqa: PLC0415 - see above
    from secretsync.core.plan import Verb  # noqa: PLC0415 - see above

    run = run_once(Request(allowed=allowed_by(options), **options), writes=False)
    if run.problems:
        return 2
    differs = any(shown_verb(outcome) is not Verb.UNCHANGED for outcome in run.result.ended)
    return 1 if differs or run.result.extras else 0
