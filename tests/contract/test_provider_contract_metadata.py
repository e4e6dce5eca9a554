"""The laws of metadata refs, held against every provider that reads metadata."""

from __future__ import annotations

import json

import pytest

from providers.base import (
    Provider,
    ProviderError,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from tests.contract.provider_kit import CANARY, needs_metadata, needs_tagged_metadata, refs_of


def metadata_of(provider: Provider, key: str) -> SecretValue | ProviderError:
    """Read what describes a secret."""
    ref = SecretRef(key, metadata=True)
    return provider.fetch([ref])[ref]


@needs_metadata
def test_metadata_is_a_json_object_without_the_value(case, provider):
    [ref] = refs_of(case, 1)
    got = metadata_of(provider, ref.key)
    assert isinstance(json.loads(got.value.reveal()), dict)
    assert CANARY.encode() not in got.value.reveal()
    assert got.version


@needs_tagged_metadata
def test_metadata_shows_tags_and_has_another_version_when_they_change(case, provider):
    [ref] = refs_of(case, 1)
    case.tag(ref.key, {"team": "red"})
    before = metadata_of(provider, ref.key)
    assert b"red" in before.value.reveal()
    assert metadata_of(provider, ref.key).version == before.version
    case.tag(ref.key, {"team": "blue"})
    after = metadata_of(provider, ref.key)
    assert b"blue" in after.value.reveal()
    assert after.version != before.version


@needs_metadata
def test_metadata_and_value_of_one_secret_are_two_answers(case, provider):
    [ref] = refs_of(case, 1)
    described = SecretRef(ref.key, metadata=True)
    got = {
        one: answer
        for group in provider.pack([ref, described])
        for one, answer in provider.fetch(group).items()
    }
    assert got[ref].value.reveal() == case.payload(f"{CANARY}-0")
    assert got[described].value != got[ref].value


@pytest.mark.remote
@needs_metadata
def test_metadata_of_nothing_is_absent_and_of_a_broken_service_unavailable(case, provider):
    [ref] = refs_of(case, 1)
    assert isinstance(metadata_of(provider, "app/nowhere"), SecretNotFound)
    case.fail()
    assert isinstance(metadata_of(provider, ref.key), Unavailable)
