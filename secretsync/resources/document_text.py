"""What comes before and after composing: a file's characters, and Lists taken apart.

Neighbours: `documents` puts them together; the `seal` command uses them alone, because
each module it loads counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secretsync.resources.composer import Composed, Path
from secretsync.resources.text_events import TextError

__all__ = ["MAX_FILE_BYTES", "decode_text", "expand_lists"]

#: Larger files are not manifests: an API server takes objects of about 1.5 MB.
MAX_FILE_BYTES = 10 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


def decode_text(text: bytes) -> str:
    """Return a file's characters, without byte order mark.

    Raises:
        TextError: it is too large, binary, or not UTF-8.
    """
    if len(text) > MAX_FILE_BYTES:
        raise TextError(
            f"the file is larger than {MAX_FILE_BYTES // 1024 // 1024} MB",
            remedy="split the file, or leave it out",
        )
    if b"\0" in text:
        raise TextError(
            "the file is binary, or not in UTF-8",
            remedy="save it as UTF-8 text, or leave it out",
        )
    try:
        return text.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as exc:
        line = text.count(b"\n", 0, exc.start) + 1
        raise TextError(
            "the file is not in UTF-8", line=line, remedy="save it as UTF-8 text"
        ) from None  # the exception holds the whole content


def expand_lists(part: Composed) -> Iterator[Composed]:
    """Yield the objects of a `List` or `<Kind>List`, or the object itself.

    Lists in lists are walked without recursion.
    """
    pending = [part]
    while pending:
        current = pending.pop()
        if _is_list(current.value):
            pending.extend(reversed(_items(current)))
        else:
            yield current


def _is_list(value: Any) -> bool:
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not kind.endswith("List"):
        return False
    items = value.get("items")
    return isinstance(items, list) or (kind == "List" and items is None)


def _items(part: Composed) -> list[Composed]:
    """Return the entries; those of a typed list may lack apiVersion and kind.

    The API server leaves the two out of the entries of its own lists.
    """
    items = part.value.get("items") or []
    start = part.lines.get(("items",), part.lines.get((), 0))
    lines: list[dict[Path, int]] = [{(): start} for _ in items]
    for path, line in part.lines.items():
        if len(path) > 1 and path[0] == "items" and isinstance(path[1], int):
            lines[path[1]][path[2:]] = line
    kind = part.value["kind"].removesuffix("List")
    defaults = {"apiVersion": part.value.get("apiVersion"), "kind": kind} if kind else {}
    return [
        Composed({**defaults, **item} if isinstance(item, dict) else item, item_lines)
        for item, item_lines in zip(items, lines, strict=True)
    ]
