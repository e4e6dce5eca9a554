"""A Secret that a watch knows to be absent is created without a look, on both kinds of cluster.

The watch may be behind: what it does not show may be there all the same. So every test
here lets it be wrong, or asks what it costs where it is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from secretsync.cluster.base import KINDS, Kind
from secretsync.core.plan import Verb
from secretsync.refresh.applying import Applier
from secretsync.refresh.outcomes import Progress
from secretsync.resources.sealed_secret import SealedSecret
from tests.contract.cluster_cases import Arena
from tests.core.sealed_cases import MANAGED, PATCH
from tests.sealed.kit import Rig, live, opened_rig, sealed

UID = "11111111-1111-1111-1111-111111111111"


class Looks:
    """Counts the reads of single Secrets, those of the tests too."""

    def __init__(self, arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        get = arena.cluster.get

        def counted(kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
            self.count += kind is KINDS["Secret"]
            return get(kind, namespace, name)

        monkeypatch.setattr(arena.cluster, "get", counted)


@pytest.fixture
def looks(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(arena, monkeypatch)


@pytest.fixture
def believing(arena: Arena) -> Iterator[Rig]:
    """A rig whose watch says of every Secret that it is absent."""
    applier = Applier(arena.cluster, known_absent=lambda namespace, name: True)
    with opened_rig(arena.cluster, applier=applier) as made:
        yield made


def _item(arena: Arena, value: str = "1", **options: Any) -> SealedSecret:
    return live(sealed({"a": value}, namespace=arena.namespace, **options), UID)


def test_absent_secret_is_created_without_a_look(
    arena: Arena, believing: Rig, looks: Looks
) -> None:
    outcome = believing.one(_item(arena))
    assert outcome.action is not None
    assert outcome.action.verb is Verb.CREATE
    assert looks.count == 0
    assert arena.live("db")["data"] == {"a": "MQ=="}


def test_secret_of_somebody_else_is_never_overwritten(
    arena: Arena, believing: Rig, looks: Looks
) -> None:
    arena.secret("db", data={"theirs": "1"})
    before = arena.live("db")
    looks.count = 0
    outcome = believing.one(_item(arena))
    assert outcome.failed
    assert "not managed by" in outcome.message
    assert looks.count == 1
    assert arena.live("db") == before


@pytest.mark.parametrize(
    ("annotations", "keys"),
    [
        pytest.param(MANAGED, {"a"}, id="managed-is-replaced"),
        pytest.param(PATCH, {"a", "theirs"}, id="patch-is-merged"),
    ],
)
def test_secret_that_may_be_taken_is_taken_as_it_says_itself(
    arena: Arena, believing: Rig, annotations: dict[str, str], keys: set[str]
) -> None:
    arena.secret("db", data={"theirs": "1"}, annotations=annotations)
    outcome = believing.one(_item(arena))
    assert not outcome.failed, outcome.message
    assert outcome.action is not None
    assert outcome.action.verb is Verb.UPDATE
    assert arena.live("db")["data"].keys() == keys


def test_own_unchanged_secret_is_not_written_again(arena: Arena, believing: Rig) -> None:
    with opened_rig(arena.cluster) as before:
        assert not before.one(_item(arena)).failed
    written = arena.live("db")
    outcome = believing.one(_item(arena))
    assert outcome.progress is Progress.UNCHANGED
    assert arena.live("db") == written


def test_own_changed_secret_is_brought_up_to_date(arena: Arena, believing: Rig) -> None:
    with opened_rig(arena.cluster) as before:
        assert not before.one(_item(arena)).failed
    outcome = believing.one(_item(arena, "2"))
    assert outcome.action is not None
    assert outcome.action.verb is Verb.UPDATE
    assert arena.live("db")["data"] == {"a": "Mg=="}


def test_secret_that_comes_and_goes_between_look_and_write_is_decided_anew(
    arena: Arena, believing: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There at the create, gone at the look, made by somebody else before the next create."""
    arena.secret("db", data={"theirs": "1"})
    get, turns = arena.cluster.get, iter(["goes", "stays"])

    def unsteady(kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        if kind is KINDS["Secret"] and next(turns) == "goes":
            return None
        return get(kind, namespace, name)

    monkeypatch.setattr(arena.cluster, "get", unsteady)
    before = get(KINDS["Secret"], arena.namespace, "db")
    outcome = believing.one(_item(arena))
    assert outcome.failed
    assert get(KINDS["Secret"], arena.namespace, "db") == before
