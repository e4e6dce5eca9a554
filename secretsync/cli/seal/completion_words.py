"""What can be completed: for each verb its flags, and what they and it take."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from secretsync.cli.seal import dropin_help
from secretsync.cli.seal.dropin_flags import FLAGS, SCOPES, SHORTHANDS
from secretsync.cli.seal.flag_values import switch
from secretsync.cli.seal.verbs import VERBS

__all__ = ["CommandWords", "FlagWords", "command_words"]

_FLAG_LINE = re.compile(r"^ +(-.*?)(?:  +(\S.*))?$")
_FLAG = re.compile(r"(--?[A-Za-z][A-Za-z-]*)(?: (\{[^}]*\}|[A-Z][A-Z_]*))?")
_POSITIONAL = re.compile(
    r"^usage: seal [a-z]+.*?\] (?:\{([a-z,]+)\}|([a-z]+(?:\|[a-z]+)+))", re.DOTALL
)
_FILES = frozenset({"FILE", "F", "PATH", "DIR"})
_WORDS = {"scope": SCOPES, "format": ("json", "yaml")}


class FlagWords(NamedTuple):
    """One flag.

    Args:
        names: e.g. `-o`, `--output`.
        takes: `nothing`, `file`, `word` (one of `words`) or `text`.
        words: what it may be set to.
        text: one line about it.
    """

    names: tuple[str, ...]
    takes: str
    words: tuple[str, ...] = ()
    text: str = ""


class CommandWords(NamedTuple):
    """A verb, or kubeseal's form under the name "".

    Args:
        words: what may stand behind the verb; nothing where file names do.
    """

    name: str
    text: str
    flags: tuple[FlagWords, ...]
    words: tuple[str, ...] = ()


def command_words() -> list[CommandWords]:
    """Return kubeseal's form and every verb."""
    verbs = [_verb(name, *entry) for name, entry in VERBS.items()]
    return [CommandWords("", "", tuple(_dropin_flags()), tuple(VERBS)), *verbs]


def _dropin_flags() -> list[FlagWords]:
    letters = {name: letter for letter, name in SHORTHANDS.items()}
    flags = []
    for name, text in dropin_help.FLAG_HELP.items():
        names = (f"-{letters[name]}", f"--{name}") if name in letters else (f"--{name}",)
        takes = "text"
        if FLAGS[name] is switch:
            takes = "nothing"
        elif name in _WORDS:
            takes = "word"
        elif name in dropin_help.FILE_FLAGS:
            takes = "file"
        flags.append(FlagWords(names, takes, _WORDS.get(name, ()), text))
    return flags


def _verb(name: str, module: str, text: str) -> CommandWords:
    shown = _help_of(module)
    flags = [flag for line in _flag_lines(shown) if (flag := _flag(*line))]
    positional = _POSITIONAL.search(shown)
    words = re.split(r"[,|]", positional[1] or positional[2]) if positional else []
    return CommandWords(name, text, tuple(flags), tuple(words))


def _help_of(module: str) -> str:
    """What `seal VERB --help` prints; the verb ends by itself after it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        import_module(module).run(["--help"])
    return printed.getvalue()


def _flag_lines(shown: str) -> list[tuple[str, str]]:
    """Flag part and explanation of each option; the explanation may begin a line later."""
    lines = shown.splitlines()
    found = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        match = _FLAG_LINE.match(line)
        if match and not line.lstrip().startswith("---"):
            text = match[2] or following.strip()
            found.append((match[1], text))
    return found


def _flag(part: str, text: str) -> FlagWords | None:
    pairs: Sequence[tuple[str, str]] = _FLAG.findall(part)
    if not pairs:
        return None
    value = pairs[-1][1]
    names = tuple(name for name, _ in pairs)
    if value.startswith("{"):
        return FlagWords(names, "word", tuple(value[1:-1].split(",")), text)
    takes = "nothing" if not value else "file" if value in _FILES else "text"
    return FlagWords(names, takes, (), text)
