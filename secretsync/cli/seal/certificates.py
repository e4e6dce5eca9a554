"""Where the sealing certificate comes from: a file, a URL, or the cluster.

Neighbours: `service` asks the controller, `pins` remembers what it said. With --cert
nothing else is asked.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from secretsync.cli.seal import certificate_options as table
from secretsync.cli.seal.console import warn
from secretsync.errors import ConfigError, InputError

if TYPE_CHECKING:
    import argparse

    from sealing import Certificate

__all__ = ["add_certificate_options", "load_certificate", "read_certificate_pem"]

FETCH_TIMEOUT_S = 30.0
#: Chains have a few kilobytes; whatever is much longer is no certificate.
MAX_CERTIFICATE_BYTES = 1024 * 1024


def add_certificate_options(parser: argparse.ArgumentParser) -> None:
    """Let a verb take --cert, --controller-* and kubectl's flags, environment included.

    The values are found under the flags' names with underscores.
    """
    group = parser.add_argument_group("certificate")
    for name, text in table.CERTIFICATE.items():
        _add(group, name, text)
    group = parser.add_argument_group("cluster (as kubectl; only without --cert)")
    for name, text in table.KUBECTL.items():
        _add(group, name, text)


def _add(group: Any, name: str, text: str) -> None:
    given = os.environ.get(table.variable(name))
    if name in table.SWITCHES:
        on = given is not None and given in table.TRUE_WORDS
        group.add_argument(f"--{name}", action="store_true", default=on, help=text)
    elif name in table.LISTS:
        listed = [given] if given else []
        group.add_argument(f"--{name}", action="append", default=listed, metavar="VALUE", help=text)
    else:
        one = table.DEFAULTS.get(name, "") if given is None else given
        shown = "FILE" if name in table.FILES else "VALUE"
        group.add_argument(f"--{name}", default=one, metavar=shown, help=text)


def load_certificate(options: Any) -> Certificate:
    """Return the certificate that the options ask for, ready to seal with.

    Args:
        options: what `add_certificate_options` let the parser take.

    Raises:
        SecretSyncError: it cannot be had.
        SealingError: it cannot be used: no certificate, no RSA key.
    """
    from sealing import parse_certificate  # noqa: PLC0415 - heavy

    return parse_certificate(read_certificate_pem(options))


def read_certificate_pem(options: Any) -> bytes:
    """Return the certificate's bytes as they came, whatever they are.

    What came from the cluster is pinned, and a change is said on standard error.

    Raises:
        SecretSyncError: it cannot be had.
    """
    if options.cert:
        return _given(options.cert)
    from secretsync.cli.seal.pins import pin  # noqa: PLC0415 - only with a cluster
    from secretsync.cli.seal.service import SealedSecretsService  # noqa: PLC0415 - as above

    service = SealedSecretsService.from_options(options)
    pem = service.certificate_pem()
    for line in pin(pem, place=service.place, server=service.server):
        warn(line)
    return pem


def _given(name: str) -> bytes:
    """What --cert names: a file, `file://…` or `http(s)://…`."""
    if ":" not in name:
        return _file(name, name)
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - files need none of it

    try:
        scheme = urlsplit(name).scheme.lower()
    except ValueError as exc:
        raise ConfigError("the certificate's URL is malformed", remedy="correct --cert") from exc
    # One letter is the drive of a Windows path.
    if len(scheme) <= 1:
        return _file(name, name)
    if scheme == "file":
        return _file(unquote(urlsplit(name).path), name)
    if scheme in ("http", "https"):
        return _fetched(name)
    raise ConfigError(
        f'Get "{name}": unsupported protocol scheme "{scheme}"',
        remedy="give a file, or a URL that begins with https://, http:// or file://",
    )


def _file(path: str, name: str) -> bytes:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY), "rb") as file:
            return file.read(MAX_CERTIFICATE_BYTES)
    except OSError as exc:
        reason = (exc.strerror or "unreadable").lower()
        raise InputError(
            f"open {name}: {reason}", remedy="get the certificate with `seal --fetch-cert`"
        ) from exc


def _fetched(url: str) -> bytes:
    from http.client import HTTPException  # noqa: PLC0415 - heavy
    from urllib.error import HTTPError, URLError  # noqa: PLC0415 - heavy
    from urllib.request import urlopen  # noqa: PLC0415 - heavy

    shown = _without_password(url)
    try:
        # The scheme was looked at: http or https.
        with urlopen(url, timeout=FETCH_TIMEOUT_S) as answer:  # noqa: S310 - see above
            pem: bytes = answer.read(MAX_CERTIFICATE_BYTES)
    except HTTPError as exc:
        exc.close()  # It holds the connection, and what was raised from it lives on.
        raise InputError(f'cannot fetch "{shown}": {exc.code} {exc.reason}') from exc
    except (OSError, HTTPException, ValueError) as exc:
        reason = exc.reason if isinstance(exc, URLError) else exc
        text = getattr(reason, "strerror", None) or type(reason).__name__
        raise InputError(f'cannot fetch "{shown}": {str(text).lower()}') from exc
    return pem


def _without_password(url: str) -> str:
    """The URL as it may be shown."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - as in _given()

    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
