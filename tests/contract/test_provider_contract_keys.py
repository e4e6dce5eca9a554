"""Names that are no names, held against every provider: refused or absent, said in clear words.

Whoever may write an ExternalSecret or a PushSecret writes keys, versions, properties and
paths. None of them may reach another secret, spoil an answer for others, or put into logs
and conditions what a terminal obeys.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.base import (
    FindQuery,
    Provider,
    ProviderError,
    PushItem,
    PushRef,
    SecretBytes,
    SecretRef,
    SecretValue,
)
from tests.contract.provider_cases import ProviderCase
from tests.contract.provider_kit import CANARY, needs_find, needs_write, refs_of, text_of

HOSTILE = {
    "up": "../app/key-0",
    "far-up": "a/../../../../etc/passwd",
    "encoded": "%2e%2e/app/key-0",
    "encoded-slash": "..%2fapp%2fkey-0",
    "double-slash": "app//key-0",
    "line": "app/key-0\r\nX-Other: 1",
    "escape": "app/\x1b[2Jkey-0",
    "zero": "app/key-0\x00",
    "right-to-left": "app/\u202ekey-0",
    "half-a-character": "app/\ud800key-0",
    "long": "k" * 4096,
    "long-path": "k/" * 2048 + "k",
}
#: A message of a condition is cut at 1,024 bytes; the cause must fit in together with more.
MAX_MESSAGE = 400


def assert_clear(error: object, name: str) -> None:
    """Fail unless the error can be shown as it is."""
    assert isinstance(error, ProviderError), (name, error)
    for text in (error.message, error.remedy):
        assert len(text) <= MAX_MESSAGE, (name, len(text))
        assert text.isprintable(), (name, text)
    assert error.message, name
    assert CANARY not in text_of(error), name


def fetched(provider: Provider, refs: list[SecretRef]) -> dict[SecretRef, object]:
    """Read all refs, in the groups that the provider makes."""
    return {ref: one for group in provider.pack(refs) for ref, one in provider.fetch(group).items()}


def test_hostile_keys_are_clear_errors_and_spoil_no_other(
    case: ProviderCase, provider: Provider
) -> None:
    [good] = refs_of(case, 1)
    refs = {name: SecretRef(key) for name, key in HOSTILE.items()}
    answers = fetched(provider, [*refs.values(), good])
    assert set(answers) == {*refs.values(), good}
    for name, ref in refs.items():
        assert_clear(answers[ref], name)
    assert isinstance(answers[good], SecretValue)
    assert answers[good].value.reveal() == case.payload(f"{CANARY}-0")


def test_hostile_versions_are_clear_errors_and_spoil_no_other(
    case: ProviderCase, provider: Provider
) -> None:
    [good] = refs_of(case, 1)
    refs = {name: SecretRef(good.key, version) for name, version in HOSTILE.items()}
    answers = fetched(provider, [*refs.values(), good])
    held = case.payload(f"{CANARY}-0")
    for name, ref in refs.items():
        answer = answers[ref]
        # A service without versions gives what it has, as it does in the operator.
        if not isinstance(answer, SecretValue):
            assert_clear(answer, name)
        else:
            assert answer.value.reveal() == held, name
    assert isinstance(answers[good], SecretValue)


def test_metadata_of_hostile_keys_are_clear_errors(case: ProviderCase, provider: Provider) -> None:
    refs = {name: SecretRef(key, metadata=True) for name, key in HOSTILE.items()}
    answers = fetched(provider, list(refs.values()))
    for name, ref in refs.items():
        assert_clear(answers[ref], name)


def test_check_of_hostile_keys_raises_clear_errors(case: ProviderCase, provider: Provider) -> None:
    for name, key in HOSTILE.items():
        with pytest.raises(ProviderError) as caught:
            provider.check([SecretRef(key)])
        assert_clear(caught.value, name)


@needs_find
def test_find_below_hostile_paths_finds_nothing_or_is_a_clear_error(
    case: ProviderCase, provider: Provider
) -> None:
    refs_of(case, 1)
    for name, path in HOSTILE.items():
        try:
            assert provider.find(FindQuery(path=path)) == [], name
        except ProviderError as exc:
            assert_clear(exc, name)


@needs_write
def test_pushes_to_hostile_keys_and_properties_touch_nothing_else(
    case: ProviderCase, provider: Provider
) -> None:
    [good] = refs_of(case, 1)
    for name, text in HOSTILE.items():
        for place in (PushRef(text), PushRef(good.key, text)):
            item = PushItem(place, SecretBytes(f'{{"{CANARY}":"1"}}'.encode()))
            _clear_or_done(lambda item=item: provider.push(item), name)
            _clear_or_done(lambda place=place: provider.exists(place), name)
            _clear_or_done(lambda place=place: provider.delete(place), name)
    answer = provider.fetch([good])[good]
    assert isinstance(answer, SecretValue)
    assert answer.value.reveal() == case.payload(f"{CANARY}-0")


def _clear_or_done(act: Callable[[], object], name: str) -> None:
    """Let a store take a name that is none elsewhere; hold its errors to be clear."""
    try:
        act()
    except ProviderError as exc:
        assert_clear(exc, name)
