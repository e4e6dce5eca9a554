"""Where each value of a manifest stands in its text: a tree of nodes with spans.

For texts that `secretsync.resources` already took: what it refuses (repeated keys,
custom tags, too much nesting) is not looked for again. Neighbours: `splicing` turns a
change into edits of the text, `manifest_text` applies and proves them.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

__all__ = ["Node", "NodeType", "json_tree", "yaml_trees"]


class NodeType(enum.Enum):
    """What a node is."""

    SCALAR = enum.auto()
    MAP = enum.auto()
    LIST = enum.auto()
    ALIAS = enum.auto()


@dataclass(slots=True)
class Node:
    """One value of the text.

    Args:
        start, end: offsets in characters; `start` is before anchor and tag. The end of
            a block scalar is behind its last line break, that of a block map or list
            where the next token begins: see `content_end`.
        value: text of a scalar, name of an alias.
        style: `'`, `"`, `|`, `>`, or "" for a plain scalar.
        flow: a map or list in brackets, or JSON.
        bare: neither anchor nor tag.
        entries: of a map, key and value.
        items: of a list.
    """

    type: NodeType
    start: int
    end: int = 0
    value: str = field(default="", repr=False)
    style: str = ""
    flow: bool = False
    anchor: str = ""
    bare: bool = True
    entries: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    def get(self, key: str) -> Node | None:
        """Return the value under a key of this map that is written out, None if there is none."""
        entry = self.entry(key)
        return entry[1] if entry else None

    def entry(self, key: str) -> tuple[Node, Node] | None:
        """Return key and value under a key of this map; a merge key (`<<`) gives nothing."""
        for found in self.entries:
            if found[0].value == key and not _is_merge(found[0]):
                return found
        return None

    @property
    def merges(self) -> bool:
        """Whether a merge key adds entries that are not written here."""
        return any(_is_merge(key) for key, _ in self.entries)

    def children(self) -> Iterator[Node]:
        """Yield keys and values, or items, in the order of the text."""
        for key, value in self.entries:
            yield key
            yield value
        yield from self.items

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(node.children())

    def content_end(self, text: str) -> int:
        """Return the offset behind the last character that is content, not layout."""
        node = self
        while node.type in (NodeType.MAP, NodeType.LIST) and not node.flow:
            last = list(node.children())[-1:]
            if not last:
                break
            node = last[0]
        if node.style in ("|", ">") and node.type is NodeType.SCALAR:
            return node.start + len(text[node.start : node.end].rstrip())
        return node.end


def _is_merge(key: Node) -> bool:
    return key.type is NodeType.SCALAR and key.value == "<<" and not key.style and key.bare


def yaml_trees(text: str) -> list[Node | None]:
    """Return the root of each document; None for an empty one.

    Args:
        text: without byte order mark; offsets count its characters.
    """
    roots: list[Node | None] = []
    stack: list[Node] = []
    keys: list[Node | None] = []
    root: Node | None = None
    loader = yaml.CSafeLoader(text)
    event: Any
    try:
        while (event := loader.get_event()) is not None:
            if isinstance(event, yaml.DocumentEndEvent):
                empty = root is None or _is_empty(root)
                roots.append(None if empty else root)
                root = None
            elif isinstance(event, yaml.CollectionEndEvent):
                node = stack.pop()
                keys.pop()
                mark: Any = event.end_mark
                node.end = mark.index
            elif isinstance(event, yaml.NodeEvent):
                node = _yaml_node(event)
                if stack:
                    _attach(stack[-1], keys, node)
                else:
                    root = node
                if isinstance(event, yaml.CollectionStartEvent):
                    stack.append(node)
                    keys.append(None)
    finally:
        loader.dispose()
    return roots


def _is_empty(root: Node) -> bool:
    return root.type is NodeType.SCALAR and not root.style and root.start == root.end


def _attach(parent: Node, keys: list[Node | None], node: Node) -> None:
    """Put a node below its parent; `keys` ends with the parent's key that waits for its value."""
    if parent.type is NodeType.LIST:
        parent.items.append(node)
        return
    key = keys[-1]
    if key is None:
        keys[-1] = node
        return
    parent.entries.append((key, node))
    keys[-1] = None


def _yaml_node(event: Any) -> Node:
    start, end, anchor = event.start_mark.index, event.end_mark.index, event.anchor or ""
    if isinstance(event, yaml.AliasEvent):
        return Node(NodeType.ALIAS, start, end, value=anchor)
    bare = not anchor and event.tag is None
    if isinstance(event, yaml.ScalarEvent):
        style = event.style or ""
        return Node(
            NodeType.SCALAR, start, end, value=event.value, style=style, anchor=anchor, bare=bare
        )
    is_map = isinstance(event, yaml.MappingStartEvent)
    found = NodeType.MAP if is_map else NodeType.LIST
    return Node(found, start, flow=bool(event.flow_style), anchor=anchor, bare=bare)


_JSON_TOKEN = re.compile(
    r"""[ \t\r\n:,]*(?:
        (?P<open>[{\[])
      | (?P<close>[}\]])
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<word>[^ \t\r\n:,{}\[\]"]+)
    )""",
    re.VERBOSE,
)


def json_tree(text: str) -> Node:
    """Return the root of a text that is one JSON object."""
    stack: list[Node] = []
    keys: list[Node | None] = []
    root = Node(NodeType.MAP, 0)
    for token in _JSON_TOKEN.finditer(text):
        start, end = token.start(token.lastgroup or 0), token.end()
        if token["close"]:
            stack.pop().end = end
            keys.pop()
            continue
        node = _json_node(token, start, end)
        if stack:
            _attach(stack[-1], keys, node)
        else:
            root = node
        if token["open"]:
            stack.append(node)
            keys.append(None)
    return root


def _json_node(token: re.Match[str], start: int, end: int) -> Node:
    if token["open"]:
        return Node(NodeType.MAP if token["open"] == "{" else NodeType.LIST, start, flow=True)
    if token["string"] is not None:
        value = json.loads(token["string"], strict=False)
        return Node(NodeType.SCALAR, start, end, value=value, style='"')
    return Node(NodeType.SCALAR, start, end, value=token["word"])
