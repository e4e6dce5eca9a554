"""`seal rotate PATH…`: every SealedSecret of a repository sealed for a new certificate."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from secretsync.cli.seal.certificates import add_certificate_options
from secretsync.cli.seal.opening import add_key_options
from secretsync.cli.seal.running import guarded
from secretsync.cli.seal.verb_options import add_namespace_option, verb_parser

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run the verb and return its exit code."""
    options = _parser().parse_args(argv)

    def rotate() -> int:
        from secretsync.cli.seal.rotating import rotate_paths  # noqa: PLC0415 - --help stays light

        return rotate_paths(options)

    return guarded(rotate)


def _parser() -> argparse.ArgumentParser:
    parser = verb_parser(
        "rotate",
        "Seal the values of every SealedSecret anew for the certificate, each in the scope and "
        "place that it has. Private keys open them; without any, the controller is asked to do "
        "both. A file is changed as a whole or not at all, and keeps everything but the values. "
        "Can be stopped and run again: what is sealed for the certificate already is skipped, "
        "by the annotation secretsync.io/sealed-with, or by trying where the certificate's own "
        "private key is among those given.",
        example="seal rotate clusters/ --sealing-key old.key --cert new.pem",
        exit_status="exit status: 0 good, 1 a file failed or none was found, 2 usage",
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", help="manifest file or folder")
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="form of the report"
    )
    add_namespace_option(parser)
    add_key_options(parser)
    add_certificate_options(parser)
    return parser
