"""The SealedSecrets of a manifest file: which there are, and which one is meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sealing import InvalidManifest, Scope, scope_of
from sealing.fields import child, text_field, text_map
from secretsync.cli.seal.manifest_text import Change, ManifestText
from secretsync.cli.seal.splicing import Path
from secretsync.errors import ConfigError

__all__ = [
    "ENCRYPTED_DATA",
    "OLD_DATA",
    "Placed",
    "SealedObject",
    "choose",
    "is_sealed",
    "parse_sealed",
    "sealed_objects",
    "walk_objects",
    "wider_template",
]

GROUP = "bitnami.com"
KIND = "SealedSecret"

ENCRYPTED_DATA: Path = ("spec", "encryptedData")
OLD_DATA: Path = ("spec", "data")

_WIDTH = (Scope.STRICT, Scope.NAMESPACE_WIDE, Scope.CLUSTER_WIDE)


@dataclass(frozen=True, slots=True)
class Placed:
    """An object of a file, as plain value, and where it is.

    Args:
        document: index in the file.
        prefix: from the document's root to the object; not empty within a List.
        lines: 1-based line of each path of the document.
    """

    file: str
    document: int
    prefix: Path
    value: Mapping[str, Any] = field(repr=False)
    lines: Mapping[Path, int] = field(repr=False)

    def line_of(self, path: Path = ()) -> int:
        """Return the line of a path of the object or of its nearest ancestor, 0 where unknown."""
        full = (*self.prefix, *path)
        ends = range(len(full), -1, -1)
        return next((self.lines[full[:end]] for end in ends if full[:end] in self.lines), 0)

    def change(self, path: Path, value: str | None) -> Change:
        """Return the change of one entry of this object; None removes it."""
        return Change(self.document, (*self.prefix, *path), value)

    def __str__(self) -> str:
        metadata = self.value.get("metadata")
        named = metadata if isinstance(metadata, Mapping) else {}
        names = [str(named[key]) for key in ("namespace", "name") if named.get(key)]
        return " ".join(filter(None, [str(self.value.get("kind") or ""), "/".join(names)]))

    @property
    def place(self) -> str:
        """`FILE:LINE`."""
        line = self.line_of()
        return f"{self.file}:{line}" if line else self.file


@dataclass(frozen=True, slots=True)
class SealedObject:
    """A SealedSecret whose metadata and values have the right types.

    Args:
        encrypted: item key → sealed text as it is written; another type becomes "".
        old_form: its values are one blob under `spec.data`.
    """

    placed: Placed
    name: str
    namespace: str
    annotations: Mapping[str, str]
    encrypted: Mapping[str, str] = field(repr=False)
    old_form: bool

    @property
    def scope(self) -> Scope:
        """By the object's own annotations."""
        return scope_of(self.annotations)

    def bound_to(self, namespace: str = "") -> dict[str, Any]:
        """Return scope, namespace and name that values of this object are sealed for.

        Args:
            namespace: of an object that names none itself.

        Raises:
            ConfigError: the scope needs what is not known.
        """
        place = {"scope": self.scope, "namespace": self.namespace or namespace, "name": self.name}
        if self.scope is not Scope.CLUSTER_WIDE and not place["namespace"]:
            raise ConfigError(
                f"{self.placed.place}: {self.placed}: metadata.namespace is missing, "
                f"and scope {self.scope} is bound to it",
                remedy="write metadata.namespace into the file, or give -n NAMESPACE",
            )
        if "/" in place["namespace"]:
            # `a/b` and `c` would make the label of `a` and `b/c`.
            raise ConfigError(
                f"{self.placed.place}: {self.placed}: metadata.namespace: "
                "a namespace holds no slash",
                remedy="write the namespace alone",
            )
        if self.scope is Scope.STRICT and not self.name:
            raise ConfigError(
                f"{self.placed.place}: {self.placed}: metadata.name is missing, "
                "and scope strict is bound to it",
                remedy="write metadata.name into the file",
            )
        return place


def walk_objects(text: ManifestText) -> Iterator[Placed]:
    """Yield every object of a file, those of Lists too, in the order of the text."""
    for index, document in enumerate(text.documents):
        if isinstance(document.value, dict):
            pending = [Placed(text.file, index, (), document.value, document.lines)]
            while pending:
                placed = pending.pop()
                items = _items(placed)
                if items is None:
                    yield placed
                else:
                    pending += reversed(items)


