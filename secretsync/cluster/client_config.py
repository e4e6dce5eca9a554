"""Which API server and identity kubectl's own flags and files mean.

Files are merged as kubectl merges them, the flags laid over. Nothing is connected to
here, and the `kubernetes` package is not loaded: `kubernetes_config` does both with
what `resolve` returns.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from secretsync.errors import ConfigError
from secretsync.resources.documents import load_documents

__all__ = ["ClientConfig", "KubectlFlags", "default_namespace", "resolve"]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
NO_CONFIGURATION = (
    "invalid configuration: no configuration has been provided, "
    "try setting KUBERNETES_MASTER environment variable"
)
COMPARE = "compare with `kubectl config view`"
_LISTS = (("clusters", "cluster"), ("users", "user"), ("contexts", "context"))
#: Paths in these fields are relative to the file that names them.
_PATH_FIELDS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True)
class KubectlFlags:
    """What kubectl's flags say over the kubeconfig; "" is not given.

    Args:
        kubeconfig: a file that must exist; "" takes KUBECONFIG or ~/.kube/config.
        context, cluster, user: names in it.
        namespace: in place of the context's.
        server, token, username, password: in place of what the file has.
        as_user, as_groups, as_uid: whom to impersonate.
        certificate_authority, client_certificate, client_key: PEM files.
        insecure_skip_tls_verify: believe any server.
        tls_server_name: the name that the server's certificate must bear.
        proxy_url: a proxy between here and the server.
        request_timeout: as Go writes durations; "0" waits without end.
    """

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    server: str = ""
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    as_user: str = ""
    as_groups: tuple[str, ...] = ()
    as_uid: str = ""
    certificate_authority: str = ""
    client_certificate: str = ""
    client_key: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    request_timeout: str = "0"


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """One cluster and one user, all flags applied.

    Args:
        context: the kubeconfig's name for both; "" where only flags say them.
        cluster, user: entries of a kubeconfig, paths absolute.
        in_cluster: the pod's service account is meant; the entries hold overrides only.
    """

    context: str
    cluster: Mapping[str, Any] = field(repr=False)
    user: Mapping[str, Any] = field(repr=False)
    in_cluster: bool = False


def default_namespace(flags: KubectlFlags) -> str:
    """Return the namespace of objects that name none.

    Raises:
        ConfigError: no flag says it, and there is no usable configuration.
    """
    if flags.namespace:
        return flags.namespace
    merged = _merged(flags)
    name = flags.context or merged.current
    own = str(merged.contexts.get(name, {}).get("namespace") or "")
    if not own and _in_cluster_possible():
        return _pod_namespace()
    # Who asks does not matter here, so that a user who does not exist is no mistake yet.
    _usable(merged, replace(flags, user=""))
    return own or "default"


def resolve(flags: KubectlFlags) -> ClientConfig:
    """Return the cluster and user to connect with.

    Raises:
        ConfigError: a name does not exist, or nothing says where the server is.
    """
    merged = _merged(flags)
    context, cluster, user = _entries(merged, flags)
    if not cluster.get("server") and merged.is_empty and _in_cluster_possible():
        return ClientConfig("in-cluster", cluster, user, in_cluster=True)
    _usable(merged, flags)
    return ClientConfig(context, cluster, user)


@dataclass(frozen=True, slots=True)
class _Merged:
    """All files as one; the first that says something wins."""

    current: str
    clusters: Mapping[str, Mapping[str, Any]]
    users: Mapping[str, Mapping[str, Any]]
    contexts: Mapping[str, Mapping[str, Any]]

    @property
    def is_empty(self) -> bool:
        return not (self.clusters or self.users or self.contexts)


def _merged(flags: KubectlFlags) -> _Merged:
    current = ""
    found: dict[str, dict[str, Mapping[str, Any]]] = {plural: {} for plural, _ in _LISTS}
    for path in _paths(flags.kubeconfig):
        for document in _read(path):
            current = current or _text(document, "current-context", path)
            for plural, singular in _LISTS:
                for name, entry in _named(document, plural, singular, path):
                    found[plural].setdefault(name, entry)
    return _Merged(current, found["clusters"], found["users"], found["contexts"])


def _paths(explicit: str) -> Sequence[Path]:
    """The files to read; those of KUBECONFIG that do not exist are left out."""
    if explicit:
        return [Path(explicit)]
    listed = os.environ.get("KUBECONFIG", "")
    paths = [Path(path) for path in listed.split(os.pathsep) if path]
    if not paths and (home := os.environ.get("HOME")):
        paths = [Path(home) / ".kube" / "config"]
    return [path for path in paths if path.exists()]


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_bytes()
    except OSError as exc:
        reason = (exc.strerror or "unreadable").lower()
        raise ConfigError(f"stat {path}: {reason}", remedy="correct --kubeconfig") from exc
    documents, problems = load_documents(text, file=str(path))
    if problems:
        first = problems[0]
        raise ConfigError(f"{path}: line {first.line}: {first.message}", remedy=COMPARE)
    return [document.value for document in documents]


def _text(parent: Mapping[str, Any], key: str, path: Path) -> str:
    value = parent.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{path}: {key} is not text", remedy=COMPARE)
    return value or ""


def _named(
    document: Mapping[str, Any], plural: str, singular: str, path: Path
) -> list[tuple[str, Mapping[str, Any]]]:
    """The entries of one list, by name."""
    entries = document.get(plural)
    entries = [] if entries is None else entries
    named: list[tuple[str, Mapping[str, Any]]] = []
    for entry in entries if isinstance(entries, list) else [None]:
        inner = (entry.get(singular) or {}) if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(inner, dict):
            raise ConfigError(
                f"{path}: {plural} is not a list of entries with name and {singular}",
                remedy=COMPARE,
            )
        named.append((_text(entry, "name", path), _absolute(inner, path)))
    return named


def _absolute(entry: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The entry with its paths made independent of where the file is."""
    folder = path.absolute().parent
    changed: dict[str, Any] = {
        key: str(folder / entry[key])
        for key in _PATH_FIELDS
        if isinstance(entry.get(key), str) and entry[key]
    }
    plugin = entry.get("exec")
    command = plugin.get("command") if isinstance(plugin, dict) else None
    if isinstance(plugin, dict) and isinstance(command, str) and os.sep in command:
        changed["exec"] = {**plugin, "command": str(folder / command)}
    return {**entry, **changed}


