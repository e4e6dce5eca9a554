"""`secretsync app rollback`: go back to an earlier deployment, and stay there."""

from __future__ import annotations

from typing import Any

import click

from secretsync.cli.app.options import acknowledge_option, app_options, prune_option
from secretsync.cli.options import allowed_by, allowing_options, help_epilog, sealing_options

__all__ = ["command"]


@click.command(
    epilog=help_epilog(
        "0 rolled back, 1 at least one object failed, 2 nothing was attempted",
        "app rollback web --to kube",
    )
)
@app_options
@click.argument("number", metavar="[ID]", required=False, type=int)
@click.option("--release", is_flag=True, help="End the rollback: follow the sources again.")
@prune_option
@acknowledge_option
@allowing_options
@sealing_options
def command(
    *,
    number: int | None,
    release: bool,
    prune: bool | None,
    acknowledge: tuple[str, ...],
    sealing_key: tuple[str, ...],
    sealing_namespace: str,
    **options: Any,
) -> int:
    """Go back to entry ID of app history, or to the deployment before the live one.

    The application is pinned to that revision and to the versions that its Secrets had,
    automation or not, until the next commit or --release.
    """
    # Imported here, as in every verb: --help needs no YAML reader.
    from secretsync.cli.app.rolling_back import release_pin, roll_back  # noqa: PLC0415 - see above
    from secretsync.cli.app.session import AppRequest, opened  # noqa: PLC0415 - see above
    from secretsync.cli.app.showing import SealingFlags  # noqa: PLC0415 - see above

    allowed = allowed_by(options)
    flags = SealingFlags(sealing_key, sealing_namespace, allowed=allowed)
    with opened(AppRequest(**options), writes=True) as session:
        if release:
            return release_pin(session)
        return roll_back(session, number, flags, prune=prune, tokens=acknowledge)
