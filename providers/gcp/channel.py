"""One gRPC channel for one session, and the client on it.

Neighbours: `calls` runs the client's methods; `secret_manager` owns the channel. The
channel itself knows no credentials: each call brings its token, so that a refused login
is told apart from a broken network. TLS always; plain text to this very machine alone,
which is what an emulator is.
"""

from __future__ import annotations

import ipaddress
import logging
import os
from pathlib import Path
from urllib.parse import urlsplit

import grpc  # type: ignore[import-untyped]  # ships no types
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from providers.base import InvalidRef
from providers.gcp.ids import Place

__all__ = ["ENDPOINT_VARIABLE", "is_loopback", "open_client", "trusted_roots"]

#: `https://HOST[:PORT]` in place of Google's endpoint, or `http://` of this machine.
ENDPOINT_VARIABLE = "GCP_SECRETMANAGER_ENDPOINT"
#: gRPC's own variable, of a PEM file; read here, as gRPC reads it once per process.
_ROOTS_VARIABLE = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"

#: A page of `finding.PAGE_SIZE` secrets with all the labels and annotations they may have.
MAX_ANSWER_BYTES = 8 * 1024 * 1024

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
    ("grpc.max_send_message_length", 1024 * 1024),
    # Who calls the adapter owns the retries.
    ("grpc.enable_retries", 0),
    ("grpc.max_reconnect_backoff_ms", 5000),
    ("grpc.primary_user_agent", "secretsync"),
    # Else sessions of one process share connections, and closing one closes nothing.
    ("grpc.use_local_subchannel_pool", 1),
)

_TRANSPORTS = "google.cloud.secretmanager_v1.services.secret_manager_service"
_LOGGERS = ("google", "google.auth", f"{_TRANSPORTS}.client", f"{_TRANSPORTS}.transports.grpc")


def open_client(place: Place) -> tuple[SecretManagerServiceClient, grpc.Channel]:
    """Return a client and its channel; nothing is sent yet.

    Raises:
        InvalidRef: the endpoint that the environment names cannot be used.
    """
    _silence_sdk_logs()
    channel = _channel(os.environ.get(ENDPOINT_VARIABLE, ""), place)
    return SecretManagerServiceClient(
        transport=SecretManagerServiceGrpcTransport(channel=channel)
    ), channel


def trusted_roots() -> bytes | None:
    """Return the authorities that the environment names, None for the default ones.

    Raises:
        InvalidRef: the file cannot be read.
    """
    path = os.environ.get(_ROOTS_VARIABLE, "")
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as exc:
        raise InvalidRef(
            f"{_ROOTS_VARIABLE} names a file that cannot be read: {exc.strerror}",
            remedy="correct the variable, or unset it",
        ) from None


def is_loopback(host: str) -> bool:
    """Return whether a host is certainly this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _channel(endpoint: str, place: Place) -> grpc.Channel:
    if not endpoint:
        return _secure(f"{place.endpoint}:443")
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme == "https" and host:
        return _secure(f"{_bracketed(host)}:{port or 443}")
    if parts.scheme == "http" and port and is_loopback(host):
        return grpc.insecure_channel(f"{_bracketed(host)}:{port}", options=_OPTIONS)
    raise InvalidRef(
        f"{ENDPOINT_VARIABLE} is neither https://HOST nor http://127.0.0.1:PORT",
        remedy="correct the variable, or unset it",
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _secure(target: str) -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials(root_certificates=trusted_roots())
    return grpc.secure_channel(target, credentials, options=_OPTIONS)


def _silence_sdk_logs() -> None:
    """Keep the SDK from logging what it sends and receives, values and tokens included.

    At DEBUG its channel logs whole messages. The loggers are set one by one, as the SDK's
    own logging variable sets some of them one by one.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if logger.level < logging.INFO:
            logger.setLevel(logging.INFO)
