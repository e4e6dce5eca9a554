"""`secretsync app`: applications of a Git repository, one module a verb.

Neighbours: `session` opens what every verb needs, `report` shows it.
"""

from __future__ import annotations

import importlib

import click

from secretsync.cli.options import help_epilog

__all__ = ["command"]

#: verb → (module, one line). `--help` imports none of them.
VERBS: dict[str, tuple[str, str]] = {
    "plan": ("secretsync.cli.app.plan", "Show what sync would change, Secrets included."),
    "sync": ("secretsync.cli.app.sync", "Make the cluster as the repository says."),
    "diff": ("secretsync.cli.app.diff", "Show the difference to another revision."),
    "history": ("secretsync.cli.app.history", "List what was deployed."),
    "rollback": ("secretsync.cli.app.rollback", "Go back to an earlier deployment, and stay."),
    "wait": ("secretsync.cli.app.wait", "Wait until it is synced and healthy."),
    "tree": ("secretsync.cli.app.tree", "Show its objects and the Secrets behind them."),
    "list": ("secretsync.cli.app.listing", "List the applications of the cluster."),
    "get": ("secretsync.cli.app.get", "Show one application."),
    "delete": ("secretsync.cli.app.delete", "Delete an application and what it made."),
    "terminate": ("secretsync.cli.app.terminate", "End a sync that is under way."),
}


class VerbGroup(click.Group):
    """A group whose verbs are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one verb."""
        if cmd_name not in VERBS:
            return None
        verb: click.Command = importlib.import_module(VERBS[cmd_name][0]).command
        return verb

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, summary) for verb, (_, summary) in VERBS.items()])


@click.group(
    cls=VerbGroup,
    epilog=help_epilog(
        "each verb's help lists its own; 2 is also an unusable command line",
        "app plan app.yaml --to dir:out",
    ),
)
def command() -> None:
    """Applications: what of Git should be where.

    APP is a manifest file, or [NAMESPACE/]NAME of an Application that the cluster holds.
    """
