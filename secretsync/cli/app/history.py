"""`secretsync app history`: what was deployed, and with --all what else happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from secretsync.cli.app.options import app_options
from secretsync.cli.options import help_epilog
from secretsync.gitops.sources.revisions import short_revision

__all__ = ["command"]


@click.command(epilog=help_epilog("0 good, 2 error", "app history web --to kube"))
@app_options
@click.option(
    "--all", "everything", is_flag=True, help="Heals, prunes, rollbacks and failures too."
)
def command(*, everything: bool, **options: Any) -> int:
    """List the full successful syncs, which rollback goes back to."""
    from secretsync.cli.app.report import echo_json, table  # noqa: PLC0415 - --help stays light
    from secretsync.cli.app.session import AppRequest, opened  # noqa: PLC0415 - see above
    from secretsync.gitops.status.history import journal_of, revisions_of  # noqa: PLC0415 - see above

    request = AppRequest(**options)
    with opened(request, writes=False, values=False) as session:
        app = session.find()
        entries = (
            journal_of(app.meta.annotations) if everything else app.status.get("history") or []
        )
        if request.output == "json":
            echo_json(entries)
            return 0
        if everything:
            rows: list[tuple[str, ...]] = [
                ("DATE", "ACTION", "RESULT", "REVISION", "BY", "AUTHOR", "ID", "DRIFT")
            ]
            rows += [_journal_row(each) for each in entries]
            table(rows)
            return 0
        head = [("ID", "DATE", "REVISION", "BY")]
        table(
            head
            + [
                (
                    str(each.get("id", "")),
                    str(each.get("deployedAt", "")),
                    ",".join(map(short_revision, revisions_of(each))),
                    _by(each.get("initiatedBy") or {}),
                )
                for each in entries
            ]
        )
    return 0


def _journal_row(each: Mapping[str, Any]) -> tuple[str, ...]:
    times = f" x{each['times']}" if each.get("times") else ""
    return (
        str(each.get("at", "")),
        str(each.get("action", "")),
        f"{each.get('result', '')}{times}",
        ",".join(short_revision(str(one)) for one in each.get("revisions") or ()),
        str(each.get("by", "")),
        str(each.get("author", "")),
        str(each.get("id", "")),
        "; ".join(str(text) for text in each.get("drift") or ()),
    )


def _by(initiated: Mapping[str, Any]) -> str:
    return "automation" if initiated.get("automated") else str(initiated.get("username") or "")
