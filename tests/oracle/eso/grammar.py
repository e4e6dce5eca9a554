"""Random templates of ExternalSecrets: what SealedSecrets have, and what ESO adds to it."""

from __future__ import annotations

from random import Random

from tests.oracle.template.grammar import random_template as sealed_template

__all__ = ["random_template", "random_yaml"]

_FIELDS = ("foo", "user", "password", "empty", "number", "words", "json", "yaml", "hex")
_STEPS = (
    "toYaml",
    "toYaml | nindent 2",
    "toYaml | quote",
    "fromYaml | toYaml",
    "fromYaml | toJson",
    "fromYaml",
    "hexdec",
    "hexdec | b64enc",
    "sha256sum | hexdec | b64enc",
    "upper",
    "b64enc",
    "quote",
    "trunc 4",
    "replace `a` `: `",
    "filterPEM `CERTIFICATE`",
)
_WORDS = (
    "a",
    "b c",
    "true",
    "0x1f",
    "1.50",
    "-",
    "- x",
    "k: v",
    "'",
    '"',
    "#",
    "~",
    "é",
    "",
    "1e3",
)
_KEYS = ("a", "b1", "b10", "b9", "Z", "a-b", "yes", "1", "x.y")


def random_template(rng: Random) -> str:
    """Return one template of a few actions."""
    if rng.randrange(3) == 0:
        return sealed_template(rng)
    return " ".join(_piece(rng) for _ in range(rng.randint(1, 3)))


def _piece(rng: Random) -> str:
    kind = rng.randrange(6)
    if kind <= 2:
        steps = " | ".join(rng.choice(_STEPS) for _ in range(rng.randint(1, 3)))
        return f"{{{{ .{rng.choice(_FIELDS)} | {steps} }}}}"
    if kind == 3:
        return f"{{{{ {_argument(rng, 3)} | toYaml }}}}"
    if kind == 4:
        return f"{{{{ ({_argument(rng, 2)} | toYaml) | fromYaml | toJson }}}}"
    key = rng.choice(("a", "b1", "missing"))
    return f"{{{{ (fromYaml .yaml).{key} }}}}{{{{ if .{rng.choice(_FIELDS)} }}}}x{{{{ end }}}}"


def _value(rng: Random, depth: int) -> str:
    kind = rng.randrange(7) if depth else rng.randrange(3)
    if kind == 0:
        return f".{rng.choice(_FIELDS)}"
    if kind == 1:
        return '"' + rng.choice(_WORDS).replace('"', '\\"') + '"'
    if kind == 2:
        return rng.choice(("1", "-7", "1.5", "true", "nil", "0.25", "100000"))
    if kind <= 4:
        items = " ".join(_argument(rng, depth - 1) for _ in range(rng.randint(0, 3)))
        return f"(list {items})"
    pairs = " ".join(
        f"`{rng.choice(_KEYS)}` {_argument(rng, depth - 1)}" for _ in range(rng.randint(0, 3))
    )
    return f"(dict {pairs})"


def _argument(rng: Random, depth: int) -> str:
    found = _value(rng, depth)
    return found if found != "nil" else "(fromJson `null`)"


def random_yaml(rng: Random) -> str:
    """Return a text that may be a map of strings."""
    lines = []
    for key in rng.sample(_KEYS, rng.randint(0, 4)):
        value = rng.choice((*_WORDS, "{{ .password | quote }}", "{{ .number }}", "|\n  x\n  y"))
        quoted = rng.choice((value, value, f"'{value}'")) if "'" not in value else value
        lines.append(f"{key}: {quoted}")
    return "\n".join(lines)
