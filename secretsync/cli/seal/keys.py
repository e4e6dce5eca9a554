"""`seal keys create|list|renew|cert`: the sealing keys of a cluster, also of a directory."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from secretsync.cli.seal.console import EXIT_FAILED, EXIT_GOOD, note, warn
from secretsync.cli.seal.key_options import (
    RING_NAMESPACE_HELP,
    add_form_option,
    add_new_key_options,
    add_order_option,
    add_ring_options,
    duration,
    flag_type,
)
from secretsync.cli.seal.running import guarded
from secretsync.cli.seal.verb_options import EXIT_STATUS, verb_parser

if TYPE_CHECKING:
    from sealing import RingKey
    from secretsync.cluster.base import Cluster
    from secretsync.sealed.key_listing import KeyEntry
    from secretsync.sealed.key_store import KeyStore

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run the verb and return its exit code."""
    options = _parser().parse_args(argv)
    actions = {"create": _create, "list": _list, "renew": _renew, "cert": _cert}
    return guarded(lambda: actions[options.action](options))


def _parser() -> argparse.ArgumentParser:
    parser = verb_parser(
        "keys",
        "Create, list and renew the keys that open a cluster's SealedSecrets, and print the "
        "certificate that seals for them.",
        example="seal keys create --to dir:out",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|renew|cert")
    create = _action(
        actions,
        "create",
        "Make the first key of a ring; where one seals already, nothing happens. With "
        "--cert and --private-key, add a key that was made elsewhere.",
        example="seal keys create --to kube -n secretsync-system",
    )
    brought = create.add_argument_group("a key of your own")
    brought.add_argument("--cert", default="", metavar="FILE", help="its certificate, PEM")
    brought.add_argument(
        "--private-key", default="", metavar="FILE", help="the RSA key, PEM, unencrypted"
    )
    renew = _action(
        actions,
        "renew",
        "Add a new key, which seals from now on; older ones go on opening. With a period "
        "or a cut-off, only if one is due.",
        example="seal keys renew --to kube --key-renew-period 720h",
    )
    renew.add_argument(
        "--key-renew-period",
        type=duration,
        metavar="DURATION",
        help="only if the newest key is older than this",
    )
    renew.add_argument(
        "--key-cutoff-time",
        type=flag_type("sealed.key_options", "parse_cutoff"),
        metavar="TIME",
        help="only if the newest key is older than this moment, as `date -R` prints it",
    )
    for action in (create, renew):
        add_ring_options(action, namespace_help=RING_NAMESPACE_HELP)
        add_order_option(action)
        add_form_option(action)
        add_new_key_options(action)
    listing = _action(
        actions,
        "list",
        "Show the keys, those that a Sealed Secrets installation left too.",
        example="seal keys list --to kube -o json",
        exit_status="exit status: 0 good, 1 a key is broken, none seals, or failed, 2 usage",
    )
    add_ring_options(listing, namespace_help="namespace of one ring (default: every namespace)")
    add_order_option(listing)
    add_form_option(listing)
    cert = _action(
        actions,
        "cert",
        "Print the certificate to seal with, for --cert; anybody may have it.",
        example="seal keys cert --to dir:out > cert.pem",
    )
    add_ring_options(cert, namespace_help=RING_NAMESPACE_HELP)
    add_order_option(cert)
    return parser


def _action(
    actions: Any, name: str, text: str, *, example: str, exit_status: str = EXIT_STATUS
) -> argparse.ArgumentParser:
    pattern = verb_parser(f"keys {name}", text, example=example, exit_status=exit_status)
    added: argparse.ArgumentParser = actions.add_parser(
        name,
        help=text.partition(";")[0].partition(". ")[0],
        description=pattern.description,
        epilog=pattern.epilog,
        formatter_class=pattern.formatter_class,
        allow_abbrev=False,
    )
    return added


def _create(options: Any) -> int:
    from secretsync.cli.seal import key_rings  # noqa: PLC0415 - --help stays light
    from secretsync.errors import ConfigError  # noqa: PLC0415 - as above

    if bool(options.cert) is not bool(options.private_key):
        raise ConfigError(
            "--cert and --private-key belong together", remedy="give both files, or none"
        )
    key_options = key_rings.new_key_options(options)
    with key_rings.opened(options, read_only=False) as cluster:
        store = key_rings.key_store(cluster, key_rings.ring_namespace(options), options)
        if options.cert:
            from secretsync.cli.seal.brought_keys import add_brought_key  # noqa: PLC0415 - heavy

            name = add_brought_key(store, options, key_options)
            return _show(store, name, options)
        ring, made = store.ensure(now=_now(), period=timedelta(0), options=key_options)
        sealing = ring.sealing_key(_now())
        if made is None:
            note(f"{sealing.name} seals already; `seal keys renew` adds another key")
        else:
            _say_made(store, made)
        return _show(store, sealing.name, options)


def _renew(options: Any) -> int:
    from secretsync.cli.seal import key_rings  # noqa: PLC0415 - --help stays light

    key_options = key_rings.new_key_options(options)
    period, cutoff_at = options.key_renew_period, options.key_cutoff_time
    with key_rings.opened(options, read_only=False) as cluster:
        store = key_rings.key_store(cluster, key_rings.ring_namespace(options), options)
        if period is None and cutoff_at is None:
            made: RingKey | None = store.create(now=_now(), options=key_options)
        else:
            _ring, made = store.ensure(
                now=_now(),
                period=timedelta(seconds=period or 0),
                cutoff_at=cutoff_at,
                options=key_options,
            )
        sealing = store.load().sealing_key(_now())
        if made is None:
            note(f"nothing is due: {sealing.name} seals")
            return _show(store, sealing.name, options)
        _say_made(store, made)
        if sealing.name != made.name:
            warn(f"{sealing.name} begins later than the new key, and goes on sealing")
        return _show(store, made.name, options)


def _list(options: Any) -> int:
    from secretsync.cli.seal import key_rings  # noqa: PLC0415 - --help stays light
    from secretsync.sealed.key_listing import KeyState  # noqa: PLC0415 - heavy

    entries: list[KeyEntry] = []
    good = True
    with key_rings.opened(options, read_only=True) as cluster:
        for namespace in _namespaces(cluster, options):
            found = _entries(key_rings.key_store(cluster, namespace, options))
            states = {entry.state for entry in found}
            good &= KeyState.BROKEN not in states
            if found and KeyState.SEALING not in states:
                warn(f"no key in {namespace} seals; `seal keys renew` adds one")
                good = False
            entries += found
    if not entries:
        note(f"there are no sealing keys in {options.namespace or 'any namespace'}")
    key_rings.show_entries(entries, options.form)
    return EXIT_GOOD if good else EXIT_FAILED


def _cert(options: Any) -> int:
    from sealing import NoSealingKey  # noqa: PLC0415 - heavy
    from secretsync.cli.seal import key_rings  # noqa: PLC0415 - --help stays light
    from secretsync.errors import ConfigError  # noqa: PLC0415 - as above

    with key_rings.opened(options, read_only=True) as cluster:
        store = key_rings.key_store(cluster, key_rings.ring_namespace(options), options)
        try:
            sealing = store.load().sealing_key(_now())
        except NoSealingKey as exc:
            raise ConfigError(
                f"namespace {store.namespace} of {cluster.name}: {exc}",
                remedy="`seal keys create` makes a key; -n names another namespace",
            ) from exc
    sys.stdout.write(sealing.certificate.pem.decode())
    return EXIT_GOOD


def _namespaces(cluster: Cluster, options: Any) -> list[str]:
    """The one that is asked for, or all that hold a key."""
    from secretsync.cli.seal.key_rings import ring_namespace  # noqa: PLC0415 - --help stays light
    from secretsync.errors import Forbidden  # noqa: PLC0415 - --help stays light
    from secretsync.sealed.key_store import key_namespaces  # noqa: PLC0415 - heavy

    if options.namespace:
        return [options.namespace]
    try:
        return sorted({*key_namespaces(cluster), ring_namespace(options)})
    except Forbidden as exc:
        raise Forbidden(exc.message, remedy="name one ring with -n NAMESPACE") from exc


def _entries(store: KeyStore) -> list[KeyEntry]:
    from secretsync.sealed.key_listing import key_entries  # noqa: PLC0415 - heavy

    ring, secrets = store.load_with_secrets()
    return key_entries(store.namespace, secrets, ring, now=_now())


def _show(store: KeyStore, name: str, options: Any) -> int:
    """Print the key that the verb was about."""
    from secretsync.cli.seal.key_rings import show_entries  # noqa: PLC0415 - --help stays light

    show_entries([entry for entry in _entries(store) if entry.name == name], options.form)
    return EXIT_GOOD


def _say_made(store: KeyStore, made: RingKey) -> None:
    note(f"key {made.name} was added in namespace {store.namespace}")
    note("back it up: `seal backup`; what is sealed with it opens with nothing else")


def _now() -> datetime:
    return datetime.now(UTC)
