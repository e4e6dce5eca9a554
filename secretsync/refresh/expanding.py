"""ClusterExternalSecrets and ClusterPushSecrets of PATH → what they make, for one run.

What is made is not stored, as nothing of PATH is: it is planned and synced as if the files
had held it. The namespaces are those of PATH and of the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ClusterError, NotFound
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import ExternalSecret, parse_external_secret
from secretsync.resources.manifests import Manifests
from secretsync.resources.meta import ObjectRef
from secretsync.resources.problems import Problem
from secretsync.resources.provisioner import Provisioner, child_origin
from secretsync.resources.push_secret import PushSecret, parse_push_secret

__all__ = ["expanded"]

Child = ExternalSecret | PushSecret


def expanded(manifests: Manifests, cluster: Cluster) -> Manifests:
    """Return the manifests with everything that their makers make.

    A name that PATH itself uses is never taken over: that is a problem of the maker.
    """
    if not manifests.provisioners:
        return manifests
    problems: list[Problem] = []
    namespaces = _namespaces(manifests, cluster, problems)
    own = {item.ref for item in manifests.external_secrets}
    own |= {item.ref for item in manifests.push_secrets}
    made: dict[ObjectRef, Child] = {}
    origins = dict(manifests.origins)
    for item in manifests.provisioners:
        origin = child_origin(item.kind, manifests.origins[item.ref])
        for namespace, labels in sorted(namespaces.items()):
            if not item.selects(namespace, labels):
                continue
            child = _child(item, namespace, origin)
            if child.ref in own or child.ref in made:
                problems.append(_taken(item, child.ref, manifests.origins[item.ref]))
                continue
            made[child.ref] = child
            origins[child.ref] = origin
    children = list(made.values())
    return replace(
        manifests,
        external_secrets=(
            *manifests.external_secrets,
            *(child for child in children if isinstance(child, ExternalSecret)),
        ),
        push_secrets=(
            *manifests.push_secrets,
            *(child for child in children if isinstance(child, PushSecret)),
        ),
        problems=(*manifests.problems, *problems),
        origins=origins,
    )


def _namespaces(
    manifests: Manifests, cluster: Cluster, problems: list[Problem]
) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    try:
        for obj in cluster.list(KINDS["Namespace"]).items:
            metadata: dict[str, Any] = obj.get("metadata") or {}
            found[metadata.get("name", "")] = metadata.get("labels") or {}
    except NotFound:
        found = {}
    except ClusterError as exc:
        problems.append(
            Problem(
                f"namespaces cannot be listed, so those of PATH are all there are: {exc.message}",
                remedy=exc.remedy,
                file=cluster.name,
            )
        )
    return found | {each.meta.name: each.meta.labels for each in manifests.namespaces}


def _child(item: Provisioner, namespace: str, origin: Origin) -> Child:
    document = Document(item.child(namespace), origin)
    child: Child | None
    if item.child_kind == "ExternalSecret":
        child = parse_external_secret(document, default_namespace=namespace).value
    else:
        child = parse_push_secret(document, default_namespace=namespace).value
    if child is None:
        raise AssertionError("parse_provisioner lets no child pass that cannot be used")
    return child


def _taken(item: Provisioner, ref: ObjectRef, origin: Origin) -> Problem:
    return Problem(
        f"{ref} is given by PATH already, and stays as it is",
        remedy="give one of the two another name",
        object=str(item.ref),
        file=origin.file,
        line=origin.line_of(()),
    )
