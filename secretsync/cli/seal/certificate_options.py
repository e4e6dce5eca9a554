"""The flags that say which certificate and cluster are meant; names and help only.

`certificates` gives them to the verbs, `flags` to the form without a verb.
"""

from __future__ import annotations

__all__ = [
    "CERTIFICATE",
    "DEFAULTS",
    "FILES",
    "KUBECTL",
    "LISTS",
    "SWITCHES",
    "TRUE_WORDS",
    "variable",
]

CERTIFICATE = {
    "cert": "certificate to seal for: a file, or a URL (http://, https://, file://)",
    "controller-name": "Service of the controller (default sealed-secrets-controller)",
    "controller-namespace": "namespace of the controller (default kube-system)",
}
KUBECTL = {
    "kubeconfig": "kubeconfig file (default: KUBECONFIG, else ~/.kube/config)",
    "context": "context of the kubeconfig",
    "cluster": "cluster of the kubeconfig",
    "user": "user of the kubeconfig",
    "server": "address of the API server",
    "token": "bearer token (better: a kubeconfig, which other users cannot see)",
    "username": "user name for basic authentication",
    "password": "password for basic authentication (better: a kubeconfig)",
    "as": "user to impersonate",
    "as-group": "group to impersonate; may be repeated",
    "as-uid": "uid to impersonate",
    "certificate-authority": "CA certificates of the API server",
    "client-certificate": "client certificate for TLS",
    "client-key": "key of the client certificate",
    "insecure-skip-tls-verify": "do not verify the API server's certificate",
    "tls-server-name": "name to expect in the API server's certificate",
    "proxy-url": "proxy to reach the API server by",
    "disable-compression": "ask for uncompressed answers",
    "request-timeout": "time to wait for one answer: 10s, 2m; 0 is without end",
}
DEFAULTS = {
    "controller-name": "sealed-secrets-controller",
    "controller-namespace": "kube-system",
    "request-timeout": "0",
}
SWITCHES = frozenset({"insecure-skip-tls-verify", "disable-compression"})
LISTS = frozenset({"as-group"})
FILES = frozenset(
    {"cert", "kubeconfig", "certificate-authority", "client-certificate", "client-key"}
)
TRUE_WORDS = frozenset({"1", "t", "T", "TRUE", "true", "True"})


def variable(name: str) -> str:
    """Return the environment variable of a flag."""
    return f"SEALED_SECRETS_{name.upper().replace('-', '_')}"
