"""`seal files PATH…`: many Secret manifests sealed by one process."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from secretsync.cli.seal.certificates import add_certificate_options
from secretsync.cli.seal.running import guarded
from secretsync.cli.seal.verb_options import add_namespace_option, verb_parser

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run the verb and return its exit code."""
    options = _parser().parse_args(argv)

    def seal() -> int:
        from secretsync.cli.seal.sealing_files import seal_paths  # noqa: PLC0415 - --help stays light

        return seal_paths(options)

    return guarded(seal)


def _parser() -> argparse.ArgumentParser:
    parser = verb_parser(
        "files",
        "Seal the Secrets of many manifest files. Other objects of a file stay as they are, "
        "files without Secrets are left out. A file that fails stops only itself. With "
        "--output-dir the plaintext files stay where they are; with --in-place they are "
        "replaced by what is sealed.",
        example="seal files secrets/ --output-dir sealed/ --cert pub.pem",
        exit_status="exit status: 0 good, 1 a file failed or no Secret was found, 2 usage",
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", help="manifest file or folder")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--in-place", action="store_true", help="replace the plaintext files by sealed ones"
    )
    where.add_argument(
        "--output-dir", metavar="DIR", help="write sealed files here, under the same names"
    )
    parser.add_argument(
        "--scope",
        choices=("strict", "namespace-wide", "cluster-wide"),
        help="scope of all values (default: what the annotations of each Secret say)",
    )
    parser.add_argument(
        "--allow-empty-data", action="store_true", help="seal Secrets that have no values"
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="form of the report"
    )
    add_namespace_option(parser)
    add_certificate_options(parser)
    return parser
