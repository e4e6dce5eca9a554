"""Google's token services for tests, on one HTTPS port of loopback.

They are asked for `/<host>/<path>` of the real URL. Assertions of service accounts are
verified with the account's real key; tokens of pools are taken if they were announced.
"""

from __future__ import annotations

import base64
import functools
import json
import ssl
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.gcp_certificates import server_certificate

__all__ = ["ACCOUNT", "TokenServer", "key_file", "public_key_pem"]

ACCOUNT = "reader@contract-project.iam.gserviceaccount.com"
LIFETIME_S = 3600


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_file(**changes: Any) -> bytes:
    """Return the key file of `ACCOUNT`, with fields changed."""
    pem = _key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    info = {
        "type": "service_account",
        "project_id": "contract-project",
        "private_key_id": "0123456789",
        "private_key": pem.decode(),
        "client_email": ACCOUNT,
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps({**info, **changes}).encode()


class TokenServer:
    """Issues tokens, and remembers which.

    Attributes:
        requests: host and form (or JSON) of each request, in order.
        pool_tokens: subject tokens that the identity pool knows.
        impersonable: accounts that may be impersonated.
        fault: makes (status, body) of an answer in place of the right one.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: dict[str, float] = {}
        self.lifetime_s = LIFETIME_S
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.pool_tokens: set[str] = {"pod-token"}
        self.impersonable: set[str] = {ACCOUNT}
        self.fault: Callable[[], tuple[int, bytes]] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = _tls().wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    def count(self, host: str = "") -> int:
        """Return how many requests (for that host) have arrived."""
        return sum(1 for one, _ in self.requests if host in ("", one))

    def knows(self, token: str) -> bool:
        """Return whether a token was issued here and is still good."""
        return self._issued.get(token, 0) > self._clock()

    def revoke(self) -> None:
        """Take no token any longer that was issued until now."""
        self._issued.clear()

    def stop(self) -> None:
        """End the server and wait for it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, body: bytes, authorization: str) -> tuple[int, bytes]:
        """Return status and body for a request."""
        host, _, rest = path.removeprefix("/").partition("/")
        text = body.decode()
        form: dict[str, Any] = (
            json.loads(text)
            if text.startswith("{")
            else {name: values[0] for name, values in parse_qs(text).items()}
        )
        self.requests.append((host, form))
        if self.fault is not None:
            return self.fault()
        if host == "oauth2.googleapis.com" and rest == "token":
            return self._exchange_key(form)
        if host == "sts.googleapis.com" and rest == "v1/token":
            return self._exchange_pool(form)
        if host == "iamcredentials.googleapis.com":
            return self._impersonate(rest, form, authorization)
        return 404, b"{}"

    def _exchange_key(self, form: dict[str, str]) -> tuple[int, bytes]:
        head, claims, signature = form.get("assertion", "..").split(".")
        try:
            _key().public_key().verify(
                _unpadded(signature),
                f"{head}.{claims}".encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except InvalidSignature:
            return _json(400, {"error": "invalid_grant", "error_description": "Invalid JWT"})
        if json.loads(_unpadded(claims))["iss"] != ACCOUNT:
            return _json(400, {"error": "invalid_grant", "error_description": "unknown account"})
        return _json(200, self._bearer("key"))

    def _exchange_pool(self, form: dict[str, str]) -> tuple[int, bytes]:
        subject = form.get("subject_token", "")
        if form.get("subject_token_type", "").endswith("aws4_request"):
            signed = {one["key"].lower(): one["value"] for one in _signed(subject)}
            good = "AKIAPOOL" in signed.get("authorization", "")
            good = good and signed.get("x-goog-cloud-target-resource") == form["audience"]
        else:
            good = subject in self.pool_tokens
        if not good:
            return _json(
                400, {"error": "invalid_grant", "error_description": f"bad token {subject}"}
            )
        return _json(200, {**self._bearer("pool"), "issued_token_type": "access_token"})

    def _impersonate(
        self, rest: str, form: dict[str, Any], authorization: str
    ) -> tuple[int, bytes]:
        account, _, what = unquote(rest.rpartition("/")[2]).rpartition(":")
        if not self.knows(authorization.removeprefix("Bearer ")):
            return _json(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
        if account not in self.impersonable:
            return _json(403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}})
        if what == "signJwt":
            return _json(200, {"keyId": "0123456789", "signedJwt": _signed_jwt(form["payload"])})
        bearer = self._bearer("account")
        until = datetime.fromtimestamp(self._clock() + self.lifetime_s, UTC)
        return _json(
            200,
            {
                "accessToken": bearer["access_token"],
                "expireTime": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        )

    def _bearer(self, kind: str) -> dict[str, Any]:
        token = f"ya29.{kind}-{len(self.requests)}"
        self._issued[token] = self._clock() + self.lifetime_s
        return {"access_token": token, "expires_in": self.lifetime_s, "token_type": "Bearer"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, answer = owner.answer(
                    self.path, body, self.headers.get("authorization", "")
                )
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        return Handler


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = server_certificate()
    with tempfile.TemporaryDirectory(prefix="gcp-tls-") as folder:
        path = Path(folder) / "server.pem"
        path.write_bytes(certificate + key)
        context.load_cert_chain(path)
    return context


def _signed_jwt(payload: str) -> str:
    head = json.dumps({"alg": "RS256", "typ": "JWT"})
    text = ".".join(
        base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (head, payload)
    )
    signature = _key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def public_key_pem() -> bytes:
    """Return what verifies the signatures of `ACCOUNT`."""
    return (
        _key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _json(status: int, value: dict[str, Any]) -> tuple[int, bytes]:
    return status, json.dumps(value).encode()


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signed(subject: str) -> list[dict[str, str]]:
    headers: list[dict[str, str]] = json.loads(unquote(subject))["headers"]
    return headers
