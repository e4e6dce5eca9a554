"""What the controllers' certificates were when last seen, so that a change is noticed.

A certificate that comes through the API server is believed because the API server is.
Whoever can answer in its place could hand out a certificate of his own and read what is
sealed for it; the next call then says that the key has changed. One small file a
controller, under the user's configuration folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from secretsync.cli.seal.replacing import replace_file

__all__ = ["pin", "pins_folder"]

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def pins_folder() -> Path:
    """Return the folder of the pins.

    Raises:
        OSError: the user has no home folder.
    """
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # The specification says to ignore a relative one.
    if Path(base).is_absolute():
        return Path(base) / "secretsync"
    home = os.environ.get("HOME")
    if not home:
        raise FileNotFoundError(2, "there is no home folder", "HOME")
    return Path(home) / ".config" / "secretsync"


def pin(pem: bytes, *, place: str, server: str) -> Sequence[str]:
    """Remember a certificate, and return what the user must be warned of.

    Args:
        pem: as the controller gave it; one that cannot be read is not remembered.
        place: namespace/name of the controller.
        server: address of the API server it came through.
    """
    from sealing import SealingError, parse_certificate  # noqa: PLC0415 - heavy

    try:
        certificate = parse_certificate(pem)
    except SealingError:
        return []
    now = {
        "server": server,
        "controller": place,
        "fingerprint": certificate.fingerprint,
        "notBefore": certificate.not_before.isoformat(),
        "notAfter": certificate.not_after.isoformat(),
        "certificate": certificate.pem.decode("ascii", "replace"),
    }
    try:
        path = pins_folder() / _file_name(server, place)
        before = _remembered(path)
        if before.get("fingerprint") == now["fingerprint"]:
            return []
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        replace_file(path, json.dumps(now, indent=2).encode() + b"\n", mode=FILE_MODE)
    except OSError as exc:
        reason = (exc.strerror or "failed").lower()
        return [f"the certificate cannot be remembered: {exc.filename}: {reason}"]
    return _change(before, now)


def _file_name(server: str, place: str) -> str:
    digest = hashlib.sha256(f"{server}\n{place}".encode()).hexdigest()
    return f"certificate-{digest[:16]}.json"


def _remembered(path: Path) -> dict[str, Any]:
    """The pin; nothing where there is none, or what is there is not one."""
    try:
        pinned = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return pinned if isinstance(pinned, dict) else {}


def _change(before: dict[str, Any], now: dict[str, Any]) -> Sequence[str]:
    if not before:
        return []
    return [
        f"the sealing certificate of {now['controller']} at {now['server']} HAS CHANGED",
        f"  it was {before.get('fingerprint')}, from {before.get('notBefore')}",
        f"  it is  {now['fingerprint']}, from {now['notBefore']}",
        "  a controller makes a new key every 30 days unless told otherwise; if yours did not,",
        "  somebody else may answer in its place: compare the two with its administrator",
    ]
