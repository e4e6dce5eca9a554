"""A change of one entry as edits of the text around it; nothing else is rewritten.

What cannot be done by an edit of that place alone (the value is an alias, the map comes
by a merge key, …) is refused. Neighbours: `spans` says where things stand,
`manifest_text` applies the edits and proves the result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from secretsync.cli.seal.spans import Node, NodeType
from secretsync.cli.seal.text_pieces import (
    LINE_BREAK,
    CannotSplice,
    Lines,
    shown_key,
    shown_value,
)

__all__ = ["CannotSplice", "Edit", "Path", "Splicer"]

Path = tuple[str | int, ...]

_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]+)+")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*(?P<comment>[ \t]+#[^\n\r\x85\u2028\u2029]*)?[ \t]*")
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_COMMA = re.compile(r"\s*,\s*")
_INDENT = 2


class Edit(NamedTuple):
    """Replace `text[start:end]`."""

    start: int
    end: int
    text: str


class Splicer:
    """Plans edits of one document.

    Args:
        text: the whole file's.
        root: the document's map.
        is_json: keys and values have to be in double quotes.
    """

    def __init__(self, text: str, root: Node, *, is_json: bool) -> None:
        self._text = text
        self._root = root
        self._json = is_json
        self._lines = Lines(text)
        self._aliased = {
            node.value for node in root.walk() if node.type is NodeType.ALIAS
        }  # fmt: skip

    def set(self, path: Path, value: str) -> list[Edit]:
        """Return the edits that give the entry at `path` this text; maps on the way are made.

        Raises:
            CannotSplice: an edit would change more than that.
        """
        nodes = self._nodes(path)
        if len(nodes) == len(path) + 1:
            inside_flow = any(node.flow for node in nodes[:-1])
            return [self._replaced(nodes[-1], value, flow=inside_flow)]
        rest = [str(part) for part in path[len(nodes) - 1 :]]
        return self._added(nodes, path, rest, value)

    def remove(self, path: Path) -> list[Edit]:
        """Return the edits that take the entry at `path` out of its map.

        Raises:
            CannotSplice: there is no such entry, or an edit would change more than that.
        """
        nodes = self._nodes(path)
        parent = nodes[len(path) - 1] if len(nodes) >= len(path) else None
        entry = parent.entry(str(path[-1])) if parent is not None else None
        if parent is None or entry is None:
            raise (
                _merged()
                if any(node.merges for node in nodes)
                else CannotSplice("there is no such entry")
            )
        if any(node.anchor in self._aliased for node in entry[1].walk() if node.anchor):
            raise _shared()
        at = parent.entries.index(entry)
        if parent.flow:
            return [self._without_flow(parent, at)]
        return self._without_lines(nodes, parent, at)

    def _nodes(self, path: Path) -> list[Node]:
        """The nodes from the root along `path`, as far as they are written in the text."""
        nodes = [self._root]
        for part in path:
            node = nodes[-1]
            self._check_own(node)
            child = node.items[part] if isinstance(part, int) else node.get(part)
            if child is None:
                break
            nodes.append(child)
        last = nodes[-1]
        self._check_own(last)
        return nodes

    def _check_own(self, node: Node) -> None:
        if node.type is NodeType.ALIAS:
            raise CannotSplice(
                "the value is an alias of what is written elsewhere",
                remedy="write the value out in place of the alias",
            )
        if node.anchor and node.anchor in self._aliased:
            raise _shared()

    # Replacing a value.

    def _replaced(self, node: Node, value: str, *, flow: bool) -> Edit:
        if node.type is not NodeType.SCALAR:
            raise CannotSplice(
                "the value is a map or a list, not text", remedy="correct the manifest by hand"
            )
        start = node.start
        if not node.bare:
            found = _PROPERTIES.match(self._text, start, node.end)
            if found is None:
                raise CannotSplice(
                    "the value has an anchor or a tag that stands alone",
                    remedy="remove the anchor or the tag",
                )
            start = found.end()
        if node.style in ("|", ">"):
            return self._replaced_block(start, node, value)
        if start == node.end:
            blank = "" if self._text[start - 1 : start] in (" ", "\t", "\n") else " "
            return Edit(start, start, blank + self._value(value, flow=flow))
        if node.style == "'" and "'" not in value:
            return Edit(start, node.end, f"'{value}'")
        if node.style:
            return Edit(start, node.end, json.dumps(value))
        return Edit(start, node.end, self._value(value, flow=flow))

    def _replaced_block(self, start: int, node: Node, value: str) -> Edit:
        header = _BLOCK_HEADER.match(self._text, start, node.end)
        comment = (header["comment"] or "") if header else ""
        end = max(node.content_end(self._text), header.end() if header else start)
        return Edit(start, end, self._value(value, flow=False) + comment)

    def _value(self, value: str, *, flow: bool) -> str:
        return shown_value(value, flow=flow, is_json=self._json)

    def _key(self, key: str, *, quoted: bool = False) -> str:
        return shown_key(key, quoted=quoted or self._json)

    # Adding an entry.

    def _added(self, nodes: list[Node], path: Path, rest: list[str], value: str) -> list[Edit]:
        node = nodes[-1]
        if node.merges and len(rest) > 1:
            raise _merged()
        if node.type is NodeType.MAP and node.entries:
            if node.flow:
                return [self._added_flow(node, rest, value)]
            return [self._added_lines(node, self._column(node), rest, value)]
        empty = node.type is NodeType.MAP or (not node.style and node.value in _NULLS)
        if not empty or len(nodes) == 1 or not node.bare:
            raise CannotSplice(
                "the map to write into is something else than a map",
                remedy="correct the manifest by hand",
            )
        parent = nodes[-2]
        if parent.flow or parent.type is not NodeType.MAP:
            return [self._filled_flow(node, parent, rest, value)]
        return self._filled_lines(node, parent, rest, value)

    def _added_lines(self, node: Node, column: int, rest: list[str], value: str) -> Edit:
        last = _last_scalar(node)
        if last.style in ("|", ">") and "+" in self._text[last.start : last.start + 3]:
            # Blank lines belong to such a text: what is added goes behind them.
            lines = self._entry_lines(column, rest, value, eol := self._lines.eol(last.start))
            return Edit(last.end, last.end, lines + eol)
        end = self._lines.end(node.content_end(self._text))
        eol = self._lines.eol(end)
        return Edit(end, end, eol + self._entry_lines(column, rest, value, eol))

    def _entry_lines(self, column: int, rest: list[str], value: str, eol: str) -> str:
        step = self._step()
        lines = [
            f"{' ' * (column + step * depth)}{self._key(key)}:" for depth, key in enumerate(rest)
        ]
        return f"{eol.join(lines)} {self._value(value, flow=False)}"

    def _filled_lines(self, node: Node, parent: Node, rest: list[str], value: str) -> list[Edit]:
        """Turn `key:`, `key: null` or `key: {}` into a block map."""
        edits = []
        if node.end > node.start:
            before = self._text[: node.start]
            edits.append(Edit(len(before.rstrip(" \t")), node.end, ""))
        end = self._lines.end(node.end)
        eol = self._lines.eol(end)
        lines = self._entry_lines(self._column(parent) + self._step(), rest, value, eol)
        return [*edits, Edit(end, end, eol + lines)]

    def _added_flow(self, node: Node, rest: list[str], value: str) -> Edit:
        key, last = node.entries[-1]
        end = last.content_end(self._text)
        colon = ": " if self._json is False or self._text[key.end : last.start] != ":" else ":"
        entry = self._flow_entry(rest, value, colon=colon, quoted=key.style == '"')
        line_start = self._lines.start(key.start)
        lead = self._text[line_start : key.start]
        if not lead.strip() and line_start > node.start:
            return Edit(end, end, f",{self._lines.eol(end)}{lead}{entry}")
        if len(node.entries) > 1:
            gap = self._text[node.entries[-2][1].content_end(self._text) : key.start]
            separator = gap if _COMMA.fullmatch(gap) else ", "
        else:
            separator = "," if colon == ":" else ", "
        return Edit(end, end, separator + entry)

    def _flow_entry(self, rest: list[str], value: str, *, colon: str, quoted: bool) -> str:
        shown = json.dumps(value) if quoted else self._value(value, flow=True)
        for key in reversed(rest[1:]):
            shown = f"{{{self._key(key, quoted=quoted)}{colon}{shown}}}"
        return f"{self._key(rest[0], quoted=quoted)}{colon}{shown}"

    def _filled_flow(self, node: Node, parent: Node, rest: list[str], value: str) -> Edit:
        """Put the first entry into `{}` or in place of `null`, within brackets."""
        key = next((key for key, found in parent.entries if found is node), node)
        quoted = key.style == '"'
        colon = ":" if self._json and self._text[key.end : node.start] == ":" else ": "
        entry = self._flow_entry(rest, value, colon=colon, quoted=quoted)
        lead = self._text[self._lines.start(key.start) : key.start]
        if self._lines.start(key.start) > parent.start and not lead.strip():
            eol = self._lines.eol(node.end)
            outer = self._text[self._lines.start(parent.end - 1) : parent.end - 1]
            step = lead.removeprefix(outer) if not outer.strip() else ""
            entry = f"{eol}{lead}{step or ' ' * _INDENT}{entry}{eol}{lead}"
        blank = " " if node.start == node.end and self._text[node.start - 1] == ":" else ""
        return Edit(node.start, node.end, f"{blank}{{{entry}}}")

    # Removing an entry.

    def _without_flow(self, parent: Node, at: int) -> Edit:
        entries = parent.entries
        key, value = entries[at]
        if len(entries) == 1:
            inner = self._text[parent.start : parent.end]
            opened = parent.start + inner.index("{") + 1
            self._check_gap(self._text[opened : key.start].strip() == "")
            rest = self._text[max(value.end, key.end) : parent.end - 1].strip()
            self._check_gap(rest in ("", ","))
            return Edit(opened, parent.end - 1, "")
        if at + 1 < len(entries):
            start, end = key.start, entries[at + 1][0].start
            self._check_gap(bool(_COMMA.fullmatch(self._text, value.end, end)))
            return Edit(start, end, "")
        before = entries[at - 1][1].end
        self._check_gap(bool(_COMMA.fullmatch(self._text, before, key.start)))
        return Edit(before, max(value.end, key.end), "")

    def _check_gap(self, good: bool) -> None:  # noqa: FBT001 - the condition is the subject
        if not good:
            raise CannotSplice(
                "there is a comment, or something else, between brackets and commas",
                remedy="write the map as lines, one entry each, or remove the comment",
            )

    def _without_lines(self, nodes: Sequence[Node], parent: Node, at: int) -> list[Edit]:
        key, value = parent.entries[at]
        start = self._lines.start(key.start)
        if self._text[start : key.start].strip():
            raise CannotSplice(
                "the entry does not begin its line", remedy="begin a new line before the entry"
            )
        end = self._lines.end(max(value.content_end(self._text), key.end))
        after = LINE_BREAK.match(self._text, end)
        if after is not None:
            end = after.end()
        else:  # The file does not end in a line break, and is not to do so afterwards.
            start -= 2 if self._text[:start].endswith("\r\n") else min(start, 1)
        edits = [Edit(start, end, "")]
        if len(parent.entries) == 1:
            edits.insert(0, self._emptied(nodes, parent))
        return edits

    def _emptied(self, nodes: Sequence[Node], parent: Node) -> Edit:
        """Write `{}` behind the key of a map that loses its last line."""
        above = next((node for node in nodes if any(v is parent for _, v in node.entries)), None)
        if above is None or not parent.bare:
            raise CannotSplice("the last entry of this map cannot be removed")
        key = next(key for key, value in above.entries if value is parent)
        colon = re.compile(r"[ \t]*:").match(self._text, key.end)
        if colon is None:
            raise CannotSplice("the last entry of this map cannot be removed")
        return Edit(colon.end(), colon.end(), " {}")

    def _column(self, node: Node) -> int:
        first = node.entries[0][0].start
        return first - self._lines.start(first)

    def _step(self) -> int:
        """By how much this document indents."""
        outer = self._column(self._root) if self._root.entries else 0
        for _, value in self._root.entries:
            if value.type is NodeType.MAP and value.entries and not value.flow:
                return max(self._column(value) - outer, 1)
        return _INDENT


def _last_scalar(node: Node) -> Node:
    while node.type in (NodeType.MAP, NodeType.LIST) and not node.flow:
        last = list(node.children())[-1:]
        if not last:
            break
        node = last[0]
    return node


def _shared() -> CannotSplice:
    return CannotSplice(
        "the text has an anchor and is used in other places too",
        remedy="write it out where it is used, and remove the anchor",
    )


def _merged() -> CannotSplice:
    return CannotSplice(
        "the map, or a part of it, comes by a merge key (<<)",
        remedy="write the entries out in place of the merge key",
    )
