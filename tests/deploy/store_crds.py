"""Writes the blocks of providers into deploy/crds of SecretStore and ClusterSecretStore.

The schemas come out of the `CONFIG` dataclasses that read the same blocks, so that
`kubectl explain` and the API server know every field that secretsync reads, and none that it
does not. The rest of the files, and the block of aws, is kept as it stands there: it has
rules that no dataclass says. `python -m tests.deploy.store_crds` writes the files;
`test_store_crds` holds them to what it would write.
"""

from __future__ import annotations

import inspect
import re
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from providers import registry
from providers.base import (
    CaProvider,
    ConfigMapKeySelector,
    SecretKeySelector,
    ServiceAccountSelector,
    WholeSecretSelector,
)
from providers.spec import Wire
from secretsync.resources.secret_store_spec import PUBLISHED_PROVIDERS
from tests.deploy.api import load_manifests
from tests.deploy.push_crds import ANYTHING, CRDS, NAME
from tests.deploy.store_descriptions import BLOCKS, FIELDS, SELECTED

__all__ = ["KINDS", "WRITTEN", "block", "provider_block", "render"]

#: Blocks that are written here; that of aws is not.
WRITTEN = tuple(sorted({*registry.PROVIDERS} - {"aws"}))
#: Published blocks that are refused by name: a store that has one is kept, and told so.
UNSERVED = tuple(key for key in PUBLISHED_PROVIDERS if key not in registry.PROVIDERS)
_UNSERVED = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
KEY = {"type": "string", "minLength": 1, "maxLength": 253, "pattern": "^[-._a-zA-Z0-9]+$"}
NAMESPACE = {
    "type": "string",
    "minLength": 1,
    "maxLength": 63,
    "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
}
_ONLY_CLUSTER = "only a ClusterSecretStore may set it."
KINDS = ("secretstores", "clustersecretstores")
_HEAD = (
    "# Served as external-secrets.io/v1 (stored) and v1beta1; SecretStore and ClusterSecretStore\n"
    "# have the same schema. Blocks of providers are written by tests/deploy/store_crds.py, all\n"
    "# but that of aws. Those of providers that are not served are kept as they are.\n"
)


def provider_block(key: str) -> dict[str, Any]:
    """Return the schema of `spec.provider.<key>`, of a registered provider."""
    module = registry.load(key)
    says = BLOCKS.get(key) or _first_sentence(module.__doc__ or key)
    return {"description": says, **block(module.CONFIG)}


def block(cls: type) -> dict[str, Any]:
    """Return the schema of a configuration dataclass."""
    hints = get_type_hints(cls)
    properties, required = {}, []
    for item in fields(cls):
        wire: Wire = item.metadata.get("wire", Wire())
        if wire.internal or not item.init:
            continue
        name = wire.name or _camel(item.name)
        says = FIELDS.get(f"{cls.__name__}.{name}") or FIELDS.get(name) or _documented(cls, item)
        if wire.unsupported:
            says = f"Refused: {wire.unsupported}."
        properties[name] = {"description": says, **_of(hints[item.name], wire, item)}
        if wire.required:
            required.append(name)
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return {**found, "required": required} if required else found


def _first_sentence(doc: str) -> str:
    """Return what a module says of itself, without the name it begins with."""
    line = doc.strip().partition("\n")[0]
    says = line.partition(": ")[2] or line
    return says[:1].upper() + says[1:]


def _documented(cls: type, item: Field[Any]) -> str:
    """Return what a configuration class says of a field under `Args:`.

    Raises:
        KeyError: nothing; a field that nobody explains is not published.
    """
    found = re.search(rf"^ +{item.name}: (.+)$", inspect.getdoc(cls) or "", re.MULTILINE)
    if found is None:
        raise KeyError(f"{cls.__name__}.{item.name} is explained nowhere: write it under Args:")
    says = found[1].strip()
    return says[:1].upper() + says[1:]


def _of(annotation: Any, wire: Wire, item: Field[Any]) -> dict[str, Any]:
    if annotation is Any:
        return dict(ANYTHING)
    [kind] = [each for each in _members(annotation) if each is not types.NoneType]
    if kind == tuple[tuple[str, str], ...]:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        entry = {"type": "string"} if inner is str else block(inner)
        return {"type": "array", "items": {"description": "One of them.", **entry}}
    if is_dataclass(kind):
        return _selector(kind) or block(kind)  # type: ignore[arg-type] # an instance it is not
    if kind is bool:
        return {"type": "boolean"}
    if kind is int:
        return {"type": "integer", "format": "int64", **_bounds(wire)}
    return _string(wire, item)


def _bounds(wire: Wire) -> dict[str, int]:
    found = {"minimum": wire.minimum, "maximum": wire.maximum}
    return {name: value for name, value in found.items() if value is not None}


def _string(wire: Wire, item: Field[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "string"}
    if wire.required:
        found["minLength"] = 1
    if wire.pattern:
        # An empty value is an absent one, as the decoder has it.
        found["pattern"] = f"^({wire.pattern}){'' if wire.required else '?'}$"
    if wire.choices:
        found["enum"] = list(wire.choices)
        if item.default is not MISSING and item.default:
            found["default"] = item.default
    return found


@cache
def _selected(what: str) -> dict[str, Any]:
    says = f"Namespace of the {what}; {_ONLY_CLUSTER}"
    return {
        "name": {"description": f"Name of the {what}.", **NAME},
        "key": {"description": f"Key in the {what}.", **KEY},
        "namespace": {"description": says, **NAMESPACE},
    }


def _selector(kind: Any) -> dict[str, Any] | None:
    """Return the schema of a reference, or None where it is none."""
    base = next((each for each in SELECTED if issubclass(kind, each)), None)
    if base is None:
        return None
    found = dict(_selected(SELECTED[base]))
    has = {each.name for each in fields(kind)}
    if base is ServiceAccountSelector:
        audiences = {"type": "array", "items": {"type": "string"}}
        found["audiences"] = {"description": FIELDS["audiences"], **audiences}
    if base is CaProvider:
        types_ = {"type": "string", "enum": ["Secret", "ConfigMap"]}
        found = {"type": {"description": FIELDS["CaProvider.type"], **types_}, **found}
    kept = {name: value for name, value in found.items() if name in has}
    required = [] if base in (SecretKeySelector, ConfigMapKeySelector) else ["name"]
    schema: dict[str, Any] = {"type": "object", "properties": kept}
    if base is WholeSecretSelector and "key" in kept:
        kept["key"] = {**kept["key"], "description": FIELDS["WholeSecretSelector.key"]}
    return {**schema, "required": required} if required else schema


def _members(annotation: Any) -> tuple[Any, ...]:
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return get_args(annotation)
    return (annotation,)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def render(plural: str) -> str:
    """Return the text of a file, from what is in it now."""
    crd = load_manifests(CRDS / f"{plural}.yaml")[0]
    for version in crd["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        provider = spec["properties"]["provider"]
        provider["description"] = (
            "The provider; exactly one key. Blocks of providers that are not served are kept "
            "as they are."
        )
        provider["properties"].update({key: dict(_UNSERVED) for key in UNSERVED})
        provider["properties"].update({key: provider_block(key) for key in WRITTEN})
    dumped = yaml.dump(crd, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=96)
    return _HEAD + dumped


if __name__ == "__main__":
    for each in KINDS:
        (CRDS / f"{each}.yaml").write_text(render(each))
