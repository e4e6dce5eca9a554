"""`seal completion SHELL`: a script that teaches a shell the verbs, flags and values.

What is completed is read off the helps, so that it is what the verbs really take.
Neighbours: `completion_words` reads, `completion_scripts` writes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from secretsync.cli.seal.running import guarded
from secretsync.cli.seal.verb_options import verb_parser

__all__ = ["run"]

SHELLS = ("bash", "zsh", "fish")


def run(argv: Sequence[str]) -> int:
    """Print the script and return the exit code."""
    parser = verb_parser(
        "completion",
        "Print a script for the shell's completion of verbs, flags, scopes and file names.",
        example="seal completion bash > ~/.local/share/bash-completion/completions/seal",
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell to write for")
    shell = parser.parse_args(argv).shell
    return guarded(lambda: _print(shell))


def _print(shell: str) -> int:
    from secretsync.cli.seal.completion_scripts import script  # noqa: PLC0415 - not for --help
    from secretsync.cli.seal.completion_words import command_words  # noqa: PLC0415 - as above

    sys.stdout.write(script(shell, command_words()))
    return 0
