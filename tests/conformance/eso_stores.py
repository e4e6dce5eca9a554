"""The stores that rows run at: how each says a row, what it answers otherwise, what it lacks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.eso_remotes import (
    NAMESPACE,
    Remote,
    gcp_remote,
    parameter_store_remote,
    secrets_manager_remote,
)
from tests.conformance.eso_remotes_maps import (
    directory_remote,
    fake_remote,
    kubernetes_remote,
    openbao_remote,
    webhook_remote,
)
from tests.conformance.eso_rows import DOCKER_COMPACT, METADATA, VERSIONS, Row

__all__ = [
    "API_VERSION",
    "NAMESPACE",
    "STORES",
    "Lack",
    "Service",
    "store_manifest",
    "stores_with",
]

API_VERSION = "external-secrets.io/v1"

Form = Callable[[Row], Row]


def store_manifest(remote: Remote) -> dict[str, Any]:
    """Return the store that reads from a service."""
    return {
        "apiVersion": API_VERSION,
        "kind": "SecretStore",
        "metadata": {"name": "remote", "namespace": NAMESPACE},
        "spec": {"provider": remote.provider()},
    }


def _refs(row: Row, changed: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Row:
    """Return the row with its `data[].remoteRef` changed."""
    items = [{**item, "remoteRef": changed(item["remoteRef"])} for item in row.spec.get("data", ())]
    return replace(row, spec={**row.spec, **({"data": items} if items else {})})


def _in_maps(row: Row) -> Row:
    """A secret is a map: a plain text is its member `value`, and is asked for as that."""
    plain = {key for key, value in row.remote.items() if not value.startswith("{")}

    def changed(ref: Mapping[str, Any]) -> dict[str, Any]:
        whole = "property" not in ref and "metadataPolicy" not in ref and ref["key"] in plain
        return {**ref, **({"property": "value"} if whole else {})}

    return _refs(row, changed)


def _in_folders(root: str) -> Form:
    """A path is a folder, no beginning of a name: `e2e-find-one` is `e2e-find/one`.

    Args:
        root: what full names begin with; names that `find` gives begin with it too.
    """

    def folded(key: str) -> str:
        return root + key.replace("e2e-find-", "e2e-find/")

    def form(row: Row) -> Row:
        source = row.spec.get("dataFrom", [{}])[0]
        if "path" not in source.get("find", {}):
            return row
        find = {**source["find"], "path": root + source["find"]["path"]}
        return replace(
            row,
            remote={folded(key): value for key, value in row.remote.items()},
            tags={folded(key): tags for key, tags in row.tags.items()},
            spec={**row.spec, "dataFrom": [{**source, "find": find}]},
            wanted={folded(key).replace("/", "_"): row.wanted[key] for key in row.wanted},
        )

    return form


def _json_path(row: Row) -> Row:
    """The property is a part of `result.jsonPath`, which writes an index in brackets."""

    def changed(ref: Mapping[str, Any]) -> dict[str, Any]:
        named = ref.get("property", "").replace(".1.", "[1].")
        return {**ref, **({"property": named} if named else {})}

    return _refs(row, changed)


@dataclass(frozen=True, slots=True)
class Lack:
    """What a store cannot do.

    Args:
        why: the reason, by which External Secrets Operator cannot either.
        says: a part of the message that refuses it; empty where the field has no effect, as
            with External Secrets Operator.
    """

    why: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """One kind of store.

    Args:
        forms: say a row in the store's own words.
        otherwise: row → data that it gives instead of the row's, as the reference has it.
        lacks: row → why it has no means for that.
        built: needs a program that `make test` builds.
        tag: how `remoteRef.property` names a tag of the secret's metadata.
    """

    open: Callable[[Path], contextlib.AbstractContextManager[Remote]]
    forms: tuple[Form, ...] = ()
    otherwise: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lacks: Mapping[str, Lack] = field(default_factory=dict)
    built: bool = False
    tag: str = "team"

    def said(self, name: str, row: Row) -> Row:
        """Return the row as the store says it."""
        for form in self.forms:
            row = form(row)
        return replace(row, wanted=self.otherwise.get(name, row.wanted))


_DOCKER = {"DockerJSONConfig": {".dockerconfigjson": DOCKER_COMPACT}}
#: Numbers go through float64, and all is written anew by Go's rules.
_VAULT_MAP = {"name": "Tom", "price": "1.5", "on": "true", "tags": '["a","b"]', "nothing": ""}
_TAGS = ("FindByTag", "FindByTagWithPath")
_FINDS = (*_TAGS, "FindByName", "FindByNameAndRewrite", "FindByNameWithPath")

_FAKE_TAGS = Lack("values in a manifest have no tags; `find` goes by name only", "tags")
_FILE_TAGS = Lack("a file has no tags", "tags")
_NO_LIST = Lack("a webhook has no list; ESO implements no `find` there", "cannot list")

#: Name of a row's store → the store.
STORES: dict[str, Service] = {
    "aws-secrets-manager": Service(secrets_manager_remote),
    "aws-parameter-store": Service(parameter_store_remote, (_in_folders("/"),)),
    "gcp-secret-manager": Service(gcp_remote, tag="labels.team"),
    "openbao": Service(
        openbao_remote,
        (_in_maps, _in_folders("")),
        otherwise={**_DOCKER, "JSONDataFromSync": _VAULT_MAP},
    ),
    "kubernetes": Service(
        kubernetes_remote,
        (_in_maps,),
        lacks={VERSIONS: Lack("a Secret has one version; ESO does not look at the field")},
        built=True,
        tag="labels.team",
    ),
    "webhook": Service(
        webhook_remote,
        (_json_path,),
        otherwise=_DOCKER,
        lacks={
            **dict.fromkeys(_FINDS, _NO_LIST),
            METADATA: Lack("an answer has no metadata", "no metadata"),
        },
    ),
    "fake": Service(
        fake_remote,
        lacks={
            **dict.fromkeys(_TAGS, _FAKE_TAGS),
            METADATA: Lack("values in a manifest have no metadata", "metadata"),
        },
    ),
    "directory": Service(
        directory_remote,
        lacks={
            **dict.fromkeys(_TAGS, _FILE_TAGS),
            METADATA: Lack("what a file system keeps is not what `Fetch` asks for", "metadata"),
            VERSIONS: Lack("a file has the content that it has", "version"),
        },
    ),
}


def stores_with(name: str, *only: str, lack: bool = False) -> list[Any]:
    """Return the cases of a row: every store that has the means for it.

    Args:
        only: these stores and no other; none given is all.
        lack: those that lack the means instead.
    """
    return [
        pytest.param(
            store, name, id=f"{store}-{name}", marks=[pytest.mark.built] if service.built else []
        )
        for store, service in STORES.items()
        if (name in service.lacks) == lack and (not only or store in only)
    ]
