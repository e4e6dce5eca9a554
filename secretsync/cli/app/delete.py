"""`secretsync app delete`: an application, and what it made."""

from __future__ import annotations

from typing import Any

import click

from secretsync.cli.app.options import app_options
from secretsync.cli.options import help_epilog

__all__ = ["command"]

POLL_S = 0.5


@click.command(
    epilog=help_epilog("0 gone, 1 part of it is left, 2 error", "app delete web --to kube")
)
@app_options
@click.option(
    "--cascade/--no-cascade", default=True, show_default=True, help="Delete what it made, first."
)
@click.option(
    "--timeout",
    "timeout_s",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to wait for objects whose finalizers are at work.",
)
def command(*, cascade: bool, timeout_s: float, **options: Any) -> int:
    """Delete an application; objects that say Delete=false, or are not its own, stay."""
    # Imported here, as in every verb: --help needs no YAML reader.
    from secretsync.cli.app.report import echo_json  # noqa: PLC0415 - see above
    from secretsync.cli.app.session import AppRequest, opened  # noqa: PLC0415 - see above
    from secretsync.gitops.deletion.deleting import begin_deletion  # noqa: PLC0415 - see above
    from secretsync.gitops.deletions import Deletions  # noqa: PLC0415 - see above
    from secretsync.gitops.status.overview import place_of  # noqa: PLC0415 - see above

    request = AppRequest(**options)
    said: dict[str, str] = {}
    with opened(request, writes=True) as session:
        asked, clock = session.find(), session.clock
        about = asked.meta
        end_s = clock.monotonic_s() + timeout_s

        def told(key: object, what: str) -> None:
            said[str(key)] = what

        def go_on() -> bool:
            """Do the next part; a service that serves the Application may do it too."""
            app = session.store.get(about.namespace, about.name)
            if app is None:
                return True
            if not begin_deletion(session.cluster, app, cascade=cascade):
                return False
            app = session.store.get(about.namespace, about.name)
            return app is None or Deletions(session.engine).go_on(app, told) is None

        while True:
            gone = go_on()
            if gone or clock.monotonic_s() >= end_s or not clock.wait(POLL_S):
                break
    if request.output == "json":
        echo_json({"application": place_of(asked), "gone": gone, "objects": said})
    else:
        for key, what in said.items():
            click.echo(f"{what:<9} {key}")
        click.echo(f"{asked.ref}: {'deleted' if gone else 'part of it is left'}")
    return 0 if gone else 1
