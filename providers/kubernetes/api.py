"""Requests to one API server about Secrets, and what its answers mean.

Neighbours: `store` and `pushing` ask; `providers.http` sends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from providers.base import (
    CallObserver,
    InvalidRef,
    LocalApi,
    MalformedSecret,
    ProviderError,
    SecretNotFound,
    Unavailable,
)
from providers.http import HttpAnswer, HttpClient, status_error

__all__ = ["KubeApi", "check_name"]

#: Entries of one page; each may carry 256 KiB of annotations, few do.
PAGE = 200
MAX_PAGES = 500

_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_REVIEWS = "/apis/authorization.k8s.io/v1"


def check_name(name: str) -> None:
    """Refuse what is no name of a Secret; whatever passes is a path segment as it is.

    Raises:
        InvalidRef: it is none.

    Source: Kubernetes, names of DNS subdomains.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise InvalidRef(
            "the key is not the name of a Secret",
            remedy="name a Secret of the remote namespace: small letters, digits, - and .",
        )


class KubeApi:
    """Requests in one identity, from any thread.

    Args:
        client: sends.
        headers: that say who asks.
        observe: is told of each request.
    """

    def __init__(
        self, client: HttpClient | LocalApi, headers: Mapping[str, str], observe: CallObserver
    ) -> None:
        self._client = client
        self._headers = dict(headers)
        self._observe = observe

    def get(self, namespace: str, name: str) -> Mapping[str, Any]:
        """Return one Secret.

        Raises:
            SecretNotFound: the API server says that it is absent.
            ProviderError: it could not be read.
        """
        return self._call("GetSecret", "GET", _path(namespace, name), f'Secret "{name}"')

    def list_metadata(self, namespace: str, labels: str = "") -> Iterator[Mapping[str, Any]]:
        """Yield the metadata of all Secrets, page by page; no values are sent.

        Args:
            labels: a label selector.

        Raises:
            ProviderError: the list failed, or is longer than can be.
        """
        query = {"limit": str(PAGE), **({"labelSelector": labels} if labels else {})}
        for _ in range(MAX_PAGES):
            page = self._page(namespace, query)
            # An empty list is written as null; what is no list at all has no such kind.
            items = page.get("items") or []
            if page.get("kind") != "PartialObjectMetadataList" or not isinstance(items, list):
                raise Unavailable("the API server's list is no list of metadata")
            for item in items:
                metadata = item.get("metadata") if isinstance(item, dict) else None
                if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
                    raise Unavailable("the API server's list holds what is no object")
                yield metadata
            more = (page.get("metadata") or {}).get("continue")
            if not more:
                return
            query["continue"] = str(more)
        raise InvalidRef(f"namespace {namespace} has more than {PAGE * MAX_PAGES} Secrets")

    def _page(self, namespace: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        target = f"{_path(namespace)}?{urlencode(query)}"
        what = f"the list of Secrets in {namespace}"
        try:
            return self._call("ListSecrets", "GET", target, what, accept=_METADATA_LIST)
        except MalformedSecret as exc:
            # Of no Secret in particular: the server will do better, or whoever mends it.
            problem = exc
        raise Unavailable(problem.message, remedy=problem.remedy)

    def create(self, namespace: str, secret: Mapping[str, Any]) -> None:
        """Create a Secret."""
        what = f'Secret "{secret["metadata"]["name"]}"'
        self._call("CreateSecret", "POST", _path(namespace), what, body=secret)

    def update(self, namespace: str, secret: Mapping[str, Any]) -> None:
        """Write a Secret over the one that was read: its resourceVersion says which."""
        name = secret["metadata"]["name"]
        self._call("UpdateSecret", "PUT", _path(namespace, name), f'Secret "{name}"', body=secret)

    def delete(self, namespace: str, secret: Mapping[str, Any]) -> None:
        """Delete the Secret that was read, and no other of its name."""
        meta = secret["metadata"]
        wanted = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": wanted}
        path = _path(namespace, meta["name"])
        self._call("DeleteSecret", "DELETE", path, f'Secret "{meta["name"]}"', body=body)

    def may_get(self, namespace: str) -> bool:
        """Ask whether this identity may get Secrets, be it only some.

        Raises:
            ProviderError: it cannot be asked.
        """
        rules = self._review("SelfSubjectRulesReview", {"namespace": namespace})
        if any(_gives_secrets(rule) for rule in rules.get("resourceRules") or ()):
            return True
        attributes = {"namespace": namespace, "verb": "get", "resource": "secrets"}
        access = self._review("SelfSubjectAccessReview", {"resourceAttributes": attributes})
        return access.get("allowed") is True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _review(self, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        body = {"kind": kind, "apiVersion": "authorization.k8s.io/v1", "spec": spec}
        path = f"{_REVIEWS}/{kind.lower()}s"
        status = self._call(f"Create{kind}", "POST", path, f"a {kind}", body=body).get("status")
        return status if isinstance(status, dict) else {}

    def _call(
        self,
        operation: str,
        method: str,
        target: str,
        what: str,
        *,
        body: Mapping[str, Any] | None = None,
        accept: str = "application/json",
    ) -> Mapping[str, Any]:
        headers = {**self._headers, "Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        sent = None if body is None else json.dumps(body).encode()
        try:
            answer = self._client.request(method, target, headers=headers, body=sent)
            if not answer.ok:
                raise _refusal(answer, what)
            found = _object(answer, what)
        except ProviderError as exc:
            self._observe(operation, "error")
            failed = exc
        else:
            self._observe(operation, "success")
            return found
        # An error may be kept for long; the frames it went through hold values.
        raise failed.with_traceback(None)


def _path(namespace: str, name: str = "") -> str:
    base = f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets"
    return f"{base}/{quote(name, safe='')}" if name else base


def _object(answer: HttpAnswer, what: str) -> Mapping[str, Any]:
    found = answer.json(what)
    if not isinstance(found, dict):
        raise MalformedSecret(f"{what} is no object")
    return found


def _refusal(answer: HttpAnswer, what: str) -> ProviderError:
    """Return the error of an answer; its own text is not shown, it may quote what was sent."""
    if answer.status == 404:
        if _is_absence(answer):
            return SecretNotFound(f"{what} does not exist", definite=True)
        # No API server's 404: something else answers at this address.
        return Unavailable(f"{what}: what answers is no API server", remedy="correct server.url")
    if answer.status == 409:
        return Unavailable(f"{what} was changed by somebody else meanwhile")
    if answer.status == 422:
        return InvalidRef(f"{what} is refused as invalid", remedy="see the names of its keys")
    return status_error(answer, what)


def _is_absence(answer: HttpAnswer) -> bool:
    try:
        status = answer.json("")
    except MalformedSecret:
        return False
    if not isinstance(status, dict) or status.get("kind") != "Status":
        return False
    details = status.get("details")
    kind = details.get("kind") if isinstance(details, dict) else ""
    return status.get("reason") == "NotFound" and kind in ("secrets", "namespaces")


def _gives_secrets(rule: Mapping[str, Any]) -> bool:
    def holds(field: str, wanted: str) -> bool:
        found = rule.get(field)
        return isinstance(found, list) and (wanted in found or "*" in found)

    groups = not rule.get("apiGroups") or holds("apiGroups", "")
    return groups and holds("resources", "secrets") and holds("verbs", "get")
