"""A manifest file that is changed entry by entry, and stays as it is everywhere else.

Each change becomes edits of the text (`splicing`); the result is read again as any
manifest is, and compared with what was meant, before anybody may write it.
"""

from __future__ import annotations

import copy
import json
from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from secretsync.cli.seal.spans import Node, NodeType, json_tree, yaml_trees
from secretsync.cli.seal.splicing import CannotSplice, Edit, Path, Splicer
from secretsync.errors import InputError
from secretsync.resources.composer import Composed, compose, quoted
from secretsync.resources.documents import MAX_FILE_BYTES
from secretsync.resources.json_events import NotJsonError, json_events, looks_like_json
from secretsync.resources.text_events import TextError
from secretsync.resources.yaml_events import yaml_events

__all__ = ["Change", "ManifestText", "parse_manifest_text", "read_manifest_text"]

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry to set or to remove.

    Args:
        document: index in the file.
        path: of the entry, from the document's root; the last part is a key.
        value: the text it is to have; None removes the entry.
    """

    document: int
    path: Path
    value: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ManifestText:
    """The text of a file, and what it means.

    Args:
        file: as the user named it.
        text: with byte order mark, if it has one.
        documents: value and lines of each document, empty ones included.
        is_json: read as one JSON value.
    """

    file: str
    text: str = field(repr=False)
    documents: tuple[Composed, ...] = field(repr=False)
    is_json: bool

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return self.text.encode("utf-8")

    def changed(self, changes: Sequence[Change]) -> ManifestText:
        """Return the text with these changes, in this order, and no other.

        Raises:
            CannotSplice: a change cannot be made at its place alone. The message names
                file, line and field.
        """
        meant = [copy.deepcopy(document.value) for document in self.documents]
        for change in changes:
            _apply(meant[change.document], change)
        current, pending = self, list(changes)
        while pending:
            edits, pending = _next_edits(current, pending)
            current = _parsed_again(current, edits, changes[0])
        if _canonical(meant) != _canonical([document.value for document in current.documents]):
            raise _not_meant(self, changes[0])
        return current


def read_manifest_text(file: str) -> ManifestText:
    """Read a manifest file to be changed in place.

    Raises:
        InputError: it cannot be read, or is no manifest.
    """
    if file == "-":
        raise InputError(
            "standard input cannot be changed in place", remedy="give the name of a file"
        )
    try:
        with FilePath(file).open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise InputError(
            f"{file}: cannot be read: {exc.strerror or type(exc).__name__}",
            remedy="check that the path exists and that you may read it",
        ) from exc
    return parse_manifest_text(content, file=file)


def parse_manifest_text(content: bytes, *, file: str) -> ManifestText:
    """Understand the content of a manifest file.

    Raises:
        InputError: it is too large, not UTF-8, or no manifest. The text is not quoted.
    """
    if len(content) > MAX_FILE_BYTES:
        raise InputError(
            f"{file}: the file is larger than {MAX_FILE_BYTES // 1024 // 1024} MB",
            remedy="split the file",
        )
    try:
        text = content.decode("utf-8")
        documents, is_json = _composed(text.removeprefix(_BOM))
    except UnicodeDecodeError:
        # Without a cause: the exception holds the whole content.
        raise InputError(
            f"{file}: the file is not in UTF-8", remedy="save it as UTF-8 text"
        ) from None
    except TextError as exc:
        place = f"{file}:{exc.line}" if exc.line else file
        raise InputError(f"{place}: {exc.message}", remedy=exc.remedy) from exc
    return ManifestText(file, text, tuple(documents), is_json)


def _composed(text: str) -> tuple[list[Composed], bool]:
    if looks_like_json(text):
        try:
            return list(compose(json_events(text))), True
        except NotJsonError:
            pass  # a YAML flow mapping opens the same way
    return list(compose(yaml_events(text))), False


def _apply(document: Any, change: Change) -> None:
    """Make the change in the value that the document stands for."""
    *way, last = change.path
    value = document
    for part in way:
        if isinstance(part, str) and isinstance(value, dict) and value.get(part) is None:
            value[part] = {}
        value = value[part]
    if change.value is None:
        value.pop(last, None)
    else:
        value[last] = change.value


def _next_edits(
    current: ManifestText, changes: Sequence[Change]
) -> tuple[list[Edit], list[Change]]:
    """The edits that can be made at once, and the changes that have to wait for them.

    Edits that meet would depend on their order; and a map that gains or loses an entry
    is looked at anew before its next change.
    """
    splicers: dict[int, Splicer] = {}
    taken: list[Edit] = []
    moved: set[tuple[int, Path]] = set()
    waiting: list[Change] = []
    roots = _roots(current)
    body = current.text.removeprefix(_BOM)
    for change in changes:
        container = (change.document, change.path[:-1])
        if container in moved:
            waiting.append(change)
            continue
        splicer = splicers.get(change.document)
        if splicer is None:
            root = roots[change.document]
            splicer = Splicer(body, root, is_json=current.is_json)
            splicers[change.document] = splicer
        edits = _edits_of(splicer, change, current)
        if any(_meets(edit, taken) for edit in edits):
            waiting.append(change)
            moved.add(container)
            continue
        for edit in edits:
            insort(taken, edit)
        if change.value is None or _missing(current, change):
            moved.add(container)
    return taken, waiting


def _roots(current: ManifestText) -> list[Node]:
    body = current.text.removeprefix(_BOM)
    trees = [json_tree(body)] if current.is_json else yaml_trees(body)
    # Nothing is ever changed in an empty document, but it has its place in the list.
    return [tree if tree is not None else Node(NodeType.MAP, 0) for tree in trees]


def _edits_of(splicer: Splicer, change: Change, current: ManifestText) -> list[Edit]:
    try:
        if change.value is None:
            return splicer.remove(change.path)
        return splicer.set(change.path, change.value)
    except CannotSplice as exc:
        raise CannotSplice(f"{_place(current, change)}: {exc.message}", remedy=exc.remedy) from exc


def _meets(edit: Edit, taken: Sequence[Edit]) -> bool:
    return any(edit.start <= other.end and other.start <= edit.end for other in taken)


def _missing(current: ManifestText, change: Change) -> bool:
    value: Any = current.documents[change.document].value
    for part in change.path:
        if isinstance(part, str) and (not isinstance(value, Mapping) or part not in value):
            return True
        value = value[part]
    return False


def _parsed_again(current: ManifestText, edits: Sequence[Edit], change: Change) -> ManifestText:
    bom = _BOM if current.text.startswith(_BOM) else ""
    body = current.text.removeprefix(_BOM)
    parts: list[str] = []
    at = 0
    for edit in sorted(edits):
        parts += [body[at : edit.start], edit.text]
        at = edit.end
    text = bom + "".join([*parts, body[at:]])
    try:
        return parse_manifest_text(text.encode("utf-8"), file=current.file)
    except InputError:
        raise _not_meant(current, change) from None  # what it says is about a text nobody wrote


def _canonical(values: Iterable[Any]) -> str:
    """A text in which 1, 1.0 and true differ, and the order of keys does not count."""
    return json.dumps(list(values), sort_keys=True)


def _place(current: ManifestText, change: Change) -> str:
    """`FILE:LINE: Kind namespace/name: field`."""
    lines = current.documents[change.document].lines
    ends = range(len(change.path), -1, -1)
    line = next((lines[change.path[:end]] for end in ends if change.path[:end] in lines), 0)
    value: Any = current.documents[change.document].value
    start = 2 if change.path[:1] == ("items",) else 0
    for part in change.path[:start]:
        value = value[part]
    metadata = value.get("metadata") if isinstance(value, Mapping) else None
    named = metadata if isinstance(metadata, Mapping) else {}
    name = "/".join(str(named[key]) for key in ("namespace", "name") if named.get(key))
    field_name = ".".join(_part(part) for part in change.path[start:])
    kind = value.get("kind") or "object" if isinstance(value, Mapping) else "object"
    return f"{current.file}{f':{line}' if line else ''}: {kind} {name}: {field_name}"


def _part(part: str | int) -> str:
    text = str(part)
    return text if text.replace("-", "").replace("_", "").isalnum() else quoted(text)


def _not_meant(current: ManifestText, change: Change) -> CannotSplice:
    return CannotSplice(
        f"{_place(current, change)}: the change would alter more of the file than is meant",
        remedy="write this object in plain block style, and end the file with a line break",
    )
