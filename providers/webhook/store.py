"""A webhook as a provider: one request for each thing that is read.

A webhook has no versions. Where it sends an ETag, `changes` asks with If-None-Match, and
an answer of 304 means unchanged; only the ETag is kept, never a value. A 304 to a read
gives nothing to write: it is an error of the kind that keeps what is there.

Source: External Secrets Operator 2.9, providers/v1/webhook.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from providers.base import (
    CallObserver,
    Changes,
    FindQuery,
    FoundSecret,
    InvalidRef,
    ProviderError,
    PushItem,
    PushRef,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from providers.http import HttpAnswer, status_error
from providers.metadata import content_version
from providers.parts import each_alone
from providers.showing import shown
from providers.webhook.requests import WebhookRequests

__all__ = ["WebhookStore"]

_NOT_MODIFIED = 304
_NOT_FOUND = 404
#: ETags that are kept; one that is lost costs one read.
_MAX_TAGS = 10_000


class WebhookStore:
    """One webhook with the Secrets of one store.

    Args:
        requests: make and send requests.
        reads: whether the block's method is one that changes nothing, so that `changes`
            may send it.
        observe: is told of each request.
        namespace: of the object that uses the store; `.remoteRef.namespace` of templates.
    """

    def __init__(
        self,
        requests: WebhookRequests,
        *,
        reads: bool,
        observe: CallObserver,
        namespace: str = "",
    ) -> None:
        self._requests = requests
        self._namespace = namespace.encode()
        self._reads = reads
        self._observe = observe
        self._lock = threading.Lock()
        #: Of the last read: the ETag, and our version of what came with it.
        self._tags: dict[SecretRef, tuple[str, str]] = {}
        self._pushed: dict[PushRef, str] = {}

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Put each ref alone: a webhook answers one."""
        return each_alone(refs)

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read refs; see `providers.base.Provider`."""
        return {ref: self._fetched(ref) for ref in refs}

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """Refuse, as ESO does.

        Raises:
            InvalidRef: always.
        """
        raise InvalidRef("a webhook store cannot list", remedy="name each key")

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Ask the webhook about those refs whose last answer had an ETag.

        Raises:
            Unavailable: it cannot be asked now.
        """
        changed: dict[SecretRef, str] = {}
        unchanged, unknown = set(), set()
        for ref, version in known.items():
            with self._lock:
                tag, read = self._tags.get(ref, ("", ""))
            if not tag or read != version or not self._reads:
                unknown.add(ref)
                continue
            answer = self._sent(ref, {"If-None-Match": tag})
            if answer.status == _NOT_MODIFIED:
                unchanged.add(ref)
            elif answer.ok:
                moved = content_version(self._requests.value(answer, self._remote(ref)))
                if moved == version:
                    unchanged.add(ref)
                else:
                    changed[ref] = moved
            else:
                unknown.add(ref)
        return Changes(changed, frozenset(unchanged), frozenset(unknown), "asked")

    def check(self, refs: Sequence[SecretRef]) -> None:
        """Read `refs`. Without any nothing is sent: no request is known to be harmless.

        Raises:
            ProviderError: the first problem found.
        """
        for ref in refs:
            answer = self._fetched(ref)
            if isinstance(answer, ProviderError):
                raise answer

    def close(self) -> None:
        """Close the connections."""
        self._requests.close()

    def push(self, item: PushItem) -> bool:
        """Send a value, once for each; see `providers.base.Writer`.

        A webhook cannot be asked what it holds. What this session pushed is not pushed
        again.
        """
        key, value = item.ref.remote_key, item.value.reveal()
        version = content_version(value)
        with self._lock:
            if self._pushed.get(item.ref) == version:
                return False
        remote = {
            "remoteKey": _bytes(key),
            "property": _bytes(item.ref.property),
            "secretKey": _bytes(item.secret_key),
            key: value,
        }
        try:
            answer = self._requests.send(remote, method="POST", default_body=value)
            if not answer.ok:
                raise status_error(answer, "the push")
        except ProviderError as exc:
            self._observe("PushSecret", "error")
            failed = exc
        else:
            self._observe("PushSecret", "success")
            with self._lock:
                self._pushed[item.ref] = version
            return True
        raise failed.with_traceback(None)

    def exists(self, ref: PushRef) -> bool:
        """Refuse: a webhook cannot be asked.

        Raises:
            InvalidRef: always.
        """
        raise InvalidRef(
            "a webhook cannot be asked what it holds", remedy="use updatePolicy: Replace"
        )

    def delete(self, ref: PushRef) -> bool:
        """Refuse: a webhook has no way to delete.

        Raises:
            InvalidRef: always.
        """
        raise InvalidRef("a webhook cannot delete", remedy="use deletionPolicy: None")

    def _fetched(self, ref: SecretRef) -> SecretValue | ProviderError:
        if ref.metadata:
            return InvalidRef("a webhook has no metadata", remedy="use metadataPolicy: None")
        try:
            return self._read(ref)
        except ProviderError as exc:
            # An error may be kept for long; the frames it went through hold values.
            return exc.with_traceback(None)

    def _read(self, ref: SecretRef) -> SecretValue:
        answer = self._sent(ref, {})
        if answer.status == _NOT_MODIFIED:
            raise Unavailable(
                f'"{shown(ref.key)}": the webhook says "not modified" and gives no value',
                remedy="what was written before is kept",
            )
        if answer.status == _NOT_FOUND:
            raise SecretNotFound(f'the webhook does not know "{shown(ref.key)}"', definite=True)
        if not answer.ok:
            raise status_error(answer, f'the webhook for "{shown(ref.key)}"')
        value = self._requests.value(answer, self._remote(ref))
        version = content_version(value)
        with self._lock:
            if len(self._tags) >= _MAX_TAGS:
                self._tags.clear()
            self._tags[ref] = (answer.headers.get("etag", ""), version)
        return SecretValue(SecretBytes(value), version)

    def _remote(self, ref: SecretRef) -> Mapping[str, bytes]:
        return {
            "key": _bytes(ref.key),
            "version": _bytes(ref.version),
            "property": _bytes(ref.property),
            "namespace": self._namespace,
        }

    def _sent(self, ref: SecretRef, headers: Mapping[str, str]) -> HttpAnswer:
        try:
            answer = self._requests.send(self._remote(ref), headers=headers)
        except ProviderError:
            self._observe("GetSecret", "error")
            raise
        failed = not answer.ok and answer.status not in (_NOT_MODIFIED, _NOT_FOUND)
        self._observe("GetSecret", "error" if failed else "success")
        return answer


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")
