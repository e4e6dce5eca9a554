"""Where the API server is and who we are there, by the `kubernetes` package.

It alone imports that package: kubeconfig, exec plugins and in-cluster accounts are
its work. What we take from it is its connection pool and the Authorization header;
its typed models stay unloaded (they double the memory of the process).
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretsync.cluster.client_config import ClientConfig
from secretsync.errors import ConfigError

if TYPE_CHECKING:
    import urllib3

__all__ = ["Endpoint", "load_endpoint", "open_endpoint"]

#: More than the default (5 a CPU): workers, watches and fetch pools share it.
POOL_CONNECTIONS = 32
#: The library looks at a token's expiry minutes ahead, so a second is no risk.
HEADER_REUSE_S = 1.0
SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
IN_CLUSTER = "in-cluster"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One API server and one identity.

    Args:
        context: the kubeconfig's name for both, or `in-cluster`.
        namespace: where objects go that name none.
        pool: connections to the server.
        base_path: what comes before `/api` in its paths; usually "".
        authorization: gives the Authorization header's value, "" without a token;
            ConfigError where it cannot be read any more.
    """

    context: str
    namespace: str
    pool: urllib3.HTTPConnectionPool
    base_path: str
    authorization: Callable[[], str]


def load_endpoint(context: str = "") -> Endpoint:
    """Read configuration and credentials anew.

    Args:
        context: a context of the kubeconfig; "" is its current one, or the
            pod's service account where there is no kubeconfig.

    Raises:
        ConfigError: there is no usable configuration, or it gave no credentials.
    """
    # Half a second and 40 MB: paid only where a Kubernetes cluster is really used.
    from kubernetes.client.configuration import Configuration  # noqa: PLC0415  see above

    configuration = Configuration()
    configuration.connection_pool_maxsize = POOL_CONNECTIONS
    # An idle watch is otherwise dropped silently by what lies between.
    configuration.keep_alive = True
    kubeconfig = _kubeconfig_paths()
    if kubeconfig:
        context, namespace = _load_kubeconfig(kubeconfig, context, configuration)
    elif context:
        raise ConfigError(
            f"there is no kubeconfig to find context {context} in",
            remedy="set KUBECONFIG, or leave the context out inside a cluster",
        )
    else:
        context, namespace = IN_CLUSTER, _load_in_cluster(configuration)
    _check_transport(context, configuration)
    endpoint = _endpoint(context, namespace, configuration)
    endpoint.authorization()
    return endpoint


def open_endpoint(config: ClientConfig) -> Endpoint:
    """Make ready to connect with what flags and kubeconfig came to.

    What `load_endpoint` refuses (no TLS, an unverified server) is allowed here: the
    caller sends nothing secret, and says what was asked for. Without TLS no credentials
    are sent.

    Raises:
        ConfigError: the configuration cannot be used, or gave no credentials.
    """
    from kubernetes.client.configuration import Configuration  # noqa: PLC0415  as above

    configuration = Configuration()
    if config.in_cluster:
        _load_in_cluster(configuration)
        _override_in_cluster(config, configuration)
    name = config.context or "default"
    entries = {"cluster": dict(config.cluster), "user": _sendable(config)}
    entries["context"] = {"cluster": name, "user": name}
    kubeconfig = {f"{kind}s": [{"name": name, kind: entry}] for kind, entry in entries.items()}
    if config.cluster.get("server"):
        with _unusable(f"context {name}:"), _captured_errors() as errors:
            _library().load_kube_config_from_dict(
                kubeconfig, context=name, client_configuration=configuration, persist_config=False
            )
        if errors:
            raise ConfigError(f"context {name} gave no credentials: {errors[0]}")
    if _is_loopback(urllib.parse.urlsplit(configuration.host).hostname or ""):
        configuration.proxy = config.cluster.get("proxy-url")
    return _endpoint(config.context, "", configuration)


def _override_in_cluster(config: ClientConfig, configuration: Any) -> None:
    """Of the flags, a pod's own account gives way to a token and an authority."""
    if token := config.user.get("token"):
        configuration.refresh_api_key_hook = None
        configuration.api_key = {"BearerToken": f"Bearer {token}"}
    if authority := config.cluster.get("certificate-authority"):
        configuration.ssl_ca_cert = authority


def _sendable(config: ClientConfig) -> dict[str, Any]:
    """The user, or nobody where anybody on the way could read the credentials."""
    secure = str(config.cluster.get("server", "https:")).lower().startswith("https:")
    return dict(config.user) if secure else {}


class _Authorization:
    """The Authorization header, refreshed by the library's hook (expiry, token file)."""

    def __init__(self, configuration: Any) -> None:
        self._configuration = configuration
        self._lock = threading.Lock()
        self._value = ""
        self._reuse_until = 0.0

    def __call__(self) -> str:
        with self._lock:
            if time.monotonic() >= self._reuse_until:
                self._value = self._read()
                self._reuse_until = time.monotonic() + HEADER_REUSE_S
            return self._value

    def _read(self) -> str:
        # A plugin that fails to renew leaves the old token, which is good for some
        # minutes yet; the API server has the last word on it.
        with _unusable("the credentials"), _captured_errors():
            value = self._configuration.get_api_key_with_prefix("BearerToken") or ""
        # Token files end in a newline; http.client would refuse it and quote the token.
        value = value.strip()
        if not value.isprintable():
            raise ConfigError(
                "the token has characters that no HTTP header may have",
                remedy="check the token or tokenFile of this context",
            )
        return str(value)


