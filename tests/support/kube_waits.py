"""What an API server says before it goes by it: tests wait for the latter."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.kube_admin import KubeAdmin

__all__ = ["granted", "until_allowed", "watches_served"]

WAIT_S = 60.0
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def granted(
    admin: KubeAdmin,
    subject: Mapping[str, str],
    rules: Sequence[Mapping[str, Any]],
    namespace: str = "",
) -> None:
    """Grant, and wait until the grant counts: the server learns of it by a watch of its own.

    Args:
        subject: as `KubeAdmin.grant` takes it.
        rules: all of them count at once, so that the first one tells of the others.
        namespace: "" grants them cluster-wide.
    """
    admin.grant(subject, rules, namespace)
    rule = rules[0]
    resource, _, subresource = rule["resources"][0].partition("/")
    until_allowed(
        admin,
        subject,
        {
            "namespace": namespace,
            "verb": rule["verbs"][0],
            "group": rule["apiGroups"][0],
            "resource": resource,
            "subresource": subresource,
            "name": next(iter(rule.get("resourceNames", ())), ""),
        },
    )


def until_allowed(
    admin: KubeAdmin, subject: Mapping[str, str], attributes: Mapping[str, str]
) -> None:
    """Wait until the server lets a subject do what was granted.

    Args:
        attributes: `resourceAttributes` of a SubjectAccessReview.
    """
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {**_identity(subject), "resourceAttributes": dict(attributes)},
    }
    deadline = time.monotonic() + WAIT_S
    while not admin.request("POST", REVIEWS, review)["status"]["allowed"]:
        assert time.monotonic() < deadline, f"{subject} may not {attributes}"
        time.sleep(0.02)


def watches_served(admin: KubeAdmin, namespace: str) -> None:
    """Wait until a server that has just started serves Secrets from its cache, as it does watches.

    It is ready before, and sends watches away meanwhile.
    """
    path = f"/api/v1/namespaces/{namespace}/secrets"
    admin.request("GET", f"{path}?resourceVersion=0&limit=1")


def _identity(subject: Mapping[str, str]) -> dict[str, Any]:
    if subject["kind"] == "ServiceAccount":
        return {"user": f"system:serviceaccount:{subject['namespace']}:{subject['name']}"}
    if subject["kind"] == "Group":
        return {"user": "somebody", "groups": [subject["name"]]}
    return {"user": subject["name"]}
