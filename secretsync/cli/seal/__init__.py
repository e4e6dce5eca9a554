"""The `seal` command: kubeseal without a verb, and verbs beyond it.

Nothing here imports cryptography, YAML or a cluster client: a verb does, when it runs.
"""

from __future__ import annotations

import sys
from importlib import import_module

from secretsync.cli.seal.verbs import VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:  # `collections` and `typing` cost a tenth of what `--help` takes
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        argv: arguments without the program's name; None takes the process's own.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    module = "secretsync.cli.seal.dropin"
    if arguments and arguments[0] in VERBS:
        module = VERBS[arguments.pop(0)][0]
    code: int = import_module(module).run(arguments)
    return code