def _items(placed: Placed) -> list[Placed] | None:
    """The entries of a `List` or `<Kind>List`; None for any other object."""
    kind, items = placed.value.get("kind"), placed.value.get("items")
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(items, list):
        return None
    entry_kind = kind.removesuffix("List")
    # The API server leaves the type out of the entries of its own lists.
    defaults = {"apiVersion": placed.value.get("apiVersion"), "kind": entry_kind}
    return [
        Placed(
            placed.file,
            placed.document,
            (*placed.prefix, "items", at),
            {**(defaults if entry_kind else {}), **item},
            placed.lines,
        )
        for at, item in enumerate(items)
        if isinstance(item, dict)
    ]


def is_sealed(placed: Placed) -> bool:
    """Return whether the object is a SealedSecret, of whatever version."""
    api_version = placed.value.get("apiVersion")
    group = api_version.partition("/")[0] if isinstance(api_version, str) else ""
    return placed.value.get("kind") == KIND and group == GROUP


def sealed_objects(text: ManifestText) -> list[SealedObject]:
    """Return every SealedSecret of a file.

    Raises:
        ConfigError: one of them is malformed; the message names file, object and field.
    """
    return [parse_sealed(placed) for placed in walk_objects(text) if is_sealed(placed)]


def parse_sealed(placed: Placed) -> SealedObject:
    """Check the parts of a SealedSecret that its values depend on.

    Raises:
        ConfigError: one is of another type.
    """
    try:
        metadata = child(placed.value, "metadata", path="metadata")
        spec = child(placed.value, "spec", path="spec")
        encrypted = child(spec, "encryptedData", path="spec.encryptedData")
        return SealedObject(
            placed,
            text_field(metadata, "name", path="metadata.name"),
            text_field(metadata, "namespace", path="metadata.namespace"),
            text_map(metadata, "annotations", path="metadata.annotations"),
            {key: value if isinstance(value, str) else "" for key, value in encrypted.items()},
            spec.get("data") is not None,
        )
    except InvalidManifest as exc:
        raise ConfigError(
            f"{placed.place}: {placed}: {exc}", remedy="correct the manifest by hand"
        ) from exc


def wider_template(sealed: SealedObject) -> Scope | None:
    """Return the scope that the template asks for where it is wider than the object's own.

    Only the object's own annotations say how it opens.

    Raises:
        InvalidManifest: the template's metadata has the wrong type.
    """
    spec = child(sealed.placed.value, "spec", path="spec")
    template = child(spec, "template", path="spec.template")
    metadata = child(template, "metadata", path="spec.template.metadata")
    path = "spec.template.metadata.annotations"
    asked = scope_of(text_map(metadata, "annotations", path=path))
    return asked if _WIDTH.index(asked) > _WIDTH.index(sealed.scope) else None


def choose(text: ManifestText, *, name: str = "", namespace: str = "") -> SealedObject:
    """Return the one SealedSecret that is meant.

    Args:
        name: of the object; "" where there is one only.
        namespace: of the object; one without a namespace of its own fits any.

    Raises:
        ConfigError: none fits, or several do.
    """
    found = sealed_objects(text)
    if not found:
        raise ConfigError(
            f"{text.file}: holds no SealedSecret", remedy="make one with `seal` from a Secret"
        )
    fitting = [
        sealed
        for sealed in found
        if (not name or sealed.name == name)
        and (not namespace or sealed.namespace in ("", namespace))
    ]
    own = [sealed for sealed in fitting if namespace and sealed.namespace == namespace]
    fitting = own or fitting
    if len(fitting) == 1:
        return fitting[0]
    names = _listed(fitting or found)
    problem = "several SealedSecrets fit" if fitting else "no SealedSecret of that name is in it"
    raise ConfigError(
        f"{text.file}: {problem}: {names}", remedy="choose one with --name and --namespace"
    )


def _listed(found: Sequence[SealedObject]) -> str:
    shown = [str(sealed.placed).partition(" ")[2] or "(no name)" for sealed in found[:8]]
    return ", ".join(shown) + (", …" if len(found) > len(shown) else "")