def _kubeconfig_paths() -> str:
    """KUBECONFIG as it is, else the default file where it exists, else ""."""
    if listed := os.environ.get("KUBECONFIG"):
        paths = [Path(path).expanduser() for path in listed.split(os.pathsep) if path]
        if not any(path.exists() for path in paths):
            raise ConfigError(
                f"KUBECONFIG names no file that exists: {listed}",
                remedy="correct it, or unset it to use ~/.kube/config",
            )
        return listed
    default = Path("~/.kube/config").expanduser()
    return str(default) if default.exists() else ""


def _load_kubeconfig(paths: str, context: str, configuration: Any) -> tuple[str, str]:
    """Fill `configuration`; return the context's name and namespace."""
    library = _library()
    with _unusable(f"{paths}:"):
        contexts, current = library.list_kube_config_contexts(paths)
        by_name = {str(entry["name"]): entry for entry in contexts}
        name = context or str(current["name"])
    if name not in by_name:
        raise ConfigError(
            f"{paths}: there is no context {name}",
            remedy=f"contexts there: {', '.join(by_name) or 'none'}",
        )
    with _unusable(f"{paths}:"), _captured_errors() as errors:
        library.load_kube_config(
            config_file=paths, context=name, client_configuration=configuration
        )
        namespace = str(by_name[name]["context"].get("namespace") or "default")
    if errors:
        raise ConfigError(
            f"{paths}: context {name} gave no credentials: {errors[0]}",
            remedy="run the exec plugin of its user by hand to see why",
        )
    return name, namespace


@contextlib.contextmanager
def _unusable(what: str) -> Iterator[None]:
    """Turn whatever a broken kubeconfig makes the library raise into a ConfigError."""
    try:
        yield
    except Exception as exc:  # noqa: BLE001  KeyError, TypeError, YAMLError and more
        # Not chained: the library's messages quote whole user entries, tokens included.
        raise ConfigError(
            f"{what} cannot be used: {_redacted(exc)}",
            remedy="compare with `kubectl config view`",
        ) from None


def _library() -> Any:
    """The configuration half of the `kubernetes` package; it has no types."""
    from kubernetes import config  # noqa: PLC0415  as in load_endpoint()

    return config


def _load_in_cluster(configuration: Any) -> str:
    library = _library()
    try:
        library.load_incluster_config(client_configuration=configuration)
    except library.ConfigException as exc:
        raise ConfigError(
            f"there is no kubeconfig, and no service account of a pod: {_redacted(exc)}",
            remedy="set KUBECONFIG, or run inside a cluster",
        ) from exc
    try:
        return SERVICE_ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip() or "default"
    except OSError:
        return "default"


def _check_transport(context: str, configuration: Any) -> None:
    """Refuse to send Secrets to a server that is not the one meant, or in the clear."""
    url = urllib.parse.urlsplit(configuration.host)
    loopback = _is_loopback(url.hostname or "")
    if url.scheme != "https" and not loopback:
        raise ConfigError(
            f"context {context}: the server {configuration.host} is not https",
            remedy="Secrets are sent over verified TLS only; use the https address",
        )
    if url.scheme == "https" and not configuration.verify_ssl:
        raise ConfigError(
            f"context {context}: insecure-skip-tls-verify is set",
            remedy="Secrets are sent over verified TLS only; give certificate-authority instead",
        )
    if loopback:
        configuration.proxy = None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _endpoint(context: str, namespace: str, configuration: Any) -> Endpoint:
    from kubernetes.client.rest import RESTClientObject  # noqa: PLC0415  as in load_endpoint()

    manager = RESTClientObject(configuration).pool_manager
    return Endpoint(
        context=context,
        namespace=namespace,
        pool=manager.connection_from_url(configuration.host),
        base_path=urllib.parse.urlsplit(configuration.host).path.rstrip("/"),
        authorization=_Authorization(configuration),
    )


@contextlib.contextmanager
def _captured_errors() -> Iterator[list[str]]:
    """Collect what the library only logs: an exec plugin that failed.

    It goes on without credentials then, and its message carries the plugin's
    standard error, so it is kept from the log and cut to the first sentence.
    """
    errors: list[str] = []
    thread = threading.get_ident()

    def keep(record: logging.LogRecord) -> bool:
        if record.thread != thread or "kubernetes" not in record.pathname:
            return True
        errors.append(_redacted_text(record.getMessage().partition(". ")[0]))
        return False

    root = logging.getLogger()
    # With no handler at all, logging.error() would install one for the whole process.
    quiet = logging.NullHandler()
    root.addHandler(quiet)
    root.addFilter(keep)
    try:
        yield errors
    finally:
        root.removeFilter(keep)
        root.removeHandler(quiet)


def _redacted(exc: Exception) -> str:
    name = type(exc).__name__
    # YAML errors show the line they stumble on; KeyErrors and the like say nothing.
    mark = getattr(exc, "problem_mark", None)
    if mark is not None:
        return f"no YAML at line {mark.line + 1}, column {mark.column + 1}"
    return _redacted_text(str(exc)) if name == "ConfigException" else name


def _redacted_text(text: str) -> str:
    """The first line up to where the library prints a whole entry of the file."""
    lines = text.splitlines() or [""]
    return lines[0].partition("{")[0].strip()[:200]
