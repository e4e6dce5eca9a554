"""Making key Secrets: the key, its certificate, and the name it is stored under.

Neighbour: `key_store` stores them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sealing import KeyRing, generate_private_key, key_secret, make_certificate
from sealing.certificates import SERIAL_NUMBER_BITS
from secretsync.cluster.base import Object
from secretsync.sealed.key_options import KeyOptions
from secretsync.sealed.key_secrets import key_label, secret_name

__all__ = ["letters_after", "letters_of", "new_key_secret", "random_letters"]

#: The API server's own: no vowels, nothing that looks like something else.
_NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_NAME_LETTERS_COUNT = 5

#: Clocks of replicas differ by less; a key from further ahead was brought in.
_CLOCKS_APART = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)


def new_key_secret(
    ring: KeyRing, *, now: datetime, namespace: str, key_prefix: str, options: KeyOptions
) -> Object:
    """Make a key that is newer than all in the ring; takes a second or so.

    Args:
        ring: a key in it that was made in this very second, or by a clock that is a
            little ahead, would otherwise go on sealing.
        now: aware.

    Returns:
        Its Secret, without a name. It holds the private key in plain.
    """
    begins_at = now.replace(microsecond=0)
    newest_at = max((key.ordering_at for key in ring.keys), default=begins_at - _SECOND)
    if begins_at <= newest_at < begins_at + _CLOCKS_APART:
        begins_at = newest_at.replace(microsecond=0) + _SECOND
    private_key = generate_private_key(options.key_bits)
    certificate = make_certificate(
        private_key,
        not_before=begins_at,
        not_after=begins_at + options.ttl,
        serial_number=secrets.randbelow((1 << SERIAL_NUMBER_BITS) - 1) + 1,
        common_name=options.common_name,
    )
    return key_secret(
        private_key,
        certificate,
        namespace=namespace,
        key_prefix=key_prefix,
        labels=options.labels,
        annotations=options.annotations,
    )


def random_letters() -> str:
    """Return what the API server puts behind a `generateName`."""
    return "".join(secrets.choice(_NAME_LETTERS) for _ in range(_NAME_LETTERS_COUNT))


def letters_after(found: Iterable[Object], *, lease_uid: str, attempt: int) -> str:
    """Return letters that follow from the ring that a renewal starts from.

    Two replicas that both believe to hold the Lease have seen the same ring, so they
    choose the same name, and the cluster lets one of them create it.

    Args:
        found: all key Secrets, by name.
        lease_uid: makes first keys of two clusters differ in name, so that a backup of
            one can be restored to the other.
        attempt: how often the name that followed was taken by something else.
    """
    seen = [(secret_name(secret), key_label(secret)) for secret in found]
    return letters_of(repr((lease_uid, attempt, seen)).encode())


def letters_of(content: bytes) -> str:
    """Return letters that follow from a content and do not tell it."""
    number = int.from_bytes(hashlib.sha256(content).digest(), "big")
    letters = ""
    for _ in range(_NAME_LETTERS_COUNT):
        number, index = divmod(number, len(_NAME_LETTERS))
        letters += _NAME_LETTERS[index]
    return letters
