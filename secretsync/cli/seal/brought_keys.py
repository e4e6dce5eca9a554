"""Adding a key that was made elsewhere: `seal keys create --cert … --private-key …`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sealing import (
    Certificate,
    KeyRing,
    PrivateKey,
    SealingError,
    parse_certificate,
    parse_private_key,
)
from secretsync.cli.seal.console import note, warn
from secretsync.cli.seal.passphrases import read_private_file
from secretsync.errors import ConfigError, InputError
from secretsync.sealed.key_backup import same_key_entries
from secretsync.sealed.key_listing import sealing_key_or_none
from secretsync.sealed.key_store import KeyOptions, KeyStore

__all__ = ["add_brought_key"]


def add_brought_key(store: KeyStore, options: Any, key_options: KeyOptions) -> str:
    """Add the key in `--private-key` with the certificate in `--cert`.

    Returns:
        The name of its Secret; one that is there already is left as it is.

    Raises:
        InputError: a file cannot be read, or is no RSA key or certificate.
        ConfigError: the two do not belong together, or the cluster marks this key.
        ClusterError: it could not be stored.
    """
    private_key, certificate = _pair(options.private_key, options.cert)
    ring, secrets = store.load_with_secrets()
    for key in ring.keys:
        if key.private_key.fingerprint == private_key.fingerprint:
            note(f"this key is there already, as {key.name}; nothing was changed")
            return key.name
    marked = same_key_entries(secrets, certificate.fingerprint)
    if marked:
        raise ConfigError(
            f"this key is in the cluster as {marked[0]} and out of use there",
            remedy="make another one: what was marked stays so",
        )
    added = store.add(private_key, certificate, options=key_options)
    note(f"key {added.name} was added in namespace {store.namespace}")
    _say_what_it_does(store.load(), added.name, certificate)
    return added.name


def _pair(key_file: str, certificate_file: str) -> tuple[PrivateKey, Certificate]:
    try:
        private_key = parse_private_key(read_private_file(key_file, "the private key"))
    except SealingError as exc:
        raise InputError(f"{key_file}: {exc}", remedy="give an RSA key as PEM") from exc
    try:
        certificate = parse_certificate(Path(certificate_file).read_bytes())
    except SealingError as exc:
        raise InputError(f"{certificate_file}: {exc}", remedy="give its certificate") from exc
    if certificate.fingerprint != private_key.fingerprint:
        raise ConfigError(
            f"{certificate_file} belongs to another key than {key_file}",
            remedy="give the certificate that was made for this key",
        )
    return private_key, certificate


def _say_what_it_does(ring: KeyRing, name: str, certificate: Certificate) -> None:
    """A key that was brought in need not seal: say so now, and not when a value is lost."""
    now = datetime.now(UTC)
    if now > certificate.not_after:
        warn(
            f"its certificate ended on {certificate.not_after:%Y-%m-%d}: it opens, and never seals"
        )
        return
    if now < certificate.not_before:
        warn(f"its certificate begins on {certificate.not_before:%Y-%m-%d}; it seals already")
    sealing = sealing_key_or_none(ring, now)
    if sealing is not None and sealing.name != name:
        warn(f"{sealing.name} is newer and goes on sealing; this one opens only")
    note("back it up: `seal backup`; what is sealed with it opens with nothing else")
