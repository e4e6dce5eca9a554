"""A rollback that holds: an Application pinned to an entry of its history. Pure.

The pin is an annotation of ours on the Application. While it is there, its revisions and
sources count instead of those of the spec, and ExternalSecrets are pinned to the versions
that they had then. It ends when a source resolves to something else than at the rollback,
which is the next commit, when the spec's sources change, or by `app rollback --release`.
Neighbours: `history` has the entries, `app_loop` asks `wanted` before it renders.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from secretsync.gitops.model import Object
from secretsync.gitops.sources.revisions import short_revision
from secretsync.gitops.status.history import Versions, revisions_of
from secretsync.gitops.status.operation_status import raw_sources, sources_digest
from secretsync.resources.application import Application, parse_application
from secretsync.resources.documents import Document, Origin

__all__ = ["PIN", "Pin", "ended", "pin_of", "pin_text", "pinned_app", "pinned_objects"]

PIN = "secretsync.io/rollback"


@dataclass(frozen=True, slots=True)
class Pin:
    """What an Application is held at.

    Args:
        number: id of the entry of the history.
        revisions: of that entry.
        sources: `{"source": …}` or `{"sources": […]}` of that entry.
        left: revisions that the spec resolved to when it was rolled back.
        spec: digest of the spec's sources when it was rolled back.
        versions: Secret as NAMESPACE/NAME → source → version at the provider.
    """

    number: int
    revisions: tuple[str, ...]
    sources: Mapping[str, Any]
    left: tuple[str, ...]
    spec: str
    versions: Versions = field(default_factory=dict)

    @classmethod
    def at(
        cls,
        entry: Mapping[str, Any],
        app: Application,
        *,
        resolved: Iterable[str],
        versions: Versions,
    ) -> Pin:
        """Return the pin to an entry of the history.

        Args:
            entry: of `status.history`.
            resolved: what the sources of the spec are at now.
            versions: the Secrets' versions of that entry.
        """
        names = ("sources",) if entry.get("sources") else ("source",)
        return cls(
            number=int(entry.get("id") or 0),
            revisions=revisions_of(entry),
            sources={name: entry[name] for name in names if entry.get(name)},
            left=tuple(resolved),
            spec=sources_digest(raw_sources(app)),
            versions=versions,
        )

    def __str__(self) -> str:
        short = ", ".join(map(short_revision, self.revisions))
        return f"rolled back to entry {self.number} of the history ({short})"


def pin_of(app: Application) -> Pin | None:
    """Return the pin of an Application; None without one, or where it is unreadable."""
    try:
        raw = json.loads(app.meta.annotations.get(PIN) or "null")
        if raw is None:
            return None
        return Pin(
            number=int(raw["id"]),
            revisions=tuple(map(str, raw["revisions"])),
            sources=dict(raw["sources"]),
            left=tuple(map(str, raw["left"])),
            spec=str(raw["spec"]),
            versions=dict(raw.get("secrets") or {}),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def pin_text(pin: Pin) -> str:
    """Return the annotation's text."""
    raw = {
        "id": pin.number,
        "revisions": pin.revisions,
        "sources": pin.sources,
        "left": pin.left,
        "spec": pin.spec,
        "secrets": pin.versions,
    }
    return json.dumps(raw, separators=(",", ":"))


def ended(pin: Pin, app: Application, resolved: Iterable[str]) -> bool:
    """Return whether a new commit, or an edit of the sources, has ended the pin.

    Args:
        resolved: what the sources of the spec are at now.
    """
    return pin.left != tuple(resolved) or pin.spec != sources_digest(raw_sources(app))


def pinned_app(app: Application, pin: Pin) -> Application:
    """Return the Application with the sources of its pin, as it was deployed then."""
    raw = copy.deepcopy(dict(app.raw))
    spec = {k: v for k, v in (raw.get("spec") or {}).items() if k not in ("source", "sources")}
    raw["spec"] = {**spec, **copy.deepcopy(dict(pin.sources))}
    parsed = parse_application(
        Document(raw, Origin(str(app.ref))), default_namespace=app.meta.namespace
    )
    return app if parsed.value is None else replace(parsed.value, live=app.live)


def pinned_objects(objects: Iterable[Object], pin: Pin, *, namespace: str) -> list[Object]:
    """Return the objects, ExternalSecrets with the versions that they had.

    Args:
        namespace: of objects that name none.
    """
    return [_pinned(obj, pin, namespace) for obj in objects]


def _pinned(obj: Object, pin: Pin, namespace: str) -> Object:
    group = str(obj.get("apiVersion", "")).partition("/")[0]
    if obj.get("kind") != "ExternalSecret" or group != "external-secrets.io":
        return obj
    meta, spec = obj.get("metadata") or {}, obj.get("spec") or {}
    target = (spec.get("target") or {}).get("name") or meta.get("name")
    versions = pin.versions.get(f"{meta.get('namespace') or namespace}/{target}")
    if not versions:
        return obj
    copied = copy.deepcopy(obj)
    store = copied["spec"].get("secretStoreRef") or {}
    for each in copied["spec"].get("data") or ():
        own = (each.get("sourceRef") or {}).get("storeRef") or store
        _fix(each.get("remoteRef"), own, versions)
    for each in copied["spec"].get("dataFrom") or ():
        own = (each.get("sourceRef") or {}).get("storeRef") or store
        _fix(each.get("extract"), own, versions)
    return copied


def _fix(ref: Any, store: Mapping[str, Any], versions: Mapping[str, str]) -> None:
    """Name the version of one reference, where it names none and one is known."""
    if not isinstance(ref, dict) or ref.get("version"):
        return
    rest = "#metadata" if ref.get("metadataPolicy") == "Fetch" else ""
    rest = rest or (f"#{ref['property']}" if ref.get("property") else "")
    prefix = f"{store.get('kind') or 'SecretStore'}/{store.get('name')}:{ref.get('key')}"
    version = versions.get(f"{prefix}{rest}") or versions.get(prefix)
    if version:
        ref["version"] = version
