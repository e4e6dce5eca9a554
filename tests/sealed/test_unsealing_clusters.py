"""What only a real API server can refuse: the same unsealing on both kinds of cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from secretsync.core.plan import Verb
from secretsync.resources.sealed_secret import SealedSecret
from tests.contract.cluster_cases import Arena
from tests.core.sealed_cases import MANAGED, PATCH, SKIP_OWNER, owner_of
from tests.sealed.kit import Rig, live, opened_rig, parsed, sealed

UID = "11111111-1111-1111-1111-111111111111"
NOTES = {"apiVersion": "v1", "kind": "ConfigMap", "name": "notes", "uid": "notes-uid"}


@pytest.fixture
def rig(arena: Arena) -> Iterator[Rig]:
    with opened_rig(arena.cluster) as made:
        yield made


def _object(arena: Arena, data: dict[str, str | bytes] | None = None, **options: Any) -> Any:
    return sealed(data or {"a": "1"}, namespace=arena.namespace, **options)


def _settled(rig: Rig, item: SealedSecret, verb: Verb = Verb.UPDATE) -> None:
    """Unseal; what was written once is not written again, digest or not."""
    outcome = rig.one(item)
    assert not outcome.failed, outcome.message
    assert outcome.action is not None
    assert outcome.action.verb is verb
    operations = rig.operations.count
    again = rig.one(item).action
    assert again is not None
    assert (again.verb, again.changes, again.metadata) == (Verb.UNCHANGED, (), ())
    assert rig.operations.count == operations
    with opened_rig(rig.cluster, digest_key=None) as opening:
        opened = opening.one(item).action
        assert opened is not None
        assert (opened.verb, opened.metadata) == (Verb.UNCHANGED, ())


def _owners(arena: Arena) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = arena.live("db")["metadata"].get("ownerReferences", [])
    return found


def _theirs(arena: Arena, **fields: Any) -> None:
    """Put the Secret there that the Sealed Secrets controller makes of `_object`."""
    given = {"data": {"a": "1"}, "ownerReferences": [owner_of(uid=UID)], **fields}
    arena.secret("db", **given)


def test_every_turn_of_a_sealed_secret_settles(arena: Arena, rig: Rig) -> None:
    labels = {"l": "m"}
    _settled(rig, live(_object(arena), UID), Verb.CREATE)
    _settled(rig, live(_object(arena, {"a": "2", "b": ""}), UID))
    _settled(rig, live(_object(arena, {"b": "3"}, labels=labels), UID))
    _settled(rig, live(_object(arena, {"b": "3"}, template={"data": {"t": "{{ .b }}"}}), UID))
    _settled(rig, live(_object(arena, {"c": "4"}), "made-again"))
    _settled(rig, live(_object(arena, {"c": "4"}, annotations=SKIP_OWNER), "made-again"))
    assert arena.live("db")["data"] == {"c": "NA=="}
    assert _owners(arena) == []


def test_a_secret_of_the_sealed_secrets_controller_is_not_written(arena: Arena, rig: Rig) -> None:
    _theirs(arena, labels={"l": "m"})
    before = rig.version("db", arena.namespace)
    for item in (
        live(_object(arena, labels={"l": "m"}), UID),
        parsed(_object(arena, labels={"l": "m"})),
    ):
        outcome = rig.one(item)
        assert outcome.action is not None
        assert outcome.action.verb is Verb.UNCHANGED
    assert rig.version("db", arena.namespace) == before


@pytest.mark.parametrize("data", [{"a": "2"}, {"b": "2"}], ids=["changed", "a-key-goes"])
def test_the_first_change_after_a_takeover_settles(
    arena: Arena, rig: Rig, data: dict[str, str | bytes]
) -> None:
    _theirs(arena, labels={"foreign": "x"}, annotations={"foreign": "x"})
    _settled(rig, live(_object(arena, data), UID))
    secret = arena.live("db")
    assert secret["data"].keys() == data.keys()
    assert not secret["metadata"].get("labels")
    assert secret["metadata"]["annotations"].keys() == {"secretsync.io/sealed-digest"}
    assert _owners(arena) == [owner_of(uid=UID)]


def test_a_managed_secret_is_taken_over_whoever_owns_it(arena: Arena, rig: Rig) -> None:
    web = owner_of("Deployment", name="web", uid="web-uid")
    _theirs(arena, data={"x": "y"}, annotations=MANAGED, ownerReferences=[NOTES, web])
    _settled(rig, live(_object(arena), UID))
    assert _owners(arena) == [owner_of(uid=UID)]
    assert arena.live("db")["data"] == {"a": "MQ=="}


@pytest.mark.parametrize("managed", [False, True])
def test_a_patched_secret_is_merged(arena: Arena, rig: Rig, managed: bool) -> None:
    annotations = {**PATCH, **(MANAGED if managed else {})}
    _theirs(arena, data={"x": "y"}, annotations=annotations, ownerReferences=[])
    _settled(rig, live(_object(arena, {"a": "1", "b": "2"}), UID))
    _settled(rig, live(_object(arena, {"a": "3"}), UID))
    assert arena.live("db")["data"] == {"x": "eQ==", "a": "Mw==", "b": "Mg=="}
    assert _owners(arena) == ([owner_of(uid=UID)] if managed else [])


def test_an_immutable_secret_stays_and_its_metadata_follows(arena: Arena, rig: Rig) -> None:
    item = _object(arena, template={"immutable": True})
    _settled(rig, live(item, UID), Verb.CREATE)
    _settled(rig, live(_object(arena, labels={"l": "m"}), UID))
    outcome = rig.one(live(_object(arena, {"a": "2"}), UID))
    assert "the target Secret is immutable" in outcome.message
    secret = arena.live("db")
    assert (secret["data"], secret["immutable"]) == ({"a": "MQ=="}, True)


def test_a_secret_from_files_becomes_the_live_sealed_secrets(arena: Arena, rig: Rig) -> None:
    _settled(rig, parsed(_object(arena)), Verb.CREATE)
    _settled(rig, live(_object(arena), UID))
    _settled(rig, parsed(_object(arena, {"a": "2"})))
    assert _owners(arena) == [owner_of(uid=UID)]


def test_what_the_cluster_refuses_leaves_the_previous_secret(arena: Arena, rig: Rig) -> None:
    _settled(rig, live(_object(arena), UID), Verb.CREATE)
    refused = [
        rig.one(live(_object(arena, {"a": "x" * (1 << 20), "b": "y"}), UID)),
        rig.one(live(_object(arena, template={"type": "kubernetes.io/tls"}), UID)),
    ]
    for outcome in refused:
        assert outcome.failed
        assert outcome.reason == "ErrUpdateFailed"
        assert "x" * 20 not in outcome.message
    assert arena.live("db")["data"] == {"a": "MQ=="}


def test_a_new_secret_that_the_type_forbids_is_refused_without_a_value(
    arena: Arena, rig: Rig
) -> None:
    docker = {"type": "kubernetes.io/dockerconfigjson"}
    item = _object(arena, {".dockerconfigjson": "s3cret-no-json"}, template=docker)
    outcome = rig.one(live(item, UID))
    assert outcome.failed
    assert "s3cret" not in outcome.message + outcome.remedy
