"""Which stores are said to refuse everything: by their last answers, whatever those held."""

from __future__ import annotations

import pytest

from providers.base import AccessDenied, SecretBytes, SecretNotFound, SecretValue, Unavailable
from secretsync.refresh.denials import Denials
from secretsync.resources.meta import ObjectRef

STORE = ObjectRef("ClusterSecretStore", "", "aws")
DENIED = AccessDenied("the store denies one")
ABSENT = SecretNotFound("two does not exist")
AWAY = Unavailable("nobody answers")
VALUE = SecretValue(SecretBytes(b"v"), "1")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        pytest.param([[DENIED]], "the store denies one", id="denied"),
        pytest.param([[ABSENT]], "", id="absent"),
        pytest.param([[AWAY]], "", id="away"),
        pytest.param([[]], "", id="nothing_asked"),
        pytest.param([[DENIED, VALUE]], "", id="one_of_two_given"),
        pytest.param([[DENIED, ABSENT]], "the store denies one", id="denied_and_absent"),
        pytest.param([[DENIED], [AWAY]], "the store denies one", id="away_since"),
        pytest.param([[DENIED], [VALUE]], "", id="given_since"),
        pytest.param([[VALUE], [DENIED]], "the store denies one", id="denied_since"),
        pytest.param([[DENIED], [()]], "", id="an_empty_list_since"),
    ],
)
def test_store_refuses_until_it_gives(answers: list[list[object]], said: str) -> None:
    denials = Denials()
    for batch in answers:
        denials.note(STORE, batch)
    assert denials.of(STORE) == said


def test_change_is_told_once() -> None:
    denials = Denials()
    told: list[ObjectRef] = []
    denials.tell(told.append)
    for batch in ([VALUE], [DENIED], [DENIED], [AWAY], [VALUE], [VALUE]):
        denials.note(STORE, batch)
    assert told == [STORE, STORE]


def test_store_that_is_another_one_now_begins_anew() -> None:
    denials = Denials()
    denials.note(STORE, [DENIED])
    denials.forget(STORE)
    assert denials.of(STORE) == ""
