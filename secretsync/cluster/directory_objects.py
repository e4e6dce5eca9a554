"""One object as a file: how it is written, and what a file must be to be one.

Files that people wrote by hand are objects like any other: what they leave out
(name, namespace, uid, creation time) follows from the place of the file.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from secretsync.cluster.base import Kind, Object
from secretsync.cluster.directory_state import rfc3339
from secretsync.errors import Rejected
from secretsync.resources.documents import load_documents
from secretsync.resources.problems import Problem

__all__ = ["BrokenObject", "Place", "decode_object", "encode_object", "fold_string_data"]

_UID_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://secretsync.io/directory-cluster")
#: Strings that some YAML reader takes for a number or a boolean: always quoted.
_AMBIGUOUS = re.compile(
    r"[-+.]?[0-9].*|[-+.~=<].*|(?i:y|n|yes|no|on|off|true|false|null)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object belongs; `namespace` is "" for cluster-scoped kinds."""

    kind: Kind
    namespace: str
    name: str

    @property
    def relative(self) -> Path:
        """The path below ROOT, without a suffix."""
        return Path(self.namespace or "_cluster", self.kind.folder, self.name)

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind.kind} {where}"


class BrokenObject(Rejected):
    """A file is there and is no object that can be served.

    Args:
        problem: what is wrong with it.
    """

    def __init__(self, problem: Problem) -> None:
        line = f":{problem.line}" if problem.line else ""
        super().__init__(f"{problem.file}{line}: {problem.message}", remedy=problem.remedy)
        self.problem = problem


def decode_object(
    content: bytes, place: Place, *, file: str, modified_ns: int
) -> tuple[Object, str]:
    """Return the object in a file, and the uid that the file itself gives ("" for none).

    Args:
        content: the file's.
        place: where it lies.
        file: how problems name it.
        modified_ns: the file's modification time; stands in for a creation time.

    Raises:
        BrokenObject: it does not parse, or is not the object its place says.
    """
    documents, problems = load_documents(content, file=file)
    if problems:
        raise BrokenObject(replace(problems[0], object=str(place)))
    if len(documents) != 1:
        raise _broken(
            file,
            f"the file holds {len(documents)} objects",
            f"keep exactly one {place.kind.kind} in it",
            place,
        )
    obj = documents[0].value
    fault = _misplaced(obj, place) or _misshapen(obj, place.kind)
    if fault:
        raise _broken(file, *fault, place)
    metadata = obj.get("metadata") or {}
    obj["metadata"] = metadata
    for parent, name in [(parent, name) for _, parent, name in _text_maps(obj, place.kind)]:
        _drop_nulls(parent, name)
    fold_string_data(place.kind, obj)
    uid = metadata.get("uid") or ""
    _fill_metadata(metadata, place, modified_ns)
    if "spec" in obj and not isinstance(metadata.get("generation"), int):
        metadata["generation"] = 1
    return obj, uid


def encode_object(obj: Mapping[str, Any], *, as_json: bool) -> bytes:
    """Return the text of a file, keys in the order of the object."""
    if as_json:
        return (json.dumps(obj, indent=2, ensure_ascii=False) + "\n").encode()
    text: str = yaml.dump(
        dict(obj),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=1_000_000,  # Long values stay on their line, as kubectl writes them.
    )
    return text.encode()


def fold_string_data(kind: Kind, obj: Object) -> None:
    """Move a Secret's `stringData` into `data`, as the API server does."""
    if (kind.group, kind.kind) != ("", "Secret") or "stringData" not in obj:
        return
    plain = obj.pop("stringData")
    if not plain:
        return
    data = dict(obj.get("data") or {})
    for key, value in plain.items():
        if not isinstance(value, str | None):
            raise Rejected(f"stringData.{key} is not a string", remedy="put the value in quotes")
        data[key] = base64.b64encode((value or "").encode()).decode("ascii")
    obj["data"] = data


def _broken(file: str, message: str, remedy: str, place: Place) -> BrokenObject:
    return BrokenObject(Problem(message, remedy, object=str(place), file=file))


def _misplaced(obj: Object, place: Place) -> tuple[str, str] | None:
    """Return where an object contradicts its place, and the remedy."""
    kind = place.kind
    group = str(obj.get("apiVersion") or "").rpartition("/")[0]
    if obj.get("kind") != kind.kind or group != kind.group or not obj.get("apiVersion"):
        return (
            f"the object is not a {kind.kind} of {kind.api_version}",
            f"set kind and apiVersion as the folder {kind.folder} says, or move the file",
        )
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict | None):
        return "metadata is not a map", "write metadata as a map"
    metadata = metadata or {}
    if metadata.get("name") not in (None, "", place.name):
        return (
            "metadata.name differs from the file's name",
            f"name the file {metadata['name']}.yaml, or the object {place.name}",
        )
    if metadata.get("namespace") not in (None, "", place.namespace):
        return (
            "metadata.namespace differs from the folder's name",
            "move the file into the folder of its namespace, or change metadata.namespace",
        )
    return None


def _text_maps(obj: Object, kind: Kind) -> list[tuple[str, Object, str]]:
    """Return the maps of strings that every reader relies on: name, parent and key."""
    metadata = obj.get("metadata") or {}
    maps = [(f"metadata.{name}", metadata, name) for name in ("labels", "annotations")]
    if kind.group == "" and kind.kind in ("Secret", "ConfigMap"):
        maps += [(name, obj, name) for name in ("data", "stringData")]
    return maps


def _misshapen(obj: Object, kind: Kind) -> tuple[str, str] | None:
    """Return which part has the wrong type, and the remedy."""
    for path, parent, name in _text_maps(obj, kind):
        value = parent.get(name)
        if not isinstance(value, dict | None):
            return f"{path} is not a map", f"write {path} as a map of strings"
        for key, each in (value or {}).items():
            if not isinstance(each, str | None):
                return f"{path}.{key} is not a string", "put the value in quotes"
    metadata = obj.get("metadata") or {}
    for name in ("ownerReferences", "finalizers"):
        if not isinstance(metadata.get(name), list | None):
            return f"metadata.{name} is not a list", "write it as a list"
    for name in ("uid", "creationTimestamp", "deletionTimestamp"):
        if not isinstance(metadata.get(name), str | None):
            return f"metadata.{name} is not a string", "put the value in quotes, or leave it out"
    return None


def _drop_nulls(parent: Object, name: str) -> None:
    """A null map is none, a null value an empty one: as the API server decodes them."""
    if name not in parent:
        return
    if parent[name] is None:
        del parent[name]
    else:
        parent[name] = {key: value or "" for key, value in parent[name].items()}


def _fill_metadata(metadata: Object, place: Place, modified_ns: int) -> None:
    metadata.pop("managedFields", None)
    metadata.pop("resourceVersion", None)
    if not metadata.get("name"):
        metadata["name"] = place.name
    if place.namespace and not metadata.get("namespace"):
        metadata["namespace"] = place.namespace
    if not metadata.get("uid"):
        metadata["uid"] = str(uuid.uuid5(_UID_NAMESPACE, place.relative.as_posix()))
    if not metadata.get("creationTimestamp"):
        modified_at = datetime.fromtimestamp(modified_ns / 1e9, UTC)
        metadata["creationTimestamp"] = rfc3339(modified_at)


class _Dumper(yaml.CSafeDumper):
    """Writes as kubectl does: no aliases, blocks for text of several lines."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write an alias: not every reader takes them."""
        del data
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        style = "|"
    elif _AMBIGUOUS.fullmatch(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
