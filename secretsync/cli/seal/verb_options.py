"""How the help of the verbs looks, and the flags that several of them have."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_object_options", "verb_parser"]

EXIT_STATUS = "exit status: 0 good, 1 failed, 2 usage"


def verb_parser(
    verb: str, description: str, *, example: str, exit_status: str = EXIT_STATUS
) -> argparse.ArgumentParser:
    """Return a parser whose help ends with exit status and an example."""
    return _Parser(
        prog=f"seal {verb}",
        description=description,
        epilog=f"{exit_status}\nexample: {example}",
        formatter_class=_Layout,
        allow_abbrev=False,
    )


class _Parser(argparse.ArgumentParser):
    """Does not repeat what is one argument too many: it may be a value, given by mistake."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, more = self.parse_known_args(args, namespace)
        if flags := [word.partition("=")[0] for word in more if word.startswith("--")]:
            self.error(f"unrecognized arguments: {' '.join(flags)}")
        if more:
            self.error("too many arguments (not shown, a value may be among them)")
        return options


class _Layout(argparse.RawDescriptionHelpFormatter):
    """The end of the help stays in lines, the description is wrapped."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("exit status:"):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)  # noqa: SLF001 - see class


def add_object_options(parser: argparse.ArgumentParser) -> None:
    """Let a verb choose among the SealedSecrets of a file."""
    parser.add_argument(
        "--name", default="", metavar="NAME", help="which SealedSecret, if the file has several"
    )
    add_namespace_option(parser)


def add_namespace_option(parser: argparse.ArgumentParser) -> None:
    """Let a verb know the namespace of objects that name none."""
    parser.add_argument(
        "-n",
        "--namespace",
        default="",
        metavar="NAMESPACE",
        help="namespace of the SealedSecret, needed where the file does not name it",
    )
