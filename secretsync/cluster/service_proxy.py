"""HTTP to a Service inside the cluster, through the API server's own proxy.

The Service is read first, because the name of its port is part of the path, and may
be empty. One request, one answer: nothing is retried.
"""

from __future__ import annotations

import json
import re
import urllib.parse
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from secretsync import __version__
from secretsync.cluster.client_config import ClientConfig, KubectlFlags, resolve
from secretsync.errors import ClusterError, ClusterUnavailable, ConfigError

if TYPE_CHECKING:
    from secretsync.cluster.kubernetes_config import Endpoint

__all__ = ["CONFLICT", "ProxyRefused", "ServiceProxy", "ServiceUnread"]

OK = 200
FORBIDDEN = 403
CONFLICT = 409
SERVER_ERROR = 500
CONNECT_S = 30.0
#: Enough for any certificate or manifest; a proxy's endless answer is cut here.
MAX_ANSWER_BYTES = 16 * 1024 * 1024

_DURATION = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)", re.ASCII)
_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
#: What the client library of Kubernetes says where a server gave no Status.
_SAYINGS = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: (
        "the server was unable to return a response in the time allotted, "
        "but may still be processing the request"
    ),
}


class ProxyRefused(ClusterError):
    """The API server, or the Service behind it, answered with an error.

    Args:
        http_status: of the answer.
    """

    def __init__(self, message: str, *, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status


class ServiceUnread(ClusterError):
    """The Service object itself could not be read, so that nothing was asked of it."""


class ServiceProxy:
    """One Service, reached with one identity.

    Args:
        flags: where the API server is, and who asks.
        namespace, name: of the Service.

    Raises:
        ConfigError: flags and kubeconfig give no usable configuration.
    """

    def __init__(self, flags: KubectlFlags, namespace: str, name: str) -> None:
        self.config: ClientConfig = resolve(flags)
        self._timeout_s = _timeout_s(flags.request_timeout)
        self._place = (namespace, name)
        self._opened: Endpoint | None = None
        self._path = ""

    @property
    def server(self) -> str:
        """The API server's address, without credentials."""
        return str(self.config.cluster.get("server", "in-cluster"))

    def get(self, path: str, *, accept: str) -> bytes:
        """GET `path` of the Service.

        Raises:
            ClusterError: it cannot be reached, or refuses.
        """
        return self._proxied("GET", path, accept=accept)

    def post(self, path: str, body: bytes) -> bytes:
        """POST `body`, JSON, to `path` of the Service.

        Raises:
            ClusterError: it cannot be reached, or refuses.
        """
        return self._proxied("POST", path, body=body)

    def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.pool.close()

    def _proxied(self, method: str, path: str, **sent: Any) -> bytes:
        target, name = self._target()
        status, answer = self._request(method, target + path, **sent)
        if status == OK:
            return answer
        attempt = f"({'get' if method == 'GET' else 'post'} services {name})"
        raise ProxyRefused(_saying(status, answer, attempt), http_status=status)

    def _target(self) -> tuple[str, str]:
        """The path of the proxy, and the name that the Service has in it."""
        namespace, service = self._place
        base = f"/api/v1/namespaces/{_segment(namespace)}/services/"
        if not self._path:
            try:
                self._path = f"http:{service}:{self._port_name(base + _segment(service))}"
            except ClusterError as exc:
                raise ServiceUnread(exc.message, remedy=exc.remedy) from exc
        return f"{base}{_segment(self._path)}/proxy", self._path

    def _port_name(self, path: str) -> str:
        status, answer = self._request("GET", path)
        if status != OK:
            attempt = f"(get services {self._place[1]})"
            raise ProxyRefused(_saying(status, answer, attempt), http_status=status)
        try:
            name = json.loads(answer)["spec"]["ports"][0].get("name", "")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            name = None
        if not isinstance(name, str):
            raise ClusterError(f"the Service {'/'.join(self._place)} has no port")
        return name

    def _request(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        accept: str = "application/json, */*",
    ) -> tuple[int, bytes]:
        from urllib3.exceptions import (  # noqa: PLC0415 - heavy; only where connected
            HTTPError,
            InsecureRequestWarning,
        )
        from urllib3.util import Timeout  # noqa: PLC0415 - as above

        endpoint = self._endpoint()
        timeout = Timeout(connect=self._timeout_s or CONNECT_S, read=self._timeout_s)
        # Who asked for an unverified server is told so once, in a sentence of ours.
        warnings.simplefilter("ignore", InsecureRequestWarning)
        try:
            response = endpoint.pool.urlopen(
                method,
                endpoint.base_path + target,
                body=body,
                headers=self._headers(endpoint, accept, has_body=body is not None),
                retries=False,
                redirect=False,
                timeout=timeout,
                preload_content=False,
            )
            answer = response.read(MAX_ANSWER_BYTES, decode_content=True)
            response.close()
        except HTTPError as exc:
            raise _unreachable(self.server, exc) from exc
        return response.status, answer

    def _endpoint(self) -> Endpoint:
        if self._opened is None:
            from secretsync.cluster.kubernetes_config import (  # noqa: PLC0415 - heavy
                open_endpoint,
            )

            self._opened = open_endpoint(self.config)
        return self._opened

    def _headers(self, endpoint: Endpoint, accept: str, *, has_body: bool) -> Any:
        from urllib3 import HTTPHeaderDict  # noqa: PLC0415 - heavy; only where connected

        headers = HTTPHeaderDict({"Accept": accept, "User-Agent": f"secretsync/{__version__}"})
        if has_body:
            headers["Content-Type"] = "application/json"
        if authorization := endpoint.authorization():
            headers["Authorization"] = authorization
        for name, value in _impersonation(self.config.user):
            headers.add(name, value)
        return headers


def _segment(name: str) -> str:
    """One part of a path; the colons of the proxy's names stay as they are."""
    return urllib.parse.quote(name, safe=":")


def _impersonation(user: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The headers that make the server treat us as somebody else.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/
    """
    if not user.get("as"):
        return []
    groups = [("Impersonate-Group", str(group)) for group in user.get("as-groups") or []]
    uid = [("Impersonate-Uid", str(user["as-uid"]))] if user.get("as-uid") else []
    return [("Impersonate-User", str(user["as"])), *groups, *uid]


def _timeout_s(text: str) -> float | None:
    """Seconds of --request-timeout; None waits without end.

    Raises:
        ConfigError: it is no duration.
    """
    if text.isascii() and text.isdigit():
        return float(text) or None
    parts = _DURATION.findall(text)
    if not parts or "".join(parts) != text:
        raise ConfigError(
            f"invalid timeout value: {text!r}",
            remedy="give a number of seconds, or a number with a unit: 500ms, 10s, 2m",
        )
    units = [re.sub(r"[\d.]+", "", part) for part in parts]
    pairs = zip(parts, units, strict=True)
    return sum(float(part.removesuffix(unit)) * _UNIT_S[unit] for part, unit in pairs) or None


def _saying(status: int, answer: bytes, attempt: str) -> str:
    """What a refusal means, in the words that kubectl's users know."""
    if message := _status_message(answer):
        return message
    text = answer[:2048].decode("utf-8", "replace").strip()
    saying = (
        f"the server responded with the status code {status} but did not return more information"
    )
    if status in _SAYINGS:
        saying = _SAYINGS[status]
    elif status == FORBIDDEN:
        saying = text or "forbidden"
    elif status >= SERVER_ERROR:
        quoted = json.dumps(text, ensure_ascii=False)
        saying = f"an error on the server ({quoted}) has prevented the request from succeeding"
    return f"{saying} {attempt}"


def _status_message(answer: bytes) -> str:
    """The sentence of a `v1.Status`; "" where the answer is none."""
    try:
        status = json.loads(answer)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(status, dict) or status.get("kind") != "Status":
        return ""
    message = status.get("message")
    return " ".join(message.split()) if isinstance(message, str) else ""


def _unreachable(server: str, exc: Exception) -> ClusterUnavailable:
    """One sentence for an exception of urllib3; its own text shows object addresses."""
    causes = [exc, exc.__cause__, *exc.args]
    reasons = [getattr(cause, "strerror", None) for cause in causes]
    reason = next((text for text in reasons if text), type(exc).__name__)
    return ClusterUnavailable(
        f"cannot reach {server}: {str(reason).lower()}",
        remedy="check the server of this context, or give --cert to seal without a cluster",
    )
