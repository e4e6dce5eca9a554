"""The command tree, and what every verb has in common at its edges.

Exit codes are listed per verb in its help; 2 is also what unusable arguments give.
Data goes to standard output, everything else to standard error.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence

import click

from secretsync import __version__
from secretsync.cli.options import help_epilog
from secretsync.errors import SecretSyncError
from secretsync.logs import configure_logging, safe_traceback

__all__ = ["run"]

#: verb → (module, one line). `--help` imports none of them.
COMMANDS: dict[str, tuple[str, str]] = {
    "validate": ("secretsync.cli.validate", "Parse and check manifests; no network."),
    "plan": ("secretsync.cli.plan", "Show what sync would change; write nothing."),
    "sync": ("secretsync.cli.sync", "Make the cluster's Secrets as the manifests say."),
    "run": ("secretsync.cli.run", "Keep them so: the service."),
    "status": ("secretsync.cli.status", "Show what is synced, how old, and what is wrong."),
    "refresh": ("secretsync.cli.refresh", "Refresh one object of the cluster, now."),
    "app": ("secretsync.cli.app", "Applications: what of Git should be where."),
}

EXIT_USAGE = 2


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one verb."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, summary) for verb, (_, summary) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=help_epilog(
        "each verb's help lists its own; 2 is also an unusable command line",
        "plan manifests/ --to dir:out",
    ),
)
@click.version_option(__version__, prog_name="secretsync")
@click.option("--debug", is_flag=True, help="Show tracebacks of errors; never values.")
def cli(*, debug: bool) -> None:
    """Get secrets to where they run, under GitOps."""
    click.get_current_context().obj = {"debug": debug}
    if debug:
        # An internal error of one object is an outcome, and its frames a log line.
        configure_logging(sys.stderr, style="text", level="debug")


def run(argv: Sequence[str] | None) -> int:
    """Run the tree; every error becomes a message and an exit code."""
    debug = "--debug" in (sys.argv if argv is None else argv)
    try:
        result = cli.main(args=argv, prog_name="secretsync", standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except SecretSyncError as exc:
        click.echo(f"secretsync: error: {exc.message}", err=True)
        if exc.remedy:
            click.echo(f"secretsync: hint: {exc.remedy}", err=True)
        if debug:
            click.echo(safe_traceback(exc), err=True)
        return EXIT_USAGE
    except (BrokenPipeError, SystemExit):
        # The reader went away; nothing is left to tell it. click makes SystemExit(1) of
        # it, which would say that there are differences, or findings.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_USAGE
    except Exception as exc:  # noqa: BLE001 - a traceback could show values
        click.echo(f"secretsync: internal error: {type(exc).__name__}", err=True)
        click.echo(
            safe_traceback(exc) if debug else "secretsync: hint: run with --debug for more",
            err=True,
        )
        return EXIT_USAGE
    return result if isinstance(result, int) else 0
