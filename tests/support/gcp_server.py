"""Secret Manager for tests: a gRPC server that speaks Google's own message types.

TLS with the run's own authority, on loopback. What it holds is in `gcp_account`; who may
call it is decided by `gcp_tokens`. Faults are injected by name until `heal`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.cloud.secretmanager_v1 import types
from google.protobuf import any_pb2, duration_pb2, empty_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from providers.gcp.checksum import crc32c
from tests.support.gcp_account import Account, Code, Refusal, State, canonical, moment
from tests.support.gcp_certificates import server_certificate
from tests.support.gcp_tokens import TokenServer

__all__ = ["GcpServer", "gcp_server", "padded"]

_SERVICE = "/google.cloud.secretmanager.v1.SecretManagerService/"
_PAGE_CAP = 25_000


class GcpServer(grpc.GenericRpcHandler):
    """The service, its tokens, and what goes wrong with them.

    Attributes:
        account: the project.
        tokens: the token services.
        calls: operation and resource of each call that arrived, in order.
        own_calls: how many of `calls` came from elsewhere than a provider.
    """

    def __init__(self) -> None:
        self._late_s = 0.0
        self.account = Account(lambda: time.time() + self._late_s)
        # Tokens grow old by the real clock, as those who hold them have no other.
        self.tokens = TokenServer(time.time)
        self.calls: list[tuple[str, str]] = []
        self.metadata: list[dict[str, str]] = []
        self._fault: Callable[[str, Any, bytes], bytes] | None = None
        self._faulty: frozenset[str] = frozenset()
        self._spoiled: dict[str, Callable[[Any, bytes], bytes]] = {}
        self._released = threading.Event()
        self._server = grpc.server(
            ThreadPoolExecutor(16, thread_name_prefix="gcp-server"),
            handlers=(self,),
            options=(("grpc.so_reuseport", 0),),
        )
        certificate, key = server_certificate()
        self.port = self._server.add_secure_port(
            "127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)])
        )
        self._server.start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def count(self, operation: str = "") -> int:
        """Return how many calls (of that operation) have arrived."""
        return sum(1 for name, _ in self.calls if operation in ("", name))

    def pass_time(self, seconds: float) -> None:
        """Move the service's clock."""
        self._late_s += seconds

    def stop(self) -> None:
        """End the server and wait for it."""
        self._released.set()
        self._server.stop(0).wait()
        self.tokens.stop()

    def inject(self, fault: Callable[[str, Any, bytes], bytes], *operations: str) -> None:
        """Let a fault make the answers, of these operations or of all, until `heal`."""
        self._fault, self._faulty = fault, frozenset(operations)

    def spoil(self, key: str, wrong: Callable[[Any, bytes], bytes]) -> None:
        """Answer reads of one secret's value wrongly, until `heal`.

        Args:
            wrong: gets the context of the call and the true answer.
        """
        self._spoiled[key] = wrong

    def heal(self) -> None:
        """Work again."""
        self._fault = None
        self._spoiled.clear()

    def throttle(self, retry_after_s: float | None, *operations: str) -> None:
        def fault(operation: str, context: Any, answer: bytes) -> bytes:
            details = []
            if retry_after_s is not None:
                delay = duration_pb2.Duration()
                delay.FromNanoseconds(int(retry_after_s * 1e9))
                details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
            _abort(context, code_pb2.RESOURCE_EXHAUSTED, "Quota exceeded", details)
            return answer

        self.inject(fault, *operations)

    def fail(self, *operations: str, code: grpc.StatusCode = Code.INTERNAL) -> None:
        def fault(operation: str, context: Any, answer: bytes) -> bytes:
            context.abort(code, f"internal trouble near {answer!r}")
            return answer

        self.inject(fault, *operations)

    def garble(self, *operations: str) -> None:
        self.inject(lambda *_: b"<html><body>502 Bad Gateway</body></html>", *operations)

    def cut_off(self, *operations: str) -> None:
        self.inject(lambda _, __, answer: answer[: len(answer) * 2 // 3], *operations)

    def hang(self, *operations: str) -> None:
        def fault(operation: str, context: Any, answer: bytes) -> bytes:
            self._released.wait(30)
            return answer

        self.inject(fault, *operations)

    def pad(self, size: int, *operations: str) -> None:
        """Answer with so many bytes more, in a field that nobody knows."""
        self.inject(lambda _, __, answer: padded(answer, size), *operations)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return what serves a method (gRPC asks for each call)."""
        operation = details.method.removeprefix(_SERVICE)
        method = getattr(self, f"_{operation}", None)
        if not details.method.startswith(_SERVICE) or method is None:
            return None
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._serve(operation, method, request, context)
        )

    def _serve(self, operation: str, method: Any, raw: bytes, context: Any) -> bytes:
        request = getattr(types, f"{operation}Request").deserialize(raw)
        resource = getattr(request, "name", "") or getattr(request, "parent", "")
        resource = resource or request.secret.name
        headers = {name: str(value) for name, value in context.invocation_metadata()}
        with self.account.lock:
            self.calls.append((operation, resource))
            self.metadata.append(headers)
        try:
            self._admit(operation, resource, headers)
            answer = method(request)
        except Refusal as refusal:
            details = []
            if refusal.reason:
                details.append(_packed(error_details_pb2.ErrorInfo(reason=refusal.reason)))
            number = refusal.code.value[0]
            if self._fault is None or (self._faulty and operation not in self._faulty):
                _abort(context, number, refusal.text, details)
            answer = empty_pb2.Empty()
        plain = answer if isinstance(answer, empty_pb2.Empty) else type(answer).pb(answer)
        out = plain.SerializeToString()
        if self._fault is not None and (not self._faulty or operation in self._faulty):
            return self._fault(operation, context, out)
        key = resource.partition("/secrets/")[2].partition("/")[0]
        if operation == "AccessSecretVersion" and key in self._spoiled:
            return self._spoiled[key](context, out)
        return bytes(out)

    def _admit(self, operation: str, resource: str, headers: dict[str, str]) -> None:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if not self.tokens.knows(token):
            raise Refusal(Code.UNAUTHENTICATED, "Request had invalid authentication credentials.")
        routing = "name=" if "/secrets/" in resource else "parent="
        if "x-goog-request-params" not in headers or not headers["x-goog-request-params"]:
            raise Refusal(Code.INVALID_ARGUMENT, f"no routing header {routing}")
        self.account.spend(operation)
        self.account.allow(operation, resource)

    def _AccessSecretVersion(self, request: Any) -> Any:  # noqa: N802 - Google's name
        version = self.account.version(request.name)
        if version.state is not State.ENABLED:
            raise Refusal(
                Code.FAILED_PRECONDITION,
                f"Secret Version [{request.name}] is in {version.state.name} state.",
            )
        return types.AccessSecretVersionResponse(
            name=f"{canonical(request.name)}/versions/{version.number}",
            payload={"data": version.data, "data_crc32c": version.checksum},
        )

    def _GetSecretVersion(self, request: Any) -> Any:  # noqa: N802 - Google's name
        return _told(request.name, self.account.version(request.name))

    def _ListSecretVersions(self, request: Any) -> Any:  # noqa: N802 - Google's name
        secret = self.account.secret(request.parent)
        wanted = request.filter.removeprefix("state:")
        found = [
            _told(request.parent, one)
            for one in reversed(secret.versions)
            if wanted in ("", one.state.name)
        ]
        page, token = _page(found, request)
        return types.ListSecretVersionsResponse(versions=page, next_page_token=token)

    def _GetSecret(self, request: Any) -> Any:  # noqa: N802 - Google's name
        return self.account.secret(request.name).resource

    def _ListSecrets(self, request: Any) -> Any:  # noqa: N802 - Google's name
        parent = canonical(request.parent)
        found = [
            one.resource
            for name, one in sorted(self.account.secrets.items())
            if name.rpartition("/secrets/")[0] == parent and _passes(request.filter, one.resource)
        ]
        page, token = _page(found, request)
        return types.ListSecretsResponse(secrets=page, next_page_token=token)

    def _CreateSecret(self, request: Any) -> Any:  # noqa: N802 - Google's name
        return self.account.create(request.parent, request.secret_id, request.secret).resource

    def _AddSecretVersion(self, request: Any) -> Any:  # noqa: N802 - Google's name
        payload = request.payload
        if payload.data_crc32c and payload.data_crc32c != crc32c(payload.data):
            raise Refusal(Code.INVALID_ARGUMENT, "the checksum does not match")
        return _told(request.parent, self.account.add(request.parent, payload.data))

    def _UpdateSecret(self, request: Any) -> Any:  # noqa: N802 - Google's name
        stored = self.account.secret(request.secret.name)
        if request.secret.etag and request.secret.etag != stored.resource.etag:
            raise Refusal(Code.FAILED_PRECONDITION, "the etag does not match")
        for path in request.update_mask.paths:
            if path not in ("labels", "annotations", "topics"):
                raise Refusal(Code.INVALID_ARGUMENT, f"cannot update {path}")
            setattr(stored.resource, path, getattr(request.secret, path))
        stored.touch()
        return stored.resource

    def _DeleteSecret(self, request: Any) -> Any:  # noqa: N802 - Google's name
        stored = self.account.secret(request.name)
        if request.etag and request.etag != stored.resource.etag:
            raise Refusal(Code.FAILED_PRECONDITION, "the etag does not match")
        self.account.delete(request.name)
        return empty_pb2.Empty()


@contextmanager
def gcp_server() -> Iterator[GcpServer]:
    """Serve until the block ends."""
    server = GcpServer()
    try:
        yield server
    finally:
        server.stop()


def padded(answer: bytes, size: int) -> bytes:
    """Return an answer with so many bytes more, in a field that nobody knows."""
    return answer + b"\xfa\x7f" + _varint(size) + bytes(size)


def _told(resource: str, version: Any) -> Any:
    return types.SecretVersion(
        name=f"{canonical(resource)}/versions/{version.number}",
        state=version.state,
        create_time=moment(version.created_at),
        etag=f'"{version.number:x}"',
    )


def _page(found: list[Any], request: Any) -> tuple[list[Any], str]:
    start = int(request.page_token or 0)
    size = min(request.page_size or _PAGE_CAP, _PAGE_CAP)
    end = start + size
    return found[start:end], str(end) if end < len(found) else ""


def _passes(text: str, secret: Any) -> bool:
    key = secret.name.rpartition("/")[2]
    for term in filter(None, re.split(r"\s+AND\s+|\s+", text)):
        if label := re.fullmatch(r"labels\.([^=]+)=(.*)", term):
            if secret.labels.get(label[1]) != label[2]:
                return False
        elif name := re.fullmatch(r"name:(.*)", term):
            if name[1] not in key:
                return False
        else:
            raise Refusal(Code.INVALID_ARGUMENT, "Invalid filter.")
    return True


def _packed(detail: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def _abort(context: Any, code: int, text: str, details: list[any_pb2.Any]) -> None:
    status = status_pb2.Status(code=code, message=text, details=details)
    context.abort_with_status(rpc_status.to_status(status))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