def _entries(merged: _Merged, flags: KubectlFlags) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Context name, cluster and user with the flags laid over."""
    name = flags.context or merged.current
    if flags.context and name not in merged.contexts:
        raise ConfigError(f'context "{name}" does not exist', remedy=_names(merged.contexts))
    context = merged.contexts.get(name, {})
    user_name = flags.user or str(context.get("user") or "")
    if flags.user and user_name not in merged.users:
        raise ConfigError(f'auth info "{user_name}" does not exist', remedy=_names(merged.users))
    cluster_name = flags.cluster or str(context.get("cluster") or "")
    if flags.cluster and cluster_name not in merged.clusters:
        raise ConfigError(
            f'cluster "{cluster_name}" does not exist', remedy=_names(merged.clusters)
        )
    cluster = _cluster(merged.clusters.get(cluster_name, {}), flags)
    return name, cluster, _user(merged.users.get(user_name, {}), flags)


def _names(entries: Mapping[str, object]) -> str:
    return f"the kubeconfig has: {', '.join(sorted(entries)) or 'none'}"


def _cluster(entry: Mapping[str, Any], flags: KubectlFlags) -> dict[str, Any]:
    cluster = {key: value for key, value in entry.items() if value not in (None, "", False)}
    if flags.insecure_skip_tls_verify or flags.certificate_authority:
        # One of the two on the command line replaces all that the file says of trust.
        for key in ("certificate-authority", "certificate-authority-data"):
            cluster.pop(key, None)
        cluster.pop("insecure-skip-tls-verify", None)
    if flags.server:
        cluster.pop("tls-server-name", None)
    given = {
        "server": flags.server,
        "certificate-authority": _absolute_path(flags.certificate_authority),
        "insecure-skip-tls-verify": flags.insecure_skip_tls_verify,
        "tls-server-name": flags.tls_server_name,
        "proxy-url": flags.proxy_url,
    }
    return cluster | {key: value for key, value in given.items() if value}


def _user(entry: Mapping[str, Any], flags: KubectlFlags) -> dict[str, Any]:
    user = {key: value for key, value in entry.items() if value not in (None, "", [])}
    for given, own in (("client_certificate", "client-certificate"), ("client_key", "client-key")):
        if path := getattr(flags, given):
            user.pop(f"{own}-data", None)
            user[own] = _absolute_path(path)
    if flags.token:
        user.pop("tokenFile", None)
    over = {
        "token": flags.token,
        "username": flags.username,
        "password": flags.password,
        "as": flags.as_user,
        "as-groups": list(flags.as_groups),
        "as-uid": flags.as_uid,
    }
    return user | {key: value for key, value in over.items() if value}


def _absolute_path(path: str) -> str:
    return str(Path(path).absolute()) if path else ""


def _usable(merged: _Merged, flags: KubectlFlags) -> None:
    """Refuse a configuration that names no server.

    Raises:
        ConfigError: as kubectl words it.
    """
    name, cluster, _ = _entries(merged, flags)
    if name and name not in merged.contexts:
        raise ConfigError(
            f"invalid configuration: context was not found for specified context: {name}",
            remedy=_names(merged.contexts),
        )
    if not cluster:
        raise ConfigError(NO_CONFIGURATION, remedy="set KUBECONFIG, or give --kubeconfig")
    if cluster and not cluster.get("server"):
        raise ConfigError(
            f'invalid configuration: no server found for cluster "{_cluster_name(merged, flags)}"'
        )


def _cluster_name(merged: _Merged, flags: KubectlFlags) -> str:
    context = merged.contexts.get(flags.context or merged.current, {})
    return flags.cluster or str(context.get("cluster") or "")


def _in_cluster_possible() -> bool:
    environment = os.environ
    named = environment.get("KUBERNETES_SERVICE_HOST") and environment.get(
        "KUBERNETES_SERVICE_PORT"
    )
    return bool(named) and (SERVICE_ACCOUNT / "token").is_file()


def _pod_namespace() -> str:
    if namespace := os.environ.get("POD_NAMESPACE"):
        return namespace
    try:
        return (SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip() or "default"
    except OSError:
        return "default"
