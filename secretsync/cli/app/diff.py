"""`secretsync app diff`: what another revision changes, Secrets included."""

from __future__ import annotations

from typing import Any

import click

from secretsync.cli.app.options import app_options
from secretsync.cli.options import help_epilog
from secretsync.gitops.sources.revisions import short_revision

__all__ = ["command"]


@click.command(
    epilog=help_epilog(
        "0 no difference, 1 differences, 2 error", "app diff web --revision v2 --to kube"
    )
)
@app_options
@click.option("--revision", default="", help="Compare with this revision (default: the newest).")
@click.option(
    "--from",
    "base",
    default="",
    metavar="REV",
    help="Compare from this revision (default: the one that is deployed).",
)
def command(*, revision: str, base: str, **options: Any) -> int:
    """Show the difference between two revisions of an application, object by object.

    Values of Secrets are shown as fingerprints, on both sides.
    """
    # Imported here, as in every verb: --help needs no YAML reader.
    from secretsync.cli.app.report import echo_json, object_rows, print_rows  # noqa: PLC0415 - see above
    from secretsync.cli.app.session import AppRequest, opened  # noqa: PLC0415 - see above
    from secretsync.errors import ConfigError  # noqa: PLC0415 - see above
    from secretsync.gitops.diff.revision_diff import renders_compared  # noqa: PLC0415 - see above
    from secretsync.gitops.objects.placing import placed  # noqa: PLC0415 - see above
    from secretsync.gitops.status.history import revisions_of  # noqa: PLC0415 - see above

    request = AppRequest(**options)
    with opened(request, writes=False) as session:
        app = session.find()
        render = session.engine.renderer.render
        history = app.status.get("history") or []
        if not base and not history:
            raise ConfigError(
                f"{app.ref} was never deployed", remedy="give --from, or see app plan"
            )
        old = session.resolved(app, base) if base else revisions_of(history[-1])
        new = session.resolved(app, revision) if revision else session.engine.resolve(app)
        before, after = render(app, revisions=old), render(app, revisions=new)
        namespace, resolve = app.spec.destination.namespace, session.engine.cluster.resolve
        old_side, new_side = (
            placed(side.objects, namespace=namespace, resolve=resolve) for side in (before, after)
        )
        pairs = renders_compared(old_side, new_side, session.prints)
        rows = object_rows(pairs, session.prints, prune=True)
        if request.output == "json":
            echo_json({"from": list(old), "to": list(new), "objects": rows})
        else:
            click.echo(f"{app.ref}: {_short(old)} -> {_short(new)}")
            print_rows(rows)
    return 1 if rows else 0


def _short(revisions: tuple[str, ...]) -> str:
    return ", ".join(map(short_revision, revisions))
