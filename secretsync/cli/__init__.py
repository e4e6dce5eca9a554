"""The `secretsync` command: one module a verb, loaded when it is used."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # `collections` and `typing` cost a tenth of what `--help` takes
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        argv: arguments without the program's name; None takes the process's own.
    """
    from secretsync.cli.root import run  # noqa: PLC0415 - click is loaded only to run

    return run(argv)
