"""The rows of the sealing benchmark's table, and the SealedSecrets that it is made with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sealing import Certificate, PrivateKey, generate_private_key, make_certificate, seal_secret

__all__ = ["KEY_BITS", "OBJECTS", "VALUES", "Row", "certificate_for", "sealed_secrets", "table"]

OBJECTS = 500
VALUES = 4
KEY_BITS = 4096
_NOW = datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Args:
        ratio: ours to what it is compared with, as the target counts it.
        target: what the ratio or ours should be, with its sign.
    """

    what: str
    theirs: str
    ours: str
    ratio: str = ""
    target: str = ""


def table(rows: list[Row]) -> str:
    """Return the rows as Markdown."""
    lines = ["| | compared with | ours | ratio | target |", "|---|---|---|---|---|"]
    lines += [f"| {r.what} | {r.theirs} | {r.ours} | {r.ratio} | {r.target} |" for r in rows]
    return "\n".join(lines)


def certificate_for(key: PrivateKey) -> Certificate:
    """Return a certificate of a key that is valid today."""
    day = timedelta(days=1)
    return make_certificate(key, not_before=_NOW - day, not_after=_NOW + 365 * day, serial_number=1)


def new_key() -> PrivateKey:
    """Return a key as the controller makes one."""
    return generate_private_key(KEY_BITS)


def sealed_secrets(
    certificate: Certificate, namespace: str, *, count: int = OBJECTS, templates: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield SealedSecrets of four values each, without a type, as kubectl makes Secrets.

    Args:
        templates: so many of them have a template too.
    """
    for index in range(count):
        data = {f"key-{number}": f"value-{index}-{number}" * 4 for number in range(VALUES)}
        secret = {
            "metadata": {"name": f"app-{index:04d}", "namespace": namespace},
            "stringData": data,
        }
        made = seal_secret(secret, certificate, now=_NOW)
        if index < templates:
            text = '{{ index . "key-0" | quote }}'
            made["spec"]["template"]["data"] = {"line": text}
        yield made
