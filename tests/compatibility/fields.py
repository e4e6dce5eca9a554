"""Every field of the published kinds, read from the classes that decode it.

A field is served, or refused by name: the class says which, with the sentence that a user
reads. Neighbours: `proofs` says which test shows that a served field works, `page` prints
both.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from providers import registry as stores
from providers.base import (
    CaProvider,
    ConfigMapKeySelector,
    SecretKeySelector,
    ServiceAccountSelector,
    WholeSecretSelector,
)
from providers.spec import Wire
from providers.vault.config import VaultConfig
from secretsync.generators import registry as generators
from secretsync.resources.external_secret_spec import ExternalSecretSpec
from secretsync.resources.generator import GENERATOR_KINDS
from secretsync.resources.provisioner_spec import ClusterExternalSecretSpec, ClusterPushSecretSpec
from secretsync.resources.push_secret_spec import PushSecretSpec
from secretsync.resources.secret_store_spec import PUBLISHED_PROVIDERS, SelectorSpec, StoreSpec

__all__ = [
    "SELECTORS",
    "Field",
    "fields",
    "fields_of",
    "selector_of",
    "tables",
    "twin_of",
    "unserved_generators",
    "unserved_stores",
]

#: Blocks that stand in many places: they have one table, and a row elsewhere names them.
SELECTORS: dict[str, type] = {
    "a key of a Secret": SecretKeySelector,
    "a whole Secret": WholeSecretSelector,
    "a key of a ConfigMap": ConfigMapKeySelector,
    "a ServiceAccount": ServiceAccountSelector,
    "an authority": CaProvider,
    "a label selector": SelectorSpec,
}

_STRING_MAP = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind, or one value of it that is refused.

    Args:
        table: of the page: a kind, or `provider <key>`.
        path: as in the manifest, with [] after a list: `spec.data[].remoteRef.key`.
        refusal: what a user reads; "" where the field is served.
        value: the refused value, "" where the field itself is meant.
        owner: the class that has the field.
        annotation: its type.
        wire: what else the decoder knows of it.
        selector: name of the block in `SELECTORS` that it holds, or of another table.
    """

    table: str
    path: str
    refusal: str
    value: str
    owner: type
    annotation: Any
    wire: Wire
    selector: str = ""

    @property
    def id(self) -> str:
        """The name by which proofs and tests speak of it."""
        name = f"{self.table}: {self.path}"
        return f"{name}={self.value}" if self.value else name


def tables() -> dict[str, tuple[type, str]]:
    """Return the class that reads each table of the page, and the path where it starts."""
    kinds: dict[str, tuple[type, str]] = {
        "ExternalSecret": (ExternalSecretSpec, "spec"),
        "SecretStore": (StoreSpec, "spec"),
        "PushSecret": (PushSecretSpec, "spec"),
        "ClusterExternalSecret": (ClusterExternalSecretSpec, "spec"),
        "ClusterPushSecret": (ClusterPushSecretSpec, "spec"),
    }
    for key in sorted(stores.PROVIDERS, key=str.lower):
        kinds[f"provider {key}"] = (stores.load(key).CONFIG, f"spec.provider.{key}")
    for kind in sorted(generators.GENERATORS):
        kinds[f"generator {kind}"] = (generators.load(kind).CONFIG, "spec")
    kinds |= {f"selector: {name}": (cls, "") for name, cls in SELECTORS.items()}
    return kinds


def twin_of(table: str) -> str:
    """Return the earlier table that has the very same fields: openBao's is vault's, or ""."""
    return {"provider openBao": "provider vault"}.get(table, "")


def selector_of(annotation: Any) -> str:
    """Return the name in `SELECTORS` of a type that has the same fields, or ""."""
    if annotation is VaultConfig:
        return "provider vault"
    for name, cls in SELECTORS.items():
        if isinstance(annotation, type) and issubclass(annotation, cls):
            return name if _names(annotation) == _names(cls) else ""
    return ""


def _names(cls: type) -> list[str]:
    return [item.name for item in dataclasses.fields(typing.cast("Any", cls))]


def fields() -> list[Field]:
    """Return every field of every kind, in the order of the page."""
    return [field for table in tables() for field in fields_of(table)]


def fields_of(table: str) -> list[Field]:
    """Return the fields of one table, outer before inner."""
    cls, path = tables()[table]
    return list(_walk(table, cls, path))


def unserved_stores() -> list[str]:
    """Return the published providers that are refused by name."""
    return [key for key in PUBLISHED_PROVIDERS if key not in stores.PROVIDERS]


def unserved_generators() -> list[str]:
    """Return the published kinds of generators that are refused by name."""
    served = {*generators.GENERATORS, "ClusterGenerator"}
    return [kind for kind in GENERATOR_KINDS if kind not in served]


def _walk(table: str, cls: type, path: str) -> Iterator[Field]:
    hints = typing.get_type_hints(cls)
    for item in dataclasses.fields(typing.cast("Any", cls)):
        wire = item.metadata.get("wire", Wire())
        if not item.init or wire.internal:
            continue
        inner, many = _inner(hints[item.name])
        name = (wire.name or _camel_case(item.name)) + ("[]" if many else "")
        here = f"{path}.{name}" if path else name
        field = Field(
            table, here, wire.unsupported, "", cls, hints[item.name], wire, selector_of(inner)
        )
        yield field
        for value in wire.unsupported_choices:
            refusal = f"{name} {value} is not supported yet"
            yield dataclasses.replace(field, refusal=refusal, value=value)
        if dataclasses.is_dataclass(inner) and not (wire.unsupported or field.selector):
            yield from _walk(table, typing.cast("type", inner), here)


def _inner(annotation: Any) -> tuple[Any, bool]:
    """Return what a field holds, and whether it is a list of them."""
    members = (annotation,)
    if isinstance(annotation, types.UnionType):
        members = tuple(each for each in typing.get_args(annotation) if each is not types.NoneType)
    if annotation != _STRING_MAP and len(members) == 1:
        if typing.get_origin(members[0]) is tuple:
            return typing.get_args(members[0])[0], True
        return members[0], False
    return None, False


def _camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
