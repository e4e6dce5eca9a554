"""`seal edit FILE`: the values of a SealedSecret in the user's editor."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from secretsync.cli.seal.certificates import add_certificate_options
from secretsync.cli.seal.opening import add_key_options
from secretsync.cli.seal.running import guarded
from secretsync.cli.seal.verb_options import add_object_options, verb_parser

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run the verb and return its exit code."""
    options = _parser().parse_args(argv)

    def edit() -> int:
        from secretsync.cli.seal.editing import edit_values  # noqa: PLC0415 - --help stays light

        return edit_values(options)

    return guarded(edit)


def _parser() -> argparse.ArgumentParser:
    parser = verb_parser(
        "edit",
        "Edit the values of a SealedSecret in VISUAL or EDITOR. With a private key the values "
        "are shown; without one they can be set, and not seen. Only what was changed is sealed "
        "anew; everything else in the file stays as it is, byte for byte. The form is YAML, "
        "one `key: value` an item: what stands behind the colon is the value as text, !!binary "
        "marks base64. The plaintext lies in a private folder, in memory where there is some, "
        "and is gone when the command is.",
        example="seal edit app/sealed.yaml --sealing-key main.key --cert pub.pem",
    )
    parser.add_argument("file", metavar="FILE", help="manifest with the SealedSecret")
    add_object_options(parser)
    add_key_options(parser)
    add_certificate_options(parser)
    return parser
