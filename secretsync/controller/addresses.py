"""Where the service listens, as its flags say it."""

from __future__ import annotations

from dataclasses import dataclass

from secretsync.errors import ConfigError

__all__ = ["Address", "parse_address"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int


def parse_address(text: str) -> Address | None:
    """Read `HOST:PORT`, `:PORT` (every interface) or `0` (none).

    Raises:
        ConfigError: it is none of these.
    """
    if text in ("", "0"):
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ConfigError(
            f"{text!r} is not an address", remedy="give HOST:PORT, :PORT, or 0 for none"
        )
    return Address(host.strip("[]") or "0.0.0.0", int(port))  # noqa: S104 - asked for by `:PORT`
