"""How a verb of `seal` ends: whatever happens becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from sealing.errors import SealingError
from secretsync.cli.seal.console import EXIT_FAILED, error
from secretsync.errors import SecretSyncError

__all__ = ["EXIT_INTERRUPTED", "guarded"]

#: 128 + SIGINT, as shells report it.
EXIT_INTERRUPTED = 130


def guarded(run: Callable[[], int], *, say: Callable[[str, str], None] = error) -> int:
    """Run a verb and return its exit code; errors are said, never shown as traceback.

    Args:
        run: the verb; raises SecretSyncError or SealingError where it fails. Usage
            errors end it by SystemExit, as argparse does.
        say: takes message and hint.
    """
    try:
        return run()
    except SecretSyncError as exc:
        say(exc.message, exc.remedy)
    except SealingError as exc:
        say(str(exc), "")
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as exc:
        # Only names and reasons: nothing of what was read or written is in them.
        say(f"{exc.filename or 'input/output'}: {(exc.strerror or 'failed').lower()}", "")
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return EXIT_FAILED
