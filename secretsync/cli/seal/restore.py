"""`seal restore`: what `seal backup` saved, back into a cluster; nothing is overwritten."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretsync.cli.seal.console import EXIT_FAILED, EXIT_GOOD, note, warn
from secretsync.cli.seal.key_options import add_form_option, add_order_option, add_ring_options
from secretsync.cli.seal.running import guarded
from secretsync.cli.seal.verb_options import verb_parser

if TYPE_CHECKING:
    from secretsync.cluster.base import Cluster, Object
    from secretsync.sealed.key_backup import RestoreStep
    from secretsync.sealed.key_store import KeyStore

__all__ = ["run"]

#: A key takes about 10 kB here; nobody has tens of thousands of them.
MAX_BACKUP_BYTES = 64 * 1024 * 1024


def run(argv: Sequence[str]) -> int:
    """Run the verb and return its exit code."""
    options = _parser().parse_args(argv)
    return guarded(lambda: _restore(options))


def _parser() -> argparse.ArgumentParser:
    parser = verb_parser(
        "restore",
        "Bring the sealing keys of a backup back. Keys that are there stay as they are, "
        "and so do marks like `compromised`.",
        example="seal restore keys.age --to kube --identity key.txt --dry-run",
        exit_status="exit status: 0 all there, 1 a key was refused or failed, 2 usage",
    )
    parser.add_argument("file", metavar="FILE", help="written by `seal backup`, or by age")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--identity", default="", metavar="FILE", help="age identities, or an SSH private key"
    )
    how.add_argument("--passphrase-file", default="", metavar="FILE", help="passphrase, one line")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would happen, change nothing"
    )
    add_ring_options(
        parser, namespace_help="namespace to restore to (default: the one that was saved)"
    )
    add_order_option(parser)
    add_form_option(parser)
    return parser


def _restore(options: Any) -> int:
    from secretsync.cli.seal.key_rings import opened  # noqa: PLC0415 - heavy
    from secretsync.sealed.key_backup import read_ring  # noqa: PLC0415 - heavy

    saved = read_ring(_opened_backup(options), key_prefix=options.key_prefix)
    by_namespace: dict[str, list[Object]] = {}
    for secret in saved:
        by_namespace.setdefault(_namespace_of(secret, options), []).append(secret)
    results: list[dict[str, str]] = []
    with opened(options, read_only=options.dry_run) as cluster:
        for namespace, secrets in sorted(by_namespace.items()):
            results += _restore_ring(cluster, namespace, secrets, options)
    _show(results, options.form)
    failed = {result["action"] for result in results} & {"refused", "failed"}
    return EXIT_FAILED if failed else EXIT_GOOD


def _opened_backup(options: Any) -> bytes:
    """The document in the backup.

    Raises:
        SecretSyncError: the file cannot be read or opened.
    """
    from secretsync.cli.seal import backup_age, passphrases  # noqa: PLC0415 - heavy
    from secretsync.errors import ConfigError, InputError  # noqa: PLC0415 - --help stays light

    with Path(options.file).open("rb") as file:
        content = file.read(MAX_BACKUP_BYTES + 1)
    if len(content) > MAX_BACKUP_BYTES:
        raise InputError(f"{options.file}: is too large to be a backup")
    if not backup_age.opens_by_passphrase(content):
        if not options.identity:
            raise ConfigError(
                "the backup was encrypted to recipients", remedy="give --identity FILE"
            )
        identities = passphrases.read_private_file(options.identity, "the identity")
        return backup_age.decrypt(content, identities=identities)
    if options.identity:
        raise ConfigError(
            "the backup was encrypted to a passphrase",
            remedy="give --passphrase-file FILE, or nothing to be asked for it",
        )
    passphrase = (
        passphrases.read_passphrase(options.passphrase_file)
        if options.passphrase_file
        else passphrases.ask_passphrase(confirm=False, remedy="give --passphrase-file")
    )
    return backup_age.decrypt(content, passphrase=passphrase)


def _namespace_of(secret: Object, options: Any) -> str:
    from secretsync.cli.seal.key_rings import ring_namespace  # noqa: PLC0415 - --help stays light

    saved: str = "" if options.namespace else secret["metadata"].get("namespace", "")
    return saved or ring_namespace(options)


def _restore_ring(
    cluster: Cluster, namespace: str, saved: list[Object], options: Any
) -> list[dict[str, str]]:
    from secretsync.cli.seal.key_rings import key_store  # noqa: PLC0415 - heavy
    from secretsync.cluster.base import KINDS  # noqa: PLC0415 - heavy
    from secretsync.sealed.key_backup import plan_restore  # noqa: PLC0415 - heavy

    store = key_store(cluster, namespace, options)
    live = store.secrets()
    names = {secret["metadata"]["name"] for secret in live}
    for secret in saved:
        name = secret["metadata"]["name"]
        if name not in names:
            other = cluster.get(KINDS["Secret"], namespace, name)
            live += [other] if other is not None else []
    steps = plan_restore(saved, live, namespace=namespace, key_prefix=options.key_prefix)
    before = _sealing_name(store)
    results = [_result(namespace, step, _act(store, step, options)) for step in steps]
    if not options.dry_run:
        _say_what_seals(store, before)
    return results


def _act(store: KeyStore, step: RestoreStep, options: Any) -> tuple[str, str]:
    """Do one step; return what was done, and why."""
    from secretsync.errors import ClusterError  # noqa: PLC0415 - --help stays light
    from secretsync.sealed.key_backup import RestoreAction  # noqa: PLC0415 - heavy

    if step.action is not RestoreAction.CREATE or options.dry_run:
        return str(step.action), step.reason
    try:
        store.put(step.secret)
    except ClusterError as exc:
        # The others are still worth having.
        return "failed", exc.message
    return "created", step.reason


def _result(namespace: str, step: RestoreStep, done: tuple[str, str]) -> dict[str, str]:
    return {
        "namespace": namespace,
        "name": step.name,
        "action": done[0],
        "fingerprint": step.fingerprint,
        "reason": done[1],
    }


def _sealing_name(store: KeyStore) -> str:
    from secretsync.sealed.key_listing import sealing_key_or_none  # noqa: PLC0415 - heavy

    key = sealing_key_or_none(store.load(), datetime.now(UTC))
    return key.name if key else ""


def _say_what_seals(store: KeyStore, before: str) -> None:
    """A backup can be made by whoever knows the recipient: show whose key seals now."""
    after = _sealing_name(store)
    if before and after != before:
        warn(f"{after} seals in {store.namespace} from now on, in place of {before}")
    elif after:
        note(f"{after} seals in {store.namespace}")
    else:
        warn(f"no key in {store.namespace} seals")


def _show(results: list[dict[str, str]], form: str) -> None:
    from secretsync.cli.seal.key_rings import table  # noqa: PLC0415 - --help stays light

    if form == "json":
        sys.stdout.write(json.dumps({"keys": results}, indent=2) + "\n")
        return
    head = ("NAMESPACE", "NAME", "ACTION", "FINGERPRINT", "MESSAGE")
    fields = ("namespace", "name", "action", "fingerprint", "reason")
    table([head, *(tuple(result[field] for field in fields) for result in results)])
