"""The text that `seal edit` puts into the editor, and reading it back.

YAML, one `key: value` an item. Whatever stands behind the colon is the value as text,
so that `yes`, `010` and `1.50` stay what was typed; `!!binary` marks base64 of what is
no text; nothing at all keeps the value as it is. Nothing of a value is in any error.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence

import yaml

from secretsync.cli.seal.text_pieces import READ_OTHERWISE
from secretsync.cli.seal.value_changes import check_item_key
from secretsync.errors import ConfigError

__all__ = ["parse_form", "render_form"]

_BINARY = "tag:yaml.org,2002:binary"
_MAX_DEPTH = 50
#: What an editor can be trusted to show and to give back.
_PRINTABLE = re.compile(
    "[\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*"
)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@+-]*")
_NEIGHBOUR = "neighbour.of.the.entry"


def render_form(values: Mapping[str, bytes | None], *, comments: Sequence[str]) -> str:
    """Return the text to edit.

    Args:
        values: item key → plaintext, None where it cannot be shown.
        comments: lines for the top, without their `#`.
    """
    head = "".join(f"# {line}\n" if line else "#\n" for line in comments)
    return head + "".join(_entry(key, value) for key, value in values.items())


def _entry(key: str, value: bytes | None) -> str:
    name = key if _PLAIN.fullmatch(key) and key.lower() not in READ_OTHERWISE else f"'{key}'"
    if value is None:
        return f"{name}:\n"
    for shown in _spellings(value):
        entry = f"{name}: {shown}\n"
        try:
            # With a neighbour: a text must not run into what follows it.
            if parse_form(f"{entry}{_NEIGHBOUR}: x\n") == {key: value, _NEIGHBOUR: b"x"}:
                return entry
        except ConfigError:
            continue
    return f"{name}: !!binary {base64.b64encode(value).decode('ascii')}\n"


def _spellings(value: bytes) -> Iterator[str]:
    """Ways to write a value, the most readable first; one may turn out not to hold it."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return
    if not _PRINTABLE.fullmatch(text):
        return
    if "\n" in text:
        body = text.rstrip("\n")
        breaks = len(text) - len(body)
        indicator = "2" if body.startswith((" ", "\t", "\n")) or not body else ""
        chomping = "-" if not breaks else "" if breaks == 1 else "+"
        lines = [f"  {line}" if line else "" for line in body.split("\n")]
        yield f"|{indicator}{chomping}\n" + "\n".join(lines) + "\n" * (max(breaks, 1) - 1)
    elif _PLAIN.fullmatch(text) and text.lower() not in READ_OTHERWISE:
        yield text
    else:
        yield "'" + text.replace("'", "''") + "'"
    yield json.dumps(text, ensure_ascii=False)


def parse_form(text: str) -> dict[str, bytes | None]:
    """Read the edited text.

    Returns:
        Item key → new plaintext; None where nothing stands behind the colon.

    Raises:
        ConfigError: it is not in the form; the message names line or key, never a value.
    """
    root = _root(text)
    if root is None:
        return {}
    values: dict[str, bytes | None] = {}
    for key_node, value_node in root.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(f"line {line}: a key is not text")
        key = key_node.value
        try:
            check_item_key(key)
        except ConfigError as exc:
            raise ConfigError(f"line {line}: {exc.message}", remedy=exc.remedy) from exc
        if key in values:
            raise ConfigError(f"line {line}: the key {key} is given twice")
        values[key] = _value(value_node, key)
    return values


def _is_flat(text: str) -> bool:
    """Return whether composing is safe: the C loader recurses until the process dies."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            return False
    return True


def _root(text: str) -> yaml.MappingNode | None:
    flat = True
    loader = yaml.CSafeLoader(text)
    try:
        # Tags and styles are wanted, not what a loader would make of them.
        flat = _is_flat(text)
        root = loader.get_single_node() if flat else None
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
        line = f"line {mark.line + 1}: " if mark is not None else ""
        # Without a cause: its text quotes the line, which is plaintext.
        raise ConfigError(
            f"{line}not valid YAML", remedy="write `key: 'value'`, or `key: |` and indented lines"
        ) from None
    finally:
        loader.dispose()
    if not flat:
        raise ConfigError(f"the text nests deeper than {_MAX_DEPTH} levels")
    if root is None or isinstance(root, yaml.MappingNode):
        return root
    raise ConfigError("the text is not a list of `key: value`")


def _value(node: yaml.Node, key: str) -> bytes | None:
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError(
            f"{key}: the value is a map or a list",
            remedy="put the text in quotes, or write `|` and indented lines",
        )
    tag = node.tag
    if tag == _BINARY:
        try:
            return base64.b64decode("".join(node.value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError(f"{key}: what follows !!binary is not base64") from None
    if not node.value and not node.style:
        return None
    text: str = node.value
    return text.encode("utf-8")
