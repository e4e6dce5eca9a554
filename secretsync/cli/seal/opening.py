"""Private keys for the verbs: `--sealing-key FILE`, or those of a cluster by `--to`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from sealing import PrivateKey, RingKey

__all__ = ["OpeningKeys", "add_key_options", "add_sealing_key_option", "load_keys"]


class OpeningKeys:
    """The private keys at hand; iterating gives each once.

    Args:
        keys: in the order in which they are tried.
        newest: the cluster's key that seals, None without a cluster.
        retired: fingerprints of keys that the cluster has out of use.
    """

    def __init__(
        self,
        keys: tuple[PrivateKey, ...] = (),
        newest: RingKey | None = None,
        retired: frozenset[str] = frozenset(),
    ) -> None:
        self.keys = keys
        self.newest = newest
        self.retired = retired

    def __iter__(self) -> Any:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)


def add_key_options(parser: argparse.ArgumentParser) -> None:
    """Let a verb take private keys."""
    group = parser.add_argument_group("private keys")
    add_sealing_key_option(group)
    group.add_argument(
        "--to",
        default="",
        metavar="CLUSTER",
        help="open with the keys of this cluster: dir:ROOT, kube or kube:CONTEXT",
    )
    group.add_argument(
        "--sealing-namespace",
        default="",
        metavar="NAMESPACE",
        help="with --to, where the cluster keeps them (default: the service's own, "
        "$POD_NAMESPACE or secretsync-system)",
    )


def add_sealing_key_option(parser: argparse._ActionsContainer) -> None:
    """Let a verb take private keys from files."""
    parser.add_argument(
        "--sealing-key",
        action="append",
        default=[],
        metavar="FILE",
        help="private key to open with: PEM, or key Secrets (YAML, JSON); may be repeated",
    )


def load_keys(options: Any) -> OpeningKeys:
    """Return the keys that the options name; none where they name none.

    Raises:
        SecretSyncError: a file or the cluster cannot be read.
    """
    found: dict[str, PrivateKey] = {}
    if options.sealing_key:
        from secretsync.cli.seal.private_keys import load_sealing_keys  # noqa: PLC0415 - heavy

        found = {key.fingerprint: key for key in load_sealing_keys(options.sealing_key)}
    if not options.to:
        return OpeningKeys(tuple(found.values()))
    return _with_cluster(found, options)


def _with_cluster(found: dict[str, PrivateKey], options: Any) -> OpeningKeys:
    """The keys of the files first, then the ring's, then those that are out of use.

    What a compromised key sealed has to be opened once more, to be sealed anew.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - only with a cluster

    from sealing import NoSealingKey  # noqa: PLC0415 - heavy
    from secretsync.cluster.opening import open_cluster, parse_cluster  # noqa: PLC0415 - heavy
    from secretsync.refresh.installkey import service_namespace  # noqa: PLC0415 - heavy
    from secretsync.sealed.key_store import KeyStore  # noqa: PLC0415 - heavy

    cluster = open_cluster(parse_cluster(options.to), read_only=True)
    try:
        store = KeyStore(cluster, options.sealing_namespace or service_namespace())
        ring, secrets = store.load(), store.secrets()
    finally:
        cluster.close()
    active = {key.fingerprint: key for key in ring}
    inactive = {item.name for item in ring.inactive}
    retired = _parsed(secret for secret in secrets if secret["metadata"]["name"] in inactive)
    retired = {name: key for name, key in retired.items() if name not in active}
    try:
        newest = ring.sealing_key(datetime.now(UTC))
    except NoSealingKey:
        newest = None
    keys = {**found, **active, **retired}
    return OpeningKeys(tuple(keys.values()), newest, frozenset(retired))


def _parsed(secrets: Any) -> dict[str, PrivateKey]:
    from sealing import SealingError, parse_private_key  # noqa: PLC0415 - heavy
    from sealing.fields import data_field  # noqa: PLC0415 - heavy

    keys: dict[str, PrivateKey] = {}
    for secret in secrets:
        try:
            key = parse_private_key(data_field(secret, path="data").get("tls.key", b""))
        except SealingError:
            continue  # out of use and broken: nothing depends on it
        keys[key.fingerprint] = key
    return keys
