"""Secrets of one remote namespace as a provider.

A Secret's payload is the JSON object of its data as texts. Bytes that are not UTF-8 stand
in it as lone surrogates (PEP 383), and come out as they were. The version is the
resourceVersion, which moves with labels too: that costs a read, and no write.

Differences from External Secrets Operator: a Secret that is absent counts as absent for
`data` as it does for `dataFrom`; metadata lacks the annotation in which kubectl keeps a
copy of the values. As there, a reference's version is not looked at, a Secret has one.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from providers.base import (
    AccessDenied,
    Changes,
    FindQuery,
    FoundSecret,
    MalformedSecret,
    ProviderError,
    SecretBytes,
    SecretRef,
    SecretValue,
)
from providers.kubernetes.api import KubeApi, check_name
from providers.kubernetes.pushing import Pusher
from providers.metadata import metadata_json
from providers.parts import PushesByWriter, raise_first

__all__ = ["KubernetesStore"]

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_DENIED = "denied"


class KubernetesStore(PushesByWriter):
    """One namespace of one API server, for one identity.

    Args:
        api: sends.
        namespace: whose Secrets are read.
        other_namespaces: whether a push may name another namespace.
    """

    def __init__(self, api: KubeApi, namespace: str, *, other_namespaces: bool = False) -> None:
        self._api = api
        self._namespace = namespace
        self._writer = Pusher(api, namespace, other_namespaces=other_namespaces)

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Put each Secret alone, its values and its metadata together: one get gives both."""
        groups: dict[str, list[SecretRef]] = {}
        for ref in dict.fromkeys(refs):
            groups.setdefault(ref.key, []).append(ref)
        return list(groups.values())

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read refs; see `providers.base.Provider`."""
        answers: dict[SecretRef, SecretValue | ProviderError] = {}
        for group in self.pack(refs):
            try:
                check_name(group[0].key)
                secret = self._api.get(self._namespace, group[0].key)
                answers |= {ref: _value(ref, secret) for ref in group}
            except ProviderError as exc:
                answers |= dict.fromkeys(group, exc.with_traceback(None))
        return answers

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List by name and labels; `path` is what names begin with.

        Raises:
            ProviderError: the listing failed.
        """
        selector = ",".join(f"{name}={value}" for name, value in query.tags)
        return [
            FoundSecret(name, SecretRef(name, listed=True))
            for metadata in self._api.list_metadata(self._namespace, selector)
            if (name := metadata["name"]).startswith(query.path)
            and query.matches(name)
            and _has(metadata, query.tags)
        ]

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Compare resourceVersions by one list of metadata.

        An identity that may not list is not asked again before the next full sweep.

        Raises:
            Unavailable: the API server cannot be asked now.
        """
        if not known or watermark == _DENIED:
            return Changes({}, frozenset(), frozenset(known), watermark)
        try:
            seen = {
                metadata["name"]: metadata.get("resourceVersion", "")
                for metadata in self._api.list_metadata(self._namespace)
            }
        except AccessDenied:
            return Changes({}, frozenset(), frozenset(known), _DENIED)
        changed: dict[SecretRef, str] = {}
        unchanged, unknown = set(), set()
        for ref, version in known.items():
            now = seen.get(ref.key)
            if not now:
                unknown.add(ref)
            elif now == version:
                unchanged.add(ref)
            else:
                changed[ref] = now
        return Changes(changed, frozenset(unchanged), frozenset(unknown), "listed")

    def check(self, refs: Sequence[SecretRef]) -> None:
        """Ask the API server whether this identity may get Secrets, and read `refs`.

        Raises:
            ProviderError: the first problem found.
        """
        if not refs and not self._api.may_get(self._namespace):
            raise AccessDenied(
                f"this identity may not get Secrets in namespace {self._namespace}",
                remedy="bind a Role with get on secrets to it",
            )
        raise_first(self.fetch(refs))

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def _value(ref: SecretRef, secret: Mapping[str, Any]) -> SecretValue:
    metadata = secret.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or metadata.get("name") != ref.key or not version:
        raise MalformedSecret(f'the answer for Secret "{ref.key}" is another object')
    if ref.metadata:
        return SecretValue(SecretBytes(_described(metadata)), str(version))
    return SecretValue(SecretBytes(_payload(ref.key, secret)), str(version))


def _described(metadata: Mapping[str, Any]) -> bytes:
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop(_LAST_APPLIED, None)
    return metadata_json({"labels": metadata.get("labels") or {}, "annotations": annotations})


def _payload(name: str, secret: Mapping[str, Any]) -> bytes:
    data = secret.get("data") or {}
    texts: dict[str, str] = {}
    try:
        for key, value in sorted(data.items()):
            content = base64.b64decode(value or "", validate=True)
            texts[key] = content.decode(errors="surrogateescape")
    except (AttributeError, TypeError, binascii.Error, ValueError):
        texts = {}
    # Outside of the handler: its frames hold values.
    if len(texts) != len(data):
        raise MalformedSecret(f'Secret "{name}" holds what is no data')
    return json.dumps(texts).encode()


def _has(metadata: Mapping[str, Any], tags: tuple[tuple[str, str], ...]) -> bool:
    """Return whether the labels are there: a selector with odd characters may mean more."""
    labels = metadata.get("labels") or {}
    return all(labels.get(name) == value for name, value in tags)
