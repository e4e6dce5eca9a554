"""Opening the key ring that the flags mean, and showing keys: never a private one."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secretsync.cluster.base import Cluster
    from secretsync.sealed.key_listing import KeyEntry
    from secretsync.sealed.key_store import KeyOptions, KeyStore

__all__ = ["key_store", "new_key_options", "opened", "ring_namespace", "show_entries", "table"]


@contextlib.contextmanager
def opened(options: Any, *, read_only: bool) -> Iterator[Cluster]:
    """Open the cluster of `--to`, and close it in any case.

    Raises:
        SecretSyncError: it cannot be opened.
    """
    from secretsync.cluster.opening import open_cluster, parse_cluster  # noqa: PLC0415 - heavy

    cluster = open_cluster(parse_cluster(options.to), read_only=read_only)
    try:
        yield cluster
    finally:
        cluster.close()


def ring_namespace(options: Any) -> str:
    """Return the namespace of the ring: the one given, else where the service keeps its own."""
    from secretsync.refresh.installkey import service_namespace  # noqa: PLC0415 - --help stays light

    given: str = options.namespace
    return given or service_namespace()


def key_store(cluster: Cluster, namespace: str, options: Any) -> KeyStore:
    """Return the ring in one namespace, read as the flags say."""
    from secretsync.sealed.key_store import KeyStore  # noqa: PLC0415 - heavy

    return KeyStore(
        cluster, namespace, key_prefix=options.key_prefix, order=options.key_order_priority
    )


def new_key_options(options: Any) -> KeyOptions:
    """Return what the flags say of a new key.

    Raises:
        ConfigError: a size or time that cannot be.
    """
    from secretsync.sealed.key_store import KeyOptions  # noqa: PLC0415 - heavy

    return KeyOptions(
        key_bits=options.key_size,
        ttl=timedelta(seconds=options.key_ttl),
        common_name=options.my_cn,
        labels=options.privatekey_labels,
        annotations=options.privatekey_annotations,
    )


def show_entries(entries: Sequence[KeyEntry], form: str) -> None:
    """Print keys on standard output, as a table or as `{"keys": […]}`."""
    if form == "json":
        document = {"keys": [entry.as_json() for entry in entries]}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    head = ("NAMESPACE", "NAME", "STATE", "FINGERPRINT", "NOT BEFORE", "NOT AFTER", "CREATED")
    lines: list[tuple[str, ...]] = [(*head, "MESSAGE")]
    for entry in entries:
        known = entry.as_json()
        dates = (known["not_before"], known["not_after"], known["created_at"])
        shown = (entry.namespace, entry.name, str(entry.state), entry.fingerprint, *dates)
        lines.append((*(text or "-" for text in shown), entry.reason))
    table(lines)


def table(lines: Sequence[Sequence[str]]) -> None:
    """Print lines in columns; line breaks inside a text become blanks."""
    flat = [[" ".join(text.split()) for text in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*flat, strict=True)]
    for line in flat:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")
