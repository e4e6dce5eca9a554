"""What is said about a template that fails: Go's words, and no value.

Go's own errors print what a function was called with, so `{{ fail .password }}` puts
the plaintext into the status. Here a text is made of the template's source, of types,
and of sentences known beforehand; anything else the engine says is left out.

Source: Go's text/template exec.go and parse.go (wording, positions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["FunctionProblem", "Place", "call_reason", "execution_text", "syntax_text"]

#: More of the source would hide the reason behind it.
_SNIPPET_CHARS = 120
_GO_TYPES = {
    "bool": "bool",
    "dict": "map[string]interface {}",
    "float": "float64",
    "int": "int",
    "list": "[]interface {}",
    "str": "string",
    "TypedMap": "map[string]string",
    "Watched": "string",
}
_NO_VALUE = frozenset({"_InvalidValue", "_UntypedNil", "NoneType"})
_TYPE_ERROR = re.compile(r"argument \d+ to \w+: expected ([\w. ]+), got (\w+)")
_ARITY_ERROR = re.compile(r"wrong number of args for \w+: want [\w ]+ got \d+")
#: Sentences of the engine that hold no value, and what they become.
_KNOWN_REASONS = {
    "strings: negative Repeat count": "strings: negative Repeat count",
    "slice bounds out of range": "slice bounds out of range",
    "index out of range": "index out of range",
    "incompatible types for comparison": "incompatible types for comparison",
    "invalid type for comparison": "invalid type for comparison",
    "non-comparable type": "non-comparable type",
    "decimal division by 0": "decimal division by 0",
    "integer division or modulo by zero": "runtime error: integer divide by zero",
    "integer modulo by zero": "runtime error: integer divide by zero",
    "Invalid Semantic Version": "Invalid Semantic Version",
    "improper constraint": "improper constraint",
}
_MISSING_LIBRARY = "requires the optional 'crypto' extra"
_LITERAL_FAIL = re.compile(r'fail\s+(?:"((?:[^"\\\n]|\\.)*)"|`([^`]*)`)\s*')
_OPENING = re.compile(rb"\{\{(?:-\s)?\s*(?:(?:if|with|range|else)\b\s*)*")
_EXECUTION_SENTENCES = (
    (re.compile(r"missing key or attribute ('\w+')"), 'map has no entry for key "{0}"'),
    (re.compile(r"(?s)template ('.*') is not defined"), 'template "{0}" not defined'),
    (re.compile(r"nil is not a command"), "nil is not a command"),
    (re.compile(r"range cannot iterate over (\w+)"), "range can't iterate over a {0}"),
    (
        re.compile(r"(?s)can't use .* to iterate over more than one variable"),
        "can't use the value to iterate over more than one variable",
    ),
    (re.compile(r"non-callable command has arguments"), "can't give argument to non-function"),
    (
        re.compile(r"(?:attribute|property|method) ('\w+') is not allowed"),
        "can't evaluate field {0}",
    ),
    (re.compile(r"(wrong number of args for \w+: want [\w ]+ got \d+)"), "{0}"),
    (re.compile(r"function ('\w+') requires an argument"), "wrong number of args for {0}"),
)
_SYNTAX_WORDS = (
    (re.compile(r"function '(.*)' not defined"), 'function "{0}" not defined'),
    (re.compile(r"undefined variable '(.*)'"), 'undefined variable "{0}"'),
    (re.compile(r"bad number syntax: '(.*)'"), 'bad number syntax: "{0}"'),
    (re.compile(r"multiple definition of (.*)"), 'template: multiple definition of template "{0}"'),
    (re.compile(r"unexpected (end|else)"), "unexpected {{{{{0}}}}}"),
    (re.compile(r"(break|continue) outside range"), "{{{{{0}}}}} outside {{{{range}}}}"),
)


class FunctionProblem(Exception):
    """A function of ours refuses; what it says is a sentence that holds no value."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which template it failed.

    Args:
        key: of the item; Go calls it the template's name.
        source: the whole text.
        position: offset in bytes; None if not known.
        template: the one that ran, defined within the text or the text itself.
    """

    key: str
    source: str
    position: int | None = None
    template: str = ""


def syntax_text(place: Place, message: str, line: int) -> str:
    """Return what is wrong with the text of a template.

    Args:
        place: the template.
        message: the engine's; it speaks of the source only.
        line: from 1.
    """
    return f"template: {place.key}:{line}: {_in_go_words(message, _SYNTAX_WORDS) or message}"


def execution_text(place: Place, message: str, *, function: str = "", reason: str = "") -> str:
    """Return why a template failed on its values.

    Args:
        place: the template.
        message: the engine's; only what is known to hold no value is used.
        function: that failed, if one did.
        reason: why it did, from `call_reason`.
    """
    start, node = _node(place, function)
    before = place.source.encode("utf-8", "surrogateescape")[:start]
    line = before.count(b"\n") + 1
    column = start - (before.rfind(b"\n") + 1)
    if function:
        said = _function_text(function, node, reason)
        node = function if reason.startswith("wrong number") else node
    else:
        said = _in_go_words(message, _EXECUTION_SENTENCES) or "the template cannot be executed"
    snippet = node if len(node) <= _SNIPPET_CHARS else f"{node[:_SNIPPET_CHARS]}..."
    template = place.template or place.key
    return f'template: {place.key}:{line}:{column}: executing "{template}" at <{snippet}>: {said}'


def call_reason(error: BaseException) -> str:
    """Return what may be said of a function's failure; empty if nothing may.

    Args:
        error: what the function raised.
    """
    text = str(error)
    if isinstance(error, FunctionProblem):
        return text
    if mismatch := _TYPE_ERROR.fullmatch(text):
        expected = _GO_TYPES.get(mismatch[1], mismatch[1])
        if mismatch[2] in _NO_VALUE:
            return f"invalid value; expected {expected}"
        got = _GO_TYPES.get(mismatch[2], "another type")
        return f"wrong type for value; expected {expected}; got {got}"
    if _ARITY_ERROR.fullmatch(text):
        return text
    if _MISSING_LIBRARY in text:
        return "a library that it needs is not installed"
    if isinstance(error, UnicodeError):
        return "the value is not UTF-8 text"
    return _KNOWN_REASONS.get(text, "")


def _function_text(function: str, node: str, reason: str) -> str:
    if literal := _LITERAL_FAIL.fullmatch(node):
        return f"error calling fail: {literal[1] or literal[2] or ''}"
    if reason.startswith(("invalid value", "wrong type", "wrong number")):
        return reason
    return f"error calling {function}" + (f": {reason}" if reason else "")


def _in_go_words(message: str, table: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    for pattern, words in table:
        if found := pattern.fullmatch(message):
            parts = (part.strip("'") for part in found.groups())
            return words.format(*(_GO_TYPES.get(part, part) for part in parts))
    return ""


def _node(place: Place, function: str) -> tuple[int, str]:
    """Offset in bytes, and source, of the command that failed, as far as it can be told."""
    start = place.position or 0
    data = place.source.encode("utf-8", "surrogateescape")
    if function:
        # The engine names the innermost pipeline; the call may be further out.
        start = max(data.rfind(b"{{", 0, start + 2), 0)
    if data.startswith(b"{{", start):
        opening = _OPENING.match(data, start)
        start = opening.end() if opening else start
    if function and (
        found := re.compile(rb"(?<![\w.$])%b(?!\w)" % function.encode()).search(data, start)
    ):
        start = found.start()
    return start, _command(data[start:].decode("utf-8", "replace"))


def _command(text: str) -> str:
    """The text up to where the command ends: a pipe, its parenthesis, the delimiter."""
    depth = 0
    for token in re.finditer(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|-?\}\}|[()|]', text):
        if token[0] == "(":
            depth += 1
        elif token[0] == ")" and depth:
            depth -= 1
        elif token[0] in (")", "|", "}}", "-}}") and (not depth or "}}" in token[0]):
            return text[: token.start()].rstrip()
    return text.rstrip()
