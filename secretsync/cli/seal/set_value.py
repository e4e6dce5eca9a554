"""`seal set FILE KEY`: one value, from a file or standard input, never from arguments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from secretsync.cli.seal.certificates import add_certificate_options
from secretsync.cli.seal.console import EXIT_GOOD, note, warn
from secretsync.cli.seal.running import guarded
from secretsync.cli.seal.verb_options import add_object_options, verb_parser

__all__ = ["run"]

#: A Secret holds at most 1 MiB in all (core/v1 MaxSecretSize).
MAX_VALUE_BYTES = 1024 * 1024


def run(argv: Sequence[str]) -> int:
    """Run the verb and return its exit code."""
    options = _parser().parse_args(argv)
    return guarded(lambda: _set(options))


def _parser() -> argparse.ArgumentParser:
    parser = verb_parser(
        "set",
        "Seal one value of a SealedSecret, and change nothing else in the file. The bytes "
        "are taken as they are, a line break at their end included.",
        example='printf %s "$TOKEN" | seal set app/sealed.yaml token --cert pub.pem',
    )
    parser.add_argument("file", metavar="FILE", help="manifest with the SealedSecret")
    parser.add_argument("key", metavar="KEY", help="item to set; a new one is added")
    parser.add_argument(
        "--from-file", metavar="F", help="read the value from here (default: standard input)"
    )
    add_object_options(parser)
    add_certificate_options(parser)
    return parser


def _set(options: Any) -> int:
    from datetime import UTC, datetime  # noqa: PLC0415 - --help stays light

    from secretsync.cli.seal.certificates import load_certificate  # noqa: PLC0415 - heavy
    from secretsync.cli.seal.manifest_text import read_manifest_text  # noqa: PLC0415 - heavy
    from secretsync.cli.seal.sealed_objects import choose  # noqa: PLC0415 - heavy
    from secretsync.cli.seal.value_changes import (  # noqa: PLC0415 - heavy
        check_item_key,
        refuse_old_form,
        save,
        value_changes,
    )

    # Everything that can fail without the value does so before it is read.
    check_item_key(options.key)
    before = read_manifest_text(options.file)
    sealed = choose(before, name=options.name, namespace=options.namespace)
    refuse_old_form(sealed)
    sealed.bound_to(options.namespace)
    certificate = load_certificate(options)
    value = _value(options.from_file)
    changes = value_changes(
        sealed,
        {options.key: value},
        certificate,
        now=datetime.now(UTC),
        namespace=options.namespace,
    )
    save(before, before.changed(changes))
    done = "replaced" if options.key in sealed.encrypted else "added"
    note(f"{options.file}: {sealed.placed}: {options.key} {done}, scope {sealed.scope}")
    return EXIT_GOOD


def _value(from_file: str | None) -> bytes:
    from pathlib import Path  # noqa: PLC0415 - --help stays light

    from secretsync.errors import ConfigError, InputError  # noqa: PLC0415 - as above

    if from_file is not None:
        try:
            with Path(from_file).open("rb") as stream:
                value = stream.read(MAX_VALUE_BYTES + 1)
        except OSError as exc:
            raise InputError(
                f"{from_file}: cannot be read: {exc.strerror or type(exc).__name__}",
                remedy="check that the path exists and that you may read it",
            ) from exc
    else:
        if sys.stdin.isatty():
            note("type the value, then a line break and Ctrl-D; the line break is sealed too")
        value = sys.stdin.buffer.read(MAX_VALUE_BYTES + 1)
    if len(value) > MAX_VALUE_BYTES:
        raise ConfigError(
            "the value is larger than 1 MiB, more than a Secret can hold",
            remedy="split it, or keep it in a store",
        )
    if from_file is None and not value:
        warn("standard input was empty: an empty value is sealed")
    elif from_file is None and value.endswith(b"\n") and value.count(b"\n") == 1:
        warn("the value ends with a line break, which is sealed too; `printf %s` writes none")
    return value
