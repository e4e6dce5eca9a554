"""The laws of `providers.base.Writer`, held against every provider that writes."""

from __future__ import annotations

import json

import pytest

from providers.base import (
    MalformedSecret,
    NotManaged,
    Provider,
    PushItem,
    PushRef,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    Unavailable,
)
from tests.contract.provider_cases import Ability, ProviderCase
from tests.contract.provider_kit import (
    CANARY,
    needs_write,
    needs_write_property,
    read,
    refs_of,
    text_of,
)

PUSHED = b'{"user":"canary-9f1c-must-not-show","port":"5432"}'
OTHER = b'{"user":"other"}'


def pushed(key: str, value: bytes = PUSHED, prop: str = "") -> PushItem:
    """Return an item to push."""
    return PushItem(PushRef(key, prop), SecretBytes(value))


def object_at(case: ProviderCase, provider: Provider, key: str) -> object:
    """Return the JSON that the service holds there, without a marker that stands inside."""
    ref = SecretRef(key)
    held = json.loads(provider.fetch([ref])[ref].value.reveal())
    return {name: value for name, value in held.items() if name != getattr(case, "marker", "")}


@needs_write
def test_push_creates_what_is_read_back(case, provider):
    assert provider.exists(PushRef("app/new")) is False
    assert provider.push(pushed("app/new")) is True
    assert provider.exists(PushRef("app/new")) is True
    assert object_at(case, provider, "app/new") == json.loads(PUSHED)


@needs_write
def test_push_of_the_same_value_writes_nothing(case, provider):
    provider.push(pushed("app/new"))
    before = read(provider, [SecretRef("app/new")])
    assert provider.push(pushed("app/new")) is False
    assert read(provider, [SecretRef("app/new")]) == before


@needs_write
def test_push_of_another_value_replaces_the_pushed_one(case, provider):
    provider.push(pushed("app/new"))
    assert provider.push(pushed("app/new", OTHER)) is True
    assert object_at(case, provider, "app/new") == json.loads(OTHER)


@needs_write
@pytest.mark.parametrize("prop", ["", "user"])
def test_push_over_what_others_made_is_refused_and_changes_nothing(case, provider, prop):
    if prop and Ability.WRITE_PROPERTY not in case.abilities:
        pytest.skip("it does not push properties")
    [ref] = refs_of(case, 1)
    before = read(provider, [ref])
    with pytest.raises(NotManaged) as caught:
        provider.push(pushed(ref.key, prop=prop))
    assert CANARY not in text_of(caught.value)
    assert read(provider, [ref]) == before
    assert provider.fetch([ref])[ref].value.reveal() == case.payload(f"{CANARY}-0")


@needs_write_property
def test_push_of_properties_merges_them_and_deleting_one_keeps_the_other(case, provider):
    assert provider.push(pushed("app/new", b"alice", "user")) is True
    assert provider.push(pushed("app/new", b"pa ss", "password")) is True
    assert provider.push(pushed("app/new", b"pa ss", "password")) is False
    assert object_at(case, provider, "app/new") == {"user": "alice", "password": "pa ss"}
    assert provider.exists(PushRef("app/new", "user")) is True
    assert provider.exists(PushRef("app/new", "port")) is False
    assert provider.delete(PushRef("app/new", "user")) is True
    assert object_at(case, provider, "app/new") == {"password": "pa ss"}
    assert provider.delete(PushRef("app/new", "user")) is False


@needs_write
def test_delete_removes_what_was_pushed_once(case, provider):
    provider.push(pushed("app/new"))
    assert provider.delete(PushRef("app/new")) is True
    assert isinstance(provider.fetch([SecretRef("app/new")])[SecretRef("app/new")], SecretNotFound)
    assert provider.delete(PushRef("app/new")) is False


@needs_write
def test_delete_of_what_others_made_is_refused(case, provider):
    [ref] = refs_of(case, 1)
    with pytest.raises(NotManaged):
        provider.delete(PushRef(ref.key))
    assert read(provider, [ref])


@pytest.mark.remote
@needs_write
@pytest.mark.parametrize("trouble", ["fail", "garble", "cut_off"])
def test_writing_to_a_broken_service_raises_and_shows_no_value(case, provider, trouble):
    getattr(case, trouble)()
    for act in (
        lambda: provider.push(pushed("app/new")),
        lambda: provider.exists(PushRef("app/new")),
        lambda: provider.delete(PushRef("app/new")),
    ):
        with pytest.raises((Unavailable, MalformedSecret)) as caught:
            act()
        assert CANARY not in text_of(caught.value)
