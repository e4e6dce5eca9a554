"""`seal` without a verb: kubeseal's own command line.

Which flag decides before which is kubeseal's order, in `_action`. The modules beside
this one do the work and load only when it is theirs. What goes to standard output and
the exit codes are kubeseal's; notes, warnings and usage errors go to standard error.
"""

from __future__ import annotations

import os
import sys

from secretsync.cli.seal.console import EXIT_FAILED, EXIT_GOOD, EXIT_USAGE, warn
from secretsync.cli.seal.dropin_flags import FlagError, HelpWanted, Options, parse_flags

TYPE_CHECKING = False
if TYPE_CHECKING:  # `collections` and `typing` cost a tenth of what `--help` takes
    from collections.abc import Sequence

__all__ = ["KUBESEAL_VERSION", "run"]

#: The version whose behaviour this is; scripts read it from `--version`.
KUBESEAL_VERSION = "v0.40.0"


def run(argv: Sequence[str]) -> int:
    """Run kubeseal's form and return the exit code."""
    try:
        options = parse_flags(argv, os.environ)
    except HelpWanted:
        return _help()
    except FlagError as exc:
        _error(str(exc), "`seal --help` lists the flags")
        return EXIT_USAGE
    for note in options.notes:
        warn(note)
    if options.version:
        from secretsync import __version__  # noqa: PLC0415 - only for this

        sys.stdout.write(f"kubeseal version: {KUBESEAL_VERSION} (seal, secretsync {__version__})\n")
        return EXIT_GOOD
    if options.help:
        return _help()
    from secretsync.cli.seal.running import guarded  # noqa: PLC0415 - `--help` needs none

    return guarded(lambda: _action(options), say=_error)


def _help() -> int:
    from secretsync.cli.seal.dropin_help import help_text  # noqa: PLC0415 - only for this

    sys.stdout.write(help_text())
    return EXIT_GOOD


def _error(message: str, hint: str) -> None:
    """As kubeseal words it: scripts look for `error: …`."""
    sys.stderr.write(f"error: {message}\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")


def _check_input(options: Options) -> None:
    """Fail before anything else where the input file cannot be opened; note a terminal."""
    from secretsync.cli.seal.dropin_files import open_input  # noqa: PLC0415 - for --help

    open_input(options)


def _action(options: Options) -> int:
    if options.from_file and not options.raw:
        _error("--from-file requires --raw", "")
        return EXIT_FAILED
    _check_input(options)
    if options.recovery_unseal:
        from secretsync.cli.seal.dropin_recovery import recover  # noqa: PLC0415 - only for this

        return recover(options)
    if options.recovery_private_key and sys.stderr.isatty():
        warn(
            "ignoring --recovery-private-key because unseal command not chosen with "
            "--recovery-unseal"
        )
    if options.validate or options.re_encrypt or options.rotate:
        from secretsync.cli.seal import dropin_controller  # noqa: PLC0415 - only for this

        chosen = dropin_controller.validate if options.validate else dropin_controller.re_encrypt
        return chosen(options)
    from secretsync.cli.seal import dropin_sealing  # noqa: PLC0415 - `--help` needs none

    if options.fetch_cert:
        return dropin_sealing.fetch_certificate(options)
    if options.merge_into:
        from secretsync.cli.seal.dropin_merge import merge_into  # noqa: PLC0415 - only for this

        return merge_into(options)
    return dropin_sealing.seal_raw(options) if options.raw else dropin_sealing.seal(options)
