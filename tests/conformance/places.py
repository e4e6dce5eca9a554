"""Rows 4 and 27 to 35: sealed in one place, put in another, and what comes of it.

The same table is held against the library, the real controller and our service.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sealing import Certificate, Scope, seal_secret, seal_value

__all__ = ["MOVES", "Move", "Place", "sealed_at"]

ANNOTATION = "sealedsecrets.bitnami.com/{}"
DATA = {"foo": b"bar"}


@dataclass(frozen=True)
class Place:
    """Where a test seals.

    Args:
        name: of the SealedSecret; no other test has it.
        elsewhere: another namespace.
        stranger: a certificate whose private key the opener has not.
    """

    certificate: Certificate
    stranger: Certificate
    namespace: str
    elsewhere: str
    name: str


@dataclass(frozen=True)
class Move:
    """One row.

    Args:
        change: makes the SealedSecret that is put in.
        wanted: the data of the Secret, None where there must be none.
    """

    row: str
    law: str
    change: Callable[[Place], dict[str, Any]]
    wanted: dict[str, bytes] | None


def sealed_at(
    place: Place, scope: Scope = Scope.STRICT, *, name: str = "", namespace: str = ""
) -> dict[str, Any]:
    """Seal DATA at the place, then say that it is at another."""
    data = {key: base64.b64encode(value).decode() for key, value in DATA.items()}
    secret = {"metadata": {"name": place.name, "namespace": place.namespace}, "data": data}
    sealed = seal_secret(secret, place.certificate, now=datetime.now(UTC), scope=scope)
    sealed["metadata"]["name"] = name or place.name
    sealed["metadata"]["namespace"] = namespace or place.namespace
    return sealed


def _moved(scope: Scope) -> Callable[[Place], dict[str, Any]]:
    return lambda place: sealed_at(place, scope, namespace=place.elsewhere)


def _renamed(scope: Scope) -> Callable[[Place], dict[str, Any]]:
    return lambda place: sealed_at(place, scope, name=f"{place.name}-new")


def _by_a_stranger(place: Place) -> dict[str, Any]:
    return sealed_at(replace(place, certificate=place.stranger))


def _scope_in_the_template(place: Place) -> dict[str, Any]:
    sealed = sealed_at(place, Scope.CLUSTER_WIDE, name=f"{place.name}-new")
    del sealed["metadata"]["annotations"]
    template = sealed["spec"]["template"]["metadata"]
    assert template["annotations"] == {ANNOTATION.format("cluster-wide"): "true"}
    return sealed


def _strict_with_scope_in_the_template(place: Place) -> dict[str, Any]:
    sealed = sealed_at(place)
    annotations = {ANNOTATION.format("cluster-wide"): "true"}
    sealed["spec"]["template"]["metadata"]["annotations"] = annotations
    return sealed


def _other_item_key(place: Place) -> dict[str, Any]:
    sealed = copy.deepcopy(sealed_at(place))
    items = sealed["spec"]["encryptedData"]
    items["renamed"] = items.pop("foo")
    return sealed


def _value_added(place: Place) -> dict[str, Any]:
    sealed = sealed_at(place)
    at = {"namespace": place.namespace, "name": place.name}
    added = seal_value(b"more", place.certificate, now=datetime.now(UTC), **at)
    sealed["spec"]["encryptedData"]["added"] = added
    return sealed


STRICT, NAMESPACE_WIDE, CLUSTER_WIDE = Scope

MOVES = (
    Move("004", "sealed for another cluster: refused", _by_a_stranger, None),
    Move("027", "strict, under another name: refused", _renamed(STRICT), None),
    Move("028", "strict, in another namespace: refused", _moved(STRICT), None),
    Move("029", "cluster-wide, under another name: opens", _renamed(CLUSTER_WIDE), DATA),
    Move("030", "cluster-wide, in another namespace: opens", _moved(CLUSTER_WIDE), DATA),
    Move("031", "namespace-wide, under another name: opens", _renamed(NAMESPACE_WIDE), DATA),
    Move("032", "namespace-wide, in another namespace: refused", _moved(NAMESPACE_WIDE), None),
    Move("033-a", "a scope in the template alone widens nothing", _scope_in_the_template, None),
    Move("033-b", "nor does it narrow", _strict_with_scope_in_the_template, DATA),
    Move("034", "an item key may be renamed", _other_item_key, {"renamed": b"bar"}),
    Move("035", "a value may be added", _value_added, {"foo": b"bar", "added": b"more"}),
)
