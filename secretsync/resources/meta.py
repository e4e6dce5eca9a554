"""Metadata that every object has, and references between objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

__all__ = ["ObjectMeta", "ObjectRef", "Parent"]


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Kind, namespace ("" for cluster-scoped objects) and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where}"


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """The part of `metadata` that decisions use.

    `uid` is empty for an object that was read from a file: it does not live in a
    cluster, and nothing can point an owner reference at it.
    """

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    created_at: datetime | None = None
    deleted_at: datetime | None = None


class Parent(Protocol):
    """An object that a Secret is made from: an ExternalSecret or a SealedSecret."""

    @property
    def meta(self) -> ObjectMeta:
        """Its metadata."""
        ...

    @property
    def ref(self) -> ObjectRef:
        """Its own reference."""
        ...

    @property
    def live(self) -> bool:
        """Whether it lives in the target cluster; False for one of PATH."""
        ...

    @property
    def target_name(self) -> str:
        """The name of the Secret, which is in the same namespace."""
        ...

    @property
    def target_key(self) -> str:
        """What no two targets of a namespace have in common: a Secret's name, or more."""
        ...

    @property
    def creation_policy(self) -> str:
        """How it shares the Secret with others, in ExternalSecret's terms."""
        ...
