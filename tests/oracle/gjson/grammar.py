"""Random valid JSON documents and gjson paths from one seed.

Documents use few keys, so that paths meet them; paths use the whole syntax, and
sometimes text that is no syntax at all.
"""

from __future__ import annotations

import json
from random import Random

__all__ = ["random_document", "random_path", "walking_path"]

_KEYS = (
    *("a", "b", "c", "name", "first", "last", "tags", "a.b", "x y", "ké", "", "0", "1"),
    *(
        "#",
        "@this",
        "@keys",
        "a*",
        "a?c",
        "b|c",
        'q"t',
        "back\\slash",
        "<&>",
        "a:b",
        "abc",
        "\u2028",
    ),
)
_STRINGS = (
    *(
        "",
        "x",
        "one",
        "two",
        "abc",
        "Murphy",
        "a.b",
        "true",
        "1",
        "F",
        '{"a":1}',
        "[1,2]",
        "line\nbreak",
    ),
    *(
        'say "hi"',
        "back\\slash\\",
        "tab\t<b>&",
        "é",
        "日本",
        "\U0001f511 key",
        "\u2029",
        "null",
        "~",
        "\x7f",
    ),
)
_NUMBERS = (
    *(
        "0",
        "1",
        "-1",
        "42",
        "1.50",
        "1e3",
        "1E-2",
        "-0",
        "-0.0",
        "0.1",
        "123456789012345678901234567890",
    ),
    *("9007199254740993", "1e21", "1.5e300", "5e-324", "1e400", "-2.50", "100", "3.0"),
)
_WORDS = ("true", "false", "null")
_SPACES = ("", "", "", " ", "\n  ", "\t", "\r\n")

_PLAIN = (
    "a",
    "b",
    "c",
    "name",
    "first",
    "last",
    "tags",
    "0",
    "1",
    "2",
    "7",
    "x y",
    "ké",
    "",
    "abc",
)
_ESCAPED = (
    "a\\.b",
    "a\\*",
    "b\\|c",
    "back\\\\slash",
    "\\@this",
    "\\a",
    "a\\:b",
    "\\#",
    'q\\"t',
    "a\\",
)
_WILD = ("*", "a*", "?", "*b", "a?c", "*a*", "**", "f*t", "?*", "k?", "a*\\.b", "*.", "l*s?")
_HASHED = ("#", "##", "#a", "a#", "1#")
_MODIFIERS = (
    *(
        "@this",
        "@keys",
        "@values",
        "@reverse",
        "@flatten",
        "@join",
        "@ugly",
        "@pretty",
        "@valid",
        "@group",
    ),
    *("@tostr", "@fromstr", "@tostr|@fromstr", '@flatten:{"deep":true}', '@join:{"preserve":true}'),
    *('@flatten:{"deep":false}', '@pretty:{"indent":"\\t","width":20}', "@unknown"),
    *(
        '@pretty:{"width":0,"prefix":"  "}',
        '@pretty:{"width":-1}',
        "@this:x",
        "@keys:",
        "@",
        "@dig:a",
        "@dig:first",
    ),
)
_LITERALS = (
    "!",
    "!true",
    "!null",
    "!5",
    '!"x"',
    '!{"a":1}',
    "![1,2]",
    "!nan",
    "!TRUE",
    "!no",
    "!-1.50",
)
_OPS = ("==", "=", "!=", "<", "<=", ">", ">=", "%", "!%", " == ", "!")
_OPERANDS = (
    *(
        '"one"',
        "one",
        "1",
        '"1"',
        "1.5",
        "true",
        "false",
        "null",
        '""',
        "",
        '"a*"',
        "a*",
        '"*b*"',
        '"?"',
    ),
    *("~true", "~false", "~null", "~*", "~x", '"say \\"hi\\""', "-1", "1e3", '"é"', "nan"),
)
_GARBAGE = 'abc01.#|@*?\\(){}[]:,"!=<>%~ é'


