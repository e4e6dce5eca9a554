"""A Google Secret Manager of one's own: as much of its gRPC API as reading needs.

Google gives no emulator. This one speaks Google's own messages, and beside it a metadata
server gives out tokens as that of a machine at Google does, which is where Application
Default Credentials look for them. Neighbour: `demo_stores` puts values in.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc  # type: ignore[import-untyped]  # ships no types
from google.cloud.secretmanager_v1 import types

from providers.gcp.checksum import crc32c

__all__ = ["PROJECT", "EmbeddedGoogle", "embedded_google"]

PROJECT = "example-project"
_SERVICE = "/google.cloud.secretmanager.v1.SecretManagerService/"
_ACCOUNT = f"reader@{PROJECT}.iam.gserviceaccount.com"
_LIFETIME_S = 3600


class EmbeddedGoogle(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """One project's secrets, for whoever brings the metadata server's token."""

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(24)
        self._versions: dict[str, list[tuple[bytes, datetime]]] = {}
        self._server = grpc.server(
            ThreadPoolExecutor(4), handlers=(self,), options=(("grpc.so_reuseport", 0),)
        )
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._metadata = ThreadingHTTPServer(("127.0.0.1", 0), _metadata_handler(self._token))
        self._thread = threading.Thread(target=self._metadata.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self._port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that point secretsync at both servers."""
        metadata = f"127.0.0.1:{self._metadata.server_address[1]}"
        return {
            "GCP_SECRETMANAGER_ENDPOINT": self.url,
            "GCE_METADATA_HOST": metadata,
            "GCE_METADATA_IP": metadata,
            "GCE_METADATA_ROOT": metadata,
            "CLOUDSDK_CONFIG": "/nonexistent",
            "NO_PROXY": "127.0.0.1",
        }

    def put(self, key: str, properties: Mapping[str, str]) -> None:
        """Create a secret, or add a version to it."""
        payload = json.dumps(dict(properties)).encode()
        self._versions.setdefault(key, []).append((payload, datetime.now(UTC)))

    def start(self) -> None:
        """Serve."""
        self._server.start()
        self._thread.start()

    def stop(self) -> None:
        """End both servers and wait for them."""
        self._server.stop(0).wait()
        self._metadata.shutdown()
        self._thread.join()
        self._metadata.server_close()

    def service(self, details: Any) -> Any:
        """Return what serves a method; gRPC asks for each call."""
        operation = details.method.removeprefix(_SERVICE)
        answers = {
            "AccessSecretVersion": self._access,
            "GetSecretVersion": self._describe,
            "GetSecret": self._secret,
            "ListSecrets": self._list,
        }
        if operation not in answers:
            return None
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._serve(answers[operation], request, context),
            request_deserializer=getattr(types, f"{operation}Request").deserialize,
            response_serializer=lambda answer: type(answer).serialize(answer),
        )

    def _serve(self, answer: Any, request: Any, context: Any) -> Any:
        sent = dict(context.invocation_metadata()).get("authorization", "")
        if not secrets.compare_digest(sent, f"Bearer {self._token}"):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no valid token")
        try:
            return answer(request)
        except LookupError:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such secret or version")

    def _found(self, name: str) -> tuple[str, bytes, datetime]:
        """Return a version's full name, payload and date."""
        secret, _, asked = name.partition("/versions/")
        versions = self._versions[secret.rpartition("/")[2]]
        number = len(versions) if asked == "latest" else int(asked)
        payload, created = versions[number - 1]
        return f"{secret}/versions/{number}", payload, created

    def _access(self, request: Any) -> Any:
        name, payload, _ = self._found(request.name)
        body = {"data": payload, "data_crc32c": crc32c(payload)}
        return types.AccessSecretVersionResponse(name=name, payload=body)

    def _describe(self, request: Any) -> Any:
        name, _, created = self._found(request.name)
        enabled = types.SecretVersion.State.ENABLED
        return types.SecretVersion(name=name, state=enabled, create_time=created)

    def _secret(self, request: Any) -> Any:
        _, _, created = self._found(f"{request.name}/versions/1")
        return types.Secret(name=request.name, create_time=created)

    def _list(self, request: Any) -> Any:
        names = [f"{request.parent}/secrets/{key}" for key in sorted(self._versions)]
        return types.ListSecretsResponse(secrets=[types.Secret(name=name) for name in names])


def _metadata_handler(token: str) -> type[BaseHTTPRequestHandler]:
    account = "/computeMetadata/v1/instance/service-accounts/"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            kind, body = "application/json", "{}"
            if path.startswith(account) and path.endswith("/token"):
                grant = {"access_token": token, "expires_in": _LIFETIME_S, "token_type": "Bearer"}
                body = json.dumps(grant)
            elif path.startswith(account):
                body = json.dumps({"email": _ACCOUNT, "scopes": [], "aliases": ["default"]})
            elif path.endswith("/project/project-id"):
                kind, body = "text/plain", PROJECT
            self.send_response(200)
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@contextlib.contextmanager
def embedded_google() -> Iterator[EmbeddedGoogle]:
    """Serve until the block ends."""
    server = EmbeddedGoogle()
    server.start()
    try:
        yield server
    finally:
        server.stop()
