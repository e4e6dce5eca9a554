"""What the laws of the provider contract share: values, readings, and what errors show."""

from __future__ import annotations

import traceback

import pytest

from providers.base import Provider, SecretRef, SecretValue
from tests.contract.provider_cases import Ability, ProviderCase

__all__ = [
    "CANARY",
    "batch_calls",
    "needs_changes",
    "needs_find",
    "needs_metadata",
    "needs_tagged_metadata",
    "needs_tags",
    "needs_write",
    "needs_write_property",
    "read",
    "refs_of",
    "text_of",
]

CANARY = "canary-9f1c-must-not-show"

needs_changes = pytest.mark.needs(Ability.CHANGES)
needs_find = pytest.mark.needs(Ability.FIND)
needs_tags = pytest.mark.needs(Ability.FIND | Ability.TAGS)
needs_metadata = pytest.mark.needs(Ability.METADATA)
needs_tagged_metadata = pytest.mark.needs(Ability.METADATA | Ability.TAGS)
needs_write = pytest.mark.needs(Ability.WRITE)
needs_write_property = pytest.mark.needs(Ability.WRITE_PROPERTY)


def refs_of(case: ProviderCase, count: int) -> list[SecretRef]:
    """Create so many secrets and return refs to them."""
    for number in range(count):
        case.put(f"app/key-{number}", f"{CANARY}-{number}")
    return [SecretRef(f"app/key-{number}") for number in range(count)]


def batch_calls(case: ProviderCase) -> int:
    """Return how many requests one batch takes: one, unless the case says otherwise."""
    return getattr(case, "batch_calls", 1)


def read(provider: Provider, refs: list[SecretRef]) -> dict[SecretRef, str]:
    """Read all refs, which must succeed; return their versions."""
    got = {ref: one for group in provider.pack(refs) for ref, one in provider.fetch(group).items()}
    assert all(isinstance(one, SecretValue) for one in got.values()), got
    return {ref: one.version for ref, one in got.items()}


def text_of(error: BaseException) -> str:
    """Return the traceback with every cause and context, and their reprs."""
    reprs, link = [], error
    while link is not None:
        reprs.append(repr(link))
        link = link.__cause__ or link.__context__
    return "".join([*traceback.format_exception(error), *reprs])
