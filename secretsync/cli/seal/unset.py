"""`seal unset FILE KEY`: one value less; needs neither certificate nor key."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from secretsync.cli.seal.console import EXIT_GOOD, note
from secretsync.cli.seal.running import guarded
from secretsync.cli.seal.verb_options import add_object_options, verb_parser

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run the verb and return its exit code."""
    options = _parser().parse_args(argv)
    return guarded(lambda: _unset(options))


def _parser() -> argparse.ArgumentParser:
    parser = verb_parser(
        "unset",
        "Take one value out of a SealedSecret, and change nothing else in the file.",
        example="seal unset app/sealed.yaml token",
    )
    parser.add_argument("file", metavar="FILE", help="manifest with the SealedSecret")
    parser.add_argument("key", metavar="KEY", help="item to remove")
    add_object_options(parser)
    return parser


def _unset(options: Any) -> int:
    from secretsync.cli.seal.manifest_text import read_manifest_text  # noqa: PLC0415 - heavy
    from secretsync.cli.seal.sealed_objects import ENCRYPTED_DATA, choose  # noqa: PLC0415 - heavy
    from secretsync.cli.seal.value_changes import refuse_old_form, save  # noqa: PLC0415 - heavy
    from secretsync.errors import ConfigError  # noqa: PLC0415 - as above

    before = read_manifest_text(options.file)
    sealed = choose(before, name=options.name, namespace=options.namespace)
    refuse_old_form(sealed)
    if options.key not in sealed.encrypted:
        keys = ", ".join(sorted(sealed.encrypted)[:20]) or "none"
        raise ConfigError(
            f"{sealed.placed.place}: {sealed.placed}: spec.encryptedData has no such key",
            remedy=f"its keys: {keys}",
        )
    save(before, before.changed([sealed.placed.change((*ENCRYPTED_DATA, options.key), None)]))
    note(f"{options.file}: {sealed.placed}: {options.key} removed")
    return EXIT_GOOD
