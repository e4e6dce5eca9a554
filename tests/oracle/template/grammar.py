"""Random templates of the kind that people write, from a small grammar.

Expressions are typed, so that most of them render: what both engines refuse says little.
"""

from __future__ import annotations

from random import Random

__all__ = ["random_template"]

_TEXT_FIELDS = ("foo", "user", "password", "empty", "number", "list", "lines", "words")
_WORDS = ("a", "B", "x-y", " sp ", "1", "", "a,b", "Hello World", "tab\\t", "q\\'")
_TEXT_TO_TEXT = (
    "upper",
    "lower",
    "title",
    "untitle",
    "trim",
    "quote",
    "squote",
    "b64enc",
    "b32enc",
    "sha256sum",
    "sha1sum",
    "adler32sum",
    "nospace",
    "initials",
    "swapcase",
    "snakecase",
    "kebabcase",
    "camelcase",
    "toString",
    "toJson",
    "html",
    "js",
    "urlquery",
    "b64enc | b64dec",
    "indent 2",
    "nindent 4",
    "trunc 5",
    "trunc -3",
    "abbrev 6",
    "replace `a` `--`",
    "repeat 2",
    "trimSuffix `r`",
    "trimPrefix `b`",
    "trimAll `a`",
    "wrap 8",
    "wrapWith 4 `/`",
    "default `d`",
    "cat `x`",
    "regexReplaceAll `[aeiou]` `<hidden>`",
    "print",
    'printf "%s|%q"',
    'printf "%-8s|"',
    "regexFind `[a-z]+`",
    "base",
    "dir",
    "ext",
)
_CONDITIONS = (
    "contains `a`",
    "hasPrefix `b`",
    "hasSuffix `r`",
    "empty",
    "eq `bar`",
    "regexMatch `^h`",
)


def random_template(rng: Random) -> str:
    """Return one template of a few actions."""
    return "".join(_piece(rng, 2) for _ in range(rng.randint(1, 4)))


def _piece(rng: Random, depth: int) -> str:
    kind = rng.randrange(9) if depth else rng.randrange(4)
    if kind == 0:
        return rng.choice(("text ", "\n  ", "é: ", "{}", '"'))
    if kind <= 3:
        left, right = rng.choice(("{{ ", "{{- ")), rng.choice((" }}", " -}}"))
        return left + rng.choice((_text, _text, _number, _any))(rng, 3) + right
    inner = _piece(rng, depth - 1)
    if kind == 4:
        other = _piece(rng, depth - 1)
        return f"{{{{ if {_condition(rng)} }}}}{inner}{{{{ else }}}}{other}{{{{ end }}}}"
    if kind == 5:
        return f"{{{{ range $i, $v := {_list(rng, 2)} }}}}{{{{ $i }}}}={{{{ $v }}}};{{{{ end }}}}"
    if kind == 6:
        return f"{{{{ with {_text(rng, 2)} }}}}[{{{{ . }}}}]{{{{ else }}}}{inner}{{{{ end }}}}"
    if kind == 7:
        return f"{{{{ $x := {_any(rng, 2)} }}}}{{{{ $x }}}}{{{{ toJson $x }}}}"
    return f"{{{{ range {_list(rng, 1)} }}}}{{{{ . }}}}{{{{ $.foo }}}}{{{{ end }}}}"


def _any(rng: Random, depth: int) -> str:
    return rng.choice((_text, _number, _list, _dict))(rng, depth)


def _text(rng: Random, depth: int) -> str:
    kind = rng.randrange(8) if depth else rng.randrange(3)
    if kind == 0:
        return f'"{rng.choice(_WORDS)}"'
    if kind <= 2:
        return rng.choice((".", "$.")) + rng.choice((*_TEXT_FIELDS, "missing"))
    if kind <= 5:
        return f"({_text(rng, depth - 1)} | {rng.choice(_TEXT_TO_TEXT)})"
    if kind == 6:
        return f"(join `-` {_list(rng, depth - 1)})"
    return f"(ternary {_text(rng, depth - 1)} {_text(rng, 0)} ({_condition(rng)}))"


def _condition(rng: Random) -> str:
    kind = rng.randrange(4)
    if kind == 0:
        return f"and ({_text(rng, 1)}) ({_text(rng, 1)})"
    if kind == 1:
        return f"not ({_text(rng, 1)} | empty)"
    return f"{_text(rng, 1)} | {rng.choice(_CONDITIONS)}"


def _number(rng: Random, depth: int) -> str:
    kind = rng.randrange(6) if depth else 0
    if kind == 0:
        return str(rng.choice((0, 1, 2, 7, 42, -3, 1000)))
    if kind == 1:
        name = rng.choice(("add", "sub", "mul", "max", "min"))
        return f"({name} {_number(rng, depth - 1)} {_number(rng, depth - 1)})"
    if kind == 2:
        return f"(len {_text(rng, depth - 1)})"
    if kind == 3:
        return f"(int {_text(rng, 0)})"
    if kind == 4:
        name = rng.choice(("addf", "subf", "mulf", "maxf", "minf"))
        return f"({name} {rng.choice(('1.5', '0.25', '-2.75'))} {_number(rng, depth - 1)})"
    return f"({rng.choice(('floor', 'ceil', 'float64'))} {rng.choice(('1.5', '-0.5', '2.25'))})"


def _list(rng: Random, depth: int) -> str:
    kind = rng.randrange(8) if depth else 0
    if kind == 0:
        items = " ".join(rng.choice((_text, _number))(rng, 0) for _ in range(rng.randint(0, 4)))
        return f"(list {items})"
    if kind == 1:
        return f"(splitList `,` {_text(rng, depth - 1)})"
    if kind == 2:
        return f"(until {rng.randint(0, 5)})"
    if kind == 3:
        name = rng.choice(("uniq", "reverse", "compact", "rest", "initial"))
        return f"({name} {_list(rng, depth - 1)})"
    if kind == 4:
        return f"(append {_list(rng, depth - 1)} {_text(rng, 0)})"
    if kind == 5:
        return f"(without {_list(rng, depth - 1)} {_text(rng, 0)})"
    if kind == 6:
        return f"(concat {_list(rng, depth - 1)} {_list(rng, 0)})"
    return f"(sortAlpha {_list(rng, depth - 1)})"


def _dict(rng: Random, depth: int) -> str:
    pairs = " ".join(
        f"`{rng.choice('abc')}` {rng.choice((_text, _number, _list))(rng, max(depth - 1, 0))}"
        for _ in range(rng.randint(0, 3))
    )
    made = f"(dict {pairs})"
    kind = rng.randrange(4)
    if kind == 0:
        return f"(omit {made} `a`)"
    if kind == 1:
        return f"(merge {made} (dict `a` 1 `z` 2))"
    return made
