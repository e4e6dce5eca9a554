"""Sorts of ExternalSecret that a cluster of External Secrets Operator holds.

eso_story.py puts each of them in twice: once for theirs, once for ours to sync first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["CLUSTER_STORE", "GENERATOR", "KEYS", "SORTS", "TEXTS", "Sort", "name_of"]

CLUSTER_STORE = "aws"
GENERATOR = "made-up"
#: What both stores hold.
KEYS = {
    "app/db": '{"user":"app","password":"hunter2","port":5432,"note":"a<b>&c","on":true}',
    "app/api": '{"token":"t0ken","url":"https://api.example.com"}',
    "app/plain": "just text\nin lines",
}
#: A ConfigMap that templates come from.
TEXTS = {"name": "texts", "data": {"config.ini": "user={{ .user }}\npassword={{ .password }}\n"}}

_LABELS = {"app.kubernetes.io/name": "shop", "tier": "web"}
_ANNOTATIONS = {"example.com/owner": "team-a", "note": "two\nlines"}


@dataclass(frozen=True)
class Sort:
    """One sort of ExternalSecret.

    Args:
        spec: fields of `spec`, on top of a store and one property.
        length: of its name; 0 where that does not matter.
        before: the Secret that is there first.
    """

    spec: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    length: int = 0
    before: dict[str, Any] | None = None


def _target(**fields: Any) -> Sort:
    return Sort({"target": fields})


def _template(**fields: Any) -> Sort:
    extract = [{"extract": {"key": "app/db"}}]
    return Sort({"data": None, "dataFrom": extract, "target": {"template": fields}})


def _from(*items: dict[str, Any], **target: Any) -> Sort:
    return Sort({"data": None, "dataFrom": [*items], **({"target": target} if target else {})})


#: Old releases know this default by their CRD alone.
_CONVERTED = {"conversionStrategy": "Default"}
_FAKE = {"secretStoreRef": {"name": "fake", "kind": "SecretStore"}}
_THERE = {"data": {"foreign": "eA=="}}
_CONFIG = {"configMap": {"name": TEXTS["name"], "items": [{"key": "config.ini"}]}}
_LITERAL = {"literal": 'made: {{ .user }}\nport: "{{ .port }}"\n'}

SORTS = {
    "owner": Sort(),
    "orphan": _target(creationPolicy="Orphan"),
    "merge": Sort({"target": {"creationPolicy": "Merge"}}, before=_THERE),
    "none": _target(creationPolicy="None"),
    "deleted-with": _target(deletionPolicy="Delete"),
    "immutable": _target(immutable=True),
    "copied": Sort(metadata={"labels": _LABELS, "annotations": _ANNOTATIONS}),
    "extracted": _from({"extract": {"key": "app/db"}}),
    "merged": _from({"extract": {"key": "app/db"}}, {"extract": {"key": "app/api"}}),
    "found": _from({"find": {"name": {"regexp": "^app/"}, **_CONVERTED}}),
    "rewritten": _from(
        {"extract": {"key": "app/db"}, "rewrite": [{"regexp": {"source": "^", "target": "db_"}}]}
    ),
    "whole": Sort({"data": [{"secretKey": "all", "remoteRef": {"key": "app/plain"}}]}),
    "generated": _from(
        {
            "sourceRef": {
                "generatorRef": {
                    "apiVersion": "generators.external-secrets.io/v1alpha1",
                    "kind": "Fake",
                    "name": GENERATOR,
                }
            }
        }
    ),
    "templated": _template(data={"url": "pg://{{ .user }}:{{ .password }}@db:{{ .port }}"}),
    "template-merged": _template(
        mergePolicy="Merge", data={"upper": "{{ .user | upper | b64enc }}"}
    ),
    "template-typed": _template(type="example.com/login"),
    "template-labelled": _template(
        metadata={"labels": {"user": "{{ .user }}"}, "annotations": _ANNOTATIONS}
    ),
    "template-from": _template(templateFrom=[_CONFIG, _LITERAL]),
    "template-of-metadata": _template(
        templateFrom=[{"target": "Annotations", "literal": "who: {{ .user }}"}]
    ),
    "fake": Sort(_FAKE),
    "fake-found": Sort(
        {
            **_FAKE,
            "data": None,
            "dataFrom": [{"find": {"name": {"regexp": "app"}, **_CONVERTED}}],
        }
    ),
    "never-again": Sort({"refreshInterval": "0s"}),
    "long-28": Sort(length=28),
    "long-63": Sort(length=63, metadata={"labels": _LABELS}),
    "long-90": Sort(length=90, metadata={"labels": _LABELS}),
}


def name_of(sort: str, first: str) -> str:
    """Return the name of the ExternalSecret of a sort, by who syncs it first."""
    return f"{first}-{sort}".ljust(SORTS[sort].length, "x")
