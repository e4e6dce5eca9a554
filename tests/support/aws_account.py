"""An account with more secrets than a page shows, for tests of change detection.

The fixtures `clock` and `account` of tests/providers make it; these read and count.
"""

from __future__ import annotations

from providers.base import Provider, SecretRef, SecretValue
from tests.support.aws_front import StrictFront

__all__ = ["LIST_PAGE", "all_keys", "pages", "read"]

#: What the front gives at once in that account.
LIST_PAGE = 20


def all_keys() -> list[str]:
    """Return the keys of the account, oldest first: three pages."""
    return [f"s{number:03}" for number in range(45)]


def read(provider: Provider, *keys: str) -> dict[SecretRef, str]:
    """Read the keys, which must succeed; return their versions."""
    wanted = [SecretRef(key) for key in keys]
    got = {
        ref: one for group in provider.pack(wanted) for ref, one in provider.fetch(group).items()
    }
    assert all(isinstance(one, SecretValue) for one in got.values()), got
    return {ref: one.version for ref, one in got.items()}


def pages(front: StrictFront) -> int:
    """Count the lists that arrived since the last time this was asked."""
    counted = front.count("ListSecrets")
    front.calls.clear()
    return counted
