"""`seal check PATH…`: what is wrong with the sealed things of a repository, for CI."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from secretsync.cli.seal.certificate_options import variable
from secretsync.cli.seal.opening import add_sealing_key_option
from secretsync.cli.seal.running import guarded
from secretsync.cli.seal.verb_options import verb_parser

__all__ = ["run"]

_EXIT_ERROR = 2


def run(argv: Sequence[str]) -> int:
    """Run the verb and return its exit code."""
    options = _parser().parse_args(argv)

    codes: list[int] = []

    def check() -> int:
        from secretsync.cli.seal.checking import check_paths  # noqa: PLC0415 - --help stays light

        codes.append(check_paths(options))
        return codes[0]

    code = guarded(check)
    # Whatever keeps the check from being made is an error, not a finding.
    return code if codes or code > _EXIT_ERROR else _EXIT_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = verb_parser(
        "check",
        "Find SealedSecrets that will not open where they are, plaintext Secrets, and leftovers "
        "beside SealedSecrets. Nothing is written and nothing is asked over the network. An "
        "envelope does not say which key it is for: with --cert the annotation "
        "secretsync.io/sealed-with is compared, with --sealing-key each value is tried, and "
        "where neither tells it is called unknown.",
        example="seal check clusters/ --cert pub.pem -o sarif",
        exit_status="exit status: 0 clean, 1 findings, 2 usage, or something cannot be read",
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", help="manifest file or folder")
    parser.add_argument(
        "--cert",
        default=os.environ.get(variable("cert"), ""),
        metavar="FILE",
        help="certificate that everything is to be sealed with; a URL is fetched",
    )
    add_sealing_key_option(parser)
    parser.add_argument(
        "-n",
        "--namespace",
        default="",
        metavar="NAMESPACE",
        help="namespace of SealedSecrets that name none, which is a finding without this",
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="RULE",
        help="leave findings of this rule out; may be repeated",
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=("text", "json", "sarif"),
        default="text",
        help="form of the report",
    )
    return parser
