"""`seal backup`: a cluster's key ring as one encrypted file, readable by age.

The plaintext is in this process's memory and nowhere else. Neighbours: `backup_age`
encrypts, `restore` is the way back.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretsync.cli.seal.console import EXIT_FAILED, EXIT_GOOD, note, warn
from secretsync.cli.seal.key_options import RING_NAMESPACE_HELP, add_ring_options
from secretsync.cli.seal.running import guarded
from secretsync.cli.seal.verb_options import verb_parser

if TYPE_CHECKING:
    from secretsync.cluster.base import Cluster, Object

__all__ = ["run"]

PRIVATE_FILE = 0o600


def run(argv: Sequence[str]) -> int:
    """Run the verb and return its exit code."""
    options = _parser().parse_args(argv)
    return guarded(lambda: _backup(options))


def _parser() -> argparse.ArgumentParser:
    parser = verb_parser(
        "backup",
        "Save a cluster's sealing keys, all of them, as one file encrypted in the age "
        "format: to recipients, or to a passphrase (asked for on the terminal).",
        example="seal backup --to kube --output keys.age --recipient age1...",
        exit_status="exit status: 0 all keys saved, 1 failed, or a file could not be read, 2 usage",
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="the file to write")
    parser.add_argument(
        "--force", action="store_true", help="replace the file if there is one already"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--recipient",
        action="append",
        default=[],
        metavar="RECIPIENT",
        help="who can open it: age1..., or an SSH public key; may be repeated",
    )
    how.add_argument("--passphrase-file", default="", metavar="FILE", help="passphrase, one line")
    add_ring_options(parser, namespace_help=RING_NAMESPACE_HELP)
    return parser


def _backup(options: Any) -> int:
    from secretsync.cli.seal.key_rings import opened, ring_namespace  # noqa: PLC0415 - as below
    from secretsync.cli.seal.replacing import replace_file  # noqa: PLC0415 - --help stays light
    from secretsync.sealed.key_backup import write_ring  # noqa: PLC0415 - heavy

    path = Path(options.output)
    _check_free(path, options)
    namespace = ring_namespace(options)
    with opened(options, read_only=True) as cluster:
        secrets, complete = _secrets(cluster, namespace, options)
    replace_file(path, _encrypted(write_ring(secrets), options), mode=PRIVATE_FILE)
    note(f"{len(secrets)} keys of namespace {namespace} are in {path}")
    return EXIT_GOOD if complete else EXIT_FAILED


def _check_free(path: Path, options: Any) -> None:
    """Refuse before anybody is asked for a passphrase.

    Raises:
        ConfigError: a file is there, or no file can be.
    """
    from secretsync.errors import ConfigError  # noqa: PLC0415 - --help stays light

    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(f"{path} can be no file", remedy="name a file in a folder that exists")
    if os.path.lexists(path) and not options.force:
        raise ConfigError(
            f"{path} is there already, and may hold keys that the cluster lost",
            remedy="name another file, or replace it with --force",
        )


def _secrets(cluster: Cluster, namespace: str, options: Any) -> tuple[list[Object], bool]:
    """The key Secrets, and whether that is all there are; a word about those that are broken.

    Raises:
        ConfigError: there are none: an empty backup would look like a good one.
    """
    from secretsync.errors import ClusterError, ConfigError  # noqa: PLC0415 - --help stays light
    from secretsync.sealed.key_store import KeyStore, key_namespaces  # noqa: PLC0415 - heavy

    store = KeyStore(cluster, namespace, key_prefix=options.key_prefix)
    ring, secrets = store.load_with_secrets()
    if not secrets:
        others: list[str] = []
        with contextlib.suppress(ClusterError):
            others = key_namespaces(cluster)
        raise ConfigError(
            f"there are no sealing keys in namespace {namespace} of {cluster.name}",
            remedy=f"name the right one with -n; keys are in: {', '.join(others) or 'none known'}",
        )
    saved = {secret["metadata"]["name"] for secret in secrets}
    for broken in ring.broken:
        fate = "it is saved as it is" if broken.name in saved else "it is NOT in the backup"
        warn(f"{broken.name} is broken ({broken.error}); {fate}")
    return secrets, all(broken.name in saved for broken in ring.broken)


def _encrypted(document: bytes, options: Any) -> bytes:
    from secretsync.cli.seal import backup_age, passphrases  # noqa: PLC0415 - heavy

    if options.recipient:
        return backup_age.encrypt_to_recipients(document, options.recipient)
    passphrase = (
        passphrases.read_passphrase(options.passphrase_file)
        if options.passphrase_file
        else passphrases.ask_passphrase(
            confirm=True, remedy="give --recipient or --passphrase-file"
        )
    )
    return backup_age.encrypt_to_passphrase(document, passphrase)