def random_document(rng: Random, *, depth: int = 4) -> str:
    """Return one valid JSON value, mostly an object or an array, with random blanks."""
    return _blank(rng) + _value(rng, depth, scalar_share=0.05) + _blank(rng)


def _value(rng: Random, depth: int, *, scalar_share: float = 0.45) -> str:
    if depth == 0 or rng.random() < scalar_share:
        return _scalar(rng)
    count = rng.randrange(5)
    if rng.random() < 0.5:
        return _container(rng, "[]", [_value(rng, depth - 1) for _ in range(count)])
    members = [
        f"{_string(rng, rng.choice(_KEYS))}{_blank(rng)}:{_blank(rng)}{_value(rng, depth - 1)}"
        for _ in range(count)
    ]
    return _container(rng, "{}", members)


def _container(rng: Random, brackets: str, parts: list[str]) -> str:
    inner = ",".join(f"{_blank(rng)}{part}{_blank(rng)}" for part in parts)
    return f"{brackets[0]}{inner or _blank(rng)}{brackets[1]}"


def _scalar(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return _string(rng, rng.choice(_STRINGS))
    return rng.choice(_NUMBERS if kind < 0.8 else _WORDS)


def _string(rng: Random, text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.1 and text[:1].isalpha() and text[0].isascii():
        quoted = f'"\\u{ord(text[0]):04X}{quoted[2:]}'
    return quoted


def _blank(rng: Random) -> str:
    return rng.choice(_SPACES)


def random_path(rng: Random, *, depth: int = 2) -> str:
    """Return a path of one to four components, most of them meaningful."""
    if rng.random() < 0.04:
        return "".join(rng.choice(_GARBAGE) for _ in range(rng.randrange(12)))
    path = _component(rng, depth)
    for _ in range(rng.randrange(4)):
        path += ("|" if rng.random() < 0.2 else ".") + _component(rng, depth)
    return ".." + path if rng.random() < 0.03 else path


def walking_path(rng: Random, document: str) -> str:
    """Return a path that a document has, mostly by its own keys, with a random end at times."""
    value, components = json.loads(document), []
    while value and isinstance(value, dict | list) and rng.random() < 0.85:
        if isinstance(value, list):
            index = rng.randrange(len(value))
            component, value = str(index), value[index]
        else:
            key = rng.choice(list(value))
            component, value = _escaped(rng, key), value[key]
        components.append(component)
    if rng.random() < 0.4:
        components.append(random_path(rng, depth=1))
    return ".".join(components)


def _escaped(rng: Random, key: str) -> str:
    if rng.random() < 0.1 and key:
        return key[:1] + "*"
    return "".join(c if c.isalnum() or c == " " else f"\\{c}" for c in key)


def _component(rng: Random, depth: int) -> str:
    kind = rng.random()
    for share, choices in (
        (0.42, _PLAIN),
        (0.48, _ESCAPED),
        (0.58, _WILD),
        (0.68, _HASHED[:1] if rng.random() < 0.8 else _HASHED),
        (0.79, _MODIFIERS),
        (0.82, _LITERALS),
    ):
        if kind < share:
            return rng.choice(choices)
    return _query(rng, depth) if kind < 0.93 or depth == 0 else _multipath(rng, depth)


def _query(rng: Random, depth: int) -> str:
    field = "" if rng.random() < 0.4 or depth == 0 else random_path(rng, depth=depth - 1)
    comparison = "" if rng.random() < 0.2 else rng.choice(_OPS) + rng.choice(_OPERANDS)
    brackets = "()" if rng.random() < 0.9 else "[]"
    return f"#{brackets[0]}{field}{comparison}{brackets[1]}{rng.choice(('', '#'))}"


def _multipath(rng: Random, depth: int) -> str:
    paths = [random_path(rng, depth=depth - 1) for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.5:
        return f"[{','.join(paths)}]"
    named = [
        f"{rng.choice(('', 'n:', chr(34) + 'k' + chr(34) + ':', '<:'))}{path}" for path in paths
    ]
    return f"{{{','.join(named)}}}"
