"""Laws of the `fake` store that the contract suite does not hold."""

from __future__ import annotations

import pytest

from providers.base import (
    Credentials,
    InvalidRef,
    NotManaged,
    PushItem,
    PushRef,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from providers.fake.config import FakeConfig, FakeData
from providers.registry import load


def opened(*data: FakeData, **more: int):
    module = load("fake")
    return module.open_provider(FakeConfig(data, **more), Credentials(), observe=lambda *_: None)


VERSIONS = (FakeData("k", "one", "v1"), FakeData("k", "two", "v2"), FakeData("k", "ten", "v10"))


@pytest.mark.parametrize(
    ("data", "version", "value"),
    [
        pytest.param(VERSIONS, "v1", b"one", id="named"),
        pytest.param(VERSIONS, "", b"two", id="latest-in-the-order-of-strings"),
        pytest.param((*VERSIONS, FakeData("k", "plain")), "", b"plain", id="without-a-version"),
        pytest.param(VERSIONS, "v3", None, id="no-such-version"),
        pytest.param((FakeData("k", "a"), FakeData("k", "b")), "", b"b", id="the-later-counts"),
        pytest.param((), "", None, id="no-such-key"),
    ],
)
def test_value_is_that_of_the_version(data, version, value):
    ref = SecretRef("k", version)
    answer = opened(*data).fetch([ref])[ref]
    if value is None:
        assert isinstance(answer, SecretNotFound)
        assert answer.definite
    else:
        assert isinstance(answer, SecretValue)
        assert answer.value.reveal() == value


@pytest.mark.parametrize(("result", "fails"), [(0, False), (1, False), (2, True)])
def test_check_says_what_the_store_says_of_itself(result, fails):
    store = opened(validation_result=result)
    if fails:
        with pytest.raises(Unavailable, match="validationResult"):
            store.check([])
    else:
        store.check([])


def test_metadata_is_refused():
    ref = SecretRef("k", metadata=True)
    assert isinstance(opened(FakeData("k", "a")).fetch([ref])[ref], InvalidRef)


def test_data_of_the_manifest_is_not_pushed_over():
    store = opened(FakeData("k", "given"))
    with pytest.raises(NotManaged):
        store.push(PushItem(PushRef("k"), SecretBytes(b"pushed")))
    with pytest.raises(NotManaged):
        store.delete(PushRef("k"))
    ref = SecretRef("k")
    assert store.fetch([ref])[ref].value.reveal() == b"given"
