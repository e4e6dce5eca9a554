"""A SealedSecret over whatever Secret is there: as its own controller would, and no worse."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.core.hashes import sealed_field_manager
from secretsync.core.plan import KeyVerb, Verb
from secretsync.core.sealed import UNSEALED, UPDATE_FAILED
from secretsync.core.secrets import (
    ADOPT_ANNOTATION,
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    INVENTORY_LABEL,
    MANAGED_LABEL,
    SEALED_DIGEST_ANNOTATION,
)
from tests.core.sealed_cases import (
    DIGEST_KEY,
    MANAGED,
    PATCH,
    SKIP_OWNER,
    hand_made,
    nothing,
    owner_of,
    wanted,
    written_by_theirs,
)
from tests.core.secret_cases import Model

ADOPT = {ADOPT_ANNOTATION: "true"}
NOT_OURS = 'Resource "db" already exists and is not managed by SealedSecret'
OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "notes", "uid": "notes-uid"}
TLS = "kubernetes.io/tls"


def _owners(model: Model) -> list[dict[str, Any]]:
    assert model.obj is not None
    found: list[dict[str, Any]] = model.obj["metadata"].get("ownerReferences") or []
    return found


def _settled(model: Model, desired: Any) -> None:
    action = model.plan(desired)
    assert (action.verb, action.changes, action.metadata) == (Verb.UNCHANGED, (), ())


def test_a_new_secret_is_what_the_sealed_secrets_controller_would_make() -> None:
    template = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "type": TLS}
    model = nothing()
    action = model.carry_out(wanted(template=template))
    assert (action.verb, action.reason) == (Verb.CREATE, UNSEALED)
    assert model.obj == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "db",
            "namespace": "web",
            "labels": {"a": "b"},
            "annotations": {"c": "d"},
            "ownerReferences": [owner_of()],
        },
        "type": TLS,
        "data": {"password": "aHVudGVyMg=="},
    }
    _settled(model, wanted(template=template))


@pytest.mark.parametrize("digest_key", [None, DIGEST_KEY], ids=["no-key", "key"])
def test_a_secret_that_the_sealed_secrets_controller_wrote_is_not_written(
    digest_key: bytes | None,
) -> None:
    template = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}
    model = written_by_theirs(metadata=template["metadata"])
    _settled(model, wanted(template=template, digest_key=digest_key))


def test_the_digest_comes_with_the_next_real_write() -> None:
    model = written_by_theirs()
    model.carry_out(wanted({"password": "new"}, digest_key=DIGEST_KEY))
    assert SEALED_DIGEST_ANNOTATION in model.metadata("annotations")
    _settled(model, wanted({"password": "new"}, digest_key=DIGEST_KEY))


def test_a_write_without_the_install_key_takes_the_digest_off() -> None:
    model = nothing()
    model.carry_out(wanted(digest_key=DIGEST_KEY))
    _settled(model, wanted())
    model.carry_out(wanted({"password": "new"}))
    assert SEALED_DIGEST_ANNOTATION not in model.metadata("annotations")


def test_a_digest_in_the_template_is_no_digest() -> None:
    claim = {"metadata": {"annotations": {SEALED_DIGEST_ANNOTATION: "a.b"}}}
    model = nothing()
    model.carry_out(wanted(template=claim))
    assert model.metadata("annotations") == {}


def test_nothing_of_external_secrets_is_put_on_the_secret() -> None:
    model = nothing()
    model.carry_out(wanted(digest_key=DIGEST_KEY))
    assert model.metadata("labels") == {}
    assert model.metadata("annotations").keys() == {SEALED_DIGEST_ANNOTATION}


@pytest.mark.parametrize("managed", [False, True])
@pytest.mark.parametrize("how", ["ours", "theirs"])
def test_foreign_keys_labels_and_annotations_go(how: str, managed: bool) -> None:
    model = written_by_theirs() if how == "theirs" else nothing()
    if how == "ours":
        model.carry_out(wanted())
    assert model.obj is not None
    extra = {"by": "hand"}
    stranger = {**model.obj, "data": {**model.obj["data"], "by": "aGFuZA=="}}
    stranger["metadata"] = {**model.obj["metadata"], "labels": extra}
    stranger["metadata"]["annotations"] = {**extra, **(MANAGED if managed else {})}
    model.write("kubectl", stranger)
    action = model.carry_out(wanted())
    assert [(change.key, change.verb) for change in action.changes] == [("by", KeyVerb.REMOVED)]
    assert model.values() == {"password": "hunter2"}
    assert (model.metadata("labels"), model.metadata("annotations")) == ({}, {})
    _settled(model, wanted())


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="plain"),
        pytest.param({"annotations": {next(iter(MANAGED)): "True"}}, id="managed-True"),
        pytest.param({"annotations": {next(iter(PATCH)): ""}}, id="patch-empty"),
        pytest.param({"labels": {CREATED_BY_LABEL: "x"}}, id="an-external-secrets"),
        pytest.param({"ownerReferences": [owner_of("Deployment", name="web")]}, id="owned"),
        pytest.param({"ownerReferences": [owner_of(name="other")]}, id="another-sealed-secret"),
    ],
)
def test_a_foreign_secret_is_refused_and_adopted_on_request(metadata: dict[str, Any]) -> None:
    model = hand_made(metadata=metadata)
    action = model.carry_out(wanted())
    assert (action.verb, action.reason, action.message) == (Verb.BLOCKED, UPDATE_FAILED, NOT_OURS)
    assert "secretsync.io/adopt" in action.remedy
    assert model.values() == {"theirs": "x"}
    model.carry_out(wanted(annotations=ADOPT))
    assert model.values() == {"password": "hunter2"}
    assert _owners(model) == [owner_of()]
    _settled(model, wanted())


def test_what_an_external_secret_left_goes_with_the_adoption() -> None:
    labels = {MANAGED_LABEL: "true", CREATED_BY_LABEL: "x"}
    model = hand_made(metadata={"labels": labels, "annotations": {DATA_HASH_ANNOTATION: "x"}})
    model.carry_out(wanted(annotations=ADOPT))
    assert (model.metadata("labels"), model.metadata("annotations")) == ({}, {})


def test_a_managed_secret_is_overwritten_and_taken_over() -> None:
    model = hand_made(
        metadata={"annotations": {**MANAGED, "x": "y"}, "labels": {"l": "m"}}, immutable=False
    )
    model.carry_out(wanted())
    assert model.values() == {"password": "hunter2"}
    assert (model.metadata("labels"), model.metadata("annotations")) == ({}, {})
    assert _owners(model) == [owner_of()]
    _settled(model, wanted())


@pytest.mark.parametrize("owned", [[], [owner_of("Deployment", name="web", uid="u")]])
def test_a_patched_secret_keeps_what_it_has_and_stays_whose_it_is(owned: list[Any]) -> None:
    metadata = {"annotations": {**PATCH, "x": "y"}, "labels": {"l": "m"}, "ownerReferences": owned}
    template = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}
    model = hand_made({"theirs": "x", "password": "old"}, metadata=metadata, type=TLS)
    model.carry_out(wanted(template=template))
    assert model.values() == {"theirs": "x", "password": "hunter2"}
    assert model.metadata("labels") == {"l": "m", "a": "b"}
    assert model.metadata("annotations") == {**PATCH, "x": "y", "c": "d"}
    assert _owners(model) == owned
    assert model.obj is not None
    assert model.obj["type"] == TLS
    _settled(model, wanted(template=template))


def test_a_patched_secret_without_data_or_labels_is_patched() -> None:
    model = hand_made({}, metadata={"annotations": PATCH})
    model.carry_out(wanted())
    assert model.values() == {"password": "hunter2"}


def test_patch_and_managed_is_merged_and_owned() -> None:
    model = hand_made(metadata={"annotations": {**PATCH, **MANAGED}})
    model.carry_out(wanted())
    assert model.values() == {"theirs": "x", "password": "hunter2"}
    assert _owners(model) == [owner_of()]
    _settled(model, wanted())


def test_a_key_that_left_the_sealed_secret_stays_in_a_patched_secret() -> None:
    model = hand_made(metadata={"annotations": PATCH})
    model.carry_out(wanted({"a": "1", "b": "2"}))
    _settled(model, wanted({"a": "1"}))
    model.carry_out(wanted({"a": "3"}))
    assert model.values() == {"theirs": "x", "a": "3", "b": "2"}


def test_a_merge_makes_no_secret_ours() -> None:
    model = hand_made(metadata={"annotations": PATCH})
    model.carry_out(wanted())
    assert model.obj is not None
    model.write("kubectl", {**model.obj, "metadata": {"name": "db", "namespace": "web"}})
    assert model.plan(wanted({"password": "new"})).message == NOT_OURS


@pytest.mark.parametrize("before", [{"uid": "earlier"}, {"uid": ""}], ids=["remade", "from-files"])
def test_the_secret_of_an_earlier_sealed_secret_of_that_name_is_ours(before: Any) -> None:
    model = nothing()
    model.carry_out(wanted(**before))
    model.carry_out(wanted({"password": "new"}))
    assert _owners(model) == [owner_of()]
    assert model.values() == {"password": "new"}
    _settled(model, wanted({"password": "new"}))


def test_a_secret_without_owner_that_we_made_is_ours() -> None:
    template = {"metadata": {"annotations": SKIP_OWNER}}
    model = nothing()
    model.carry_out(wanted(template=template))
    assert _owners(model) == []
    _settled(model, wanted(template=template))
    model.carry_out(wanted({"password": "new"}, template))
    assert model.values() == {"password": "new"}


def test_the_owner_goes_once_the_template_says_skip() -> None:
    template = {"metadata": {"annotations": SKIP_OWNER}}
    model = written_by_theirs(metadata={"ownerReferences": [owner_of(), OTHER]})
    model.carry_out(wanted(template=template))
    assert _owners(model) == []
    _settled(model, wanted(template=template))


def test_foreign_owner_references_go() -> None:
    model = written_by_theirs(metadata={"ownerReferences": [OTHER, owner_of()]})
    assert model.plan(wanted()).metadata == ("ownerReferences",)
    model.carry_out(wanted())
    assert _owners(model) == [owner_of()]
    _settled(model, wanted())


@pytest.mark.parametrize("data", [{"password": "hunter2"}, {"b": "2"}], ids=["same", "changed"])
def test_a_run_from_files_leaves_the_owner_and_adds_no_inventory(data: dict[str, str]) -> None:
    model = written_by_theirs(metadata={"ownerReferences": [OTHER, owner_of()]})
    desired = wanted(data, uid="", extra_labels={INVENTORY_LABEL: "paths"})
    model.carry_out(desired)
    assert sorted(each["uid"] for each in _owners(model)) == sorted(
        [OTHER["uid"], owner_of()["uid"]]
    )
    assert model.metadata("labels") == {}
    _settled(model, desired)


def test_a_run_from_files_notes_what_it_made() -> None:
    desired = wanted(uid="", extra_labels={INVENTORY_LABEL: "paths"})
    model = nothing()
    model.carry_out(desired)
    assert model.metadata("labels") == {INVENTORY_LABEL: "paths"}
    _settled(model, desired)
    patched = hand_made(metadata={"annotations": PATCH})
    patched.carry_out(desired)
    assert patched.metadata("labels") == {}, "a Secret that stays whose it is could be pruned"


def test_the_service_leaves_the_note_of_a_run_from_files() -> None:
    model = nothing()
    model.carry_out(wanted(uid="", extra_labels={INVENTORY_LABEL: "paths"}))
    model.carry_out(wanted({"b": "2"}))
    assert model.metadata("labels") == {INVENTORY_LABEL: "paths"}
    _settled(model, wanted({"b": "2"}))


def test_immutable_and_finalizers_count_when_the_secret_is_made() -> None:
    template = {"immutable": True, "metadata": {"finalizers": ["example.com/f"]}}
    model = nothing()
    model.carry_out(wanted(template=template))
    assert model.obj is not None
    assert model.obj["immutable"] is True
    assert model.obj["metadata"]["finalizers"] == ["example.com/f"]
    existing = written_by_theirs(metadata={"finalizers": ["example.com/g"]})
    _settled(existing, wanted(template=template))


def test_an_immutable_secret_is_not_changed() -> None:
    model = written_by_theirs(immutable=True)
    _settled(model, wanted())
    action = model.carry_out(wanted({"password": "new"}))
    assert (action.verb, action.reason) == (Verb.BLOCKED, UPDATE_FAILED)
    assert action.message == (
        "Error updating web/db: the target Secret is immutable. Once a Secret is marked as "
        "immutable, it is not possible to revert this change nor to mutate the contents of the "
        "data field. You can only delete and recreate the Secret."
    )
    assert model.values() == {"password": "hunter2"}


def test_metadata_of_an_immutable_secret_follows() -> None:
    model = written_by_theirs(immutable=True)
    model.carry_out(wanted(template={"metadata": {"labels": {"a": "b"}}}))
    assert model.metadata("labels") == {"a": "b"}
    assert model.obj is not None
    assert model.obj["immutable"] is True


@pytest.mark.parametrize(
    ("live", "wants"), [("Opaque", TLS), (TLS, ""), (TLS, "Opaque")], ids=["to", "none", "from"]
)
def test_another_type_is_refused(live: str, wants: str) -> None:
    model = written_by_theirs(type=live)
    action = model.carry_out(wanted({"password": "new"}, {"type": wants} if wants else None))
    assert (action.verb, action.reason) == (Verb.BLOCKED, UPDATE_FAILED)
    assert action.message.startswith(f"the type of an existing Secret cannot change from {live}")
    assert model.values() == {"password": "hunter2"}


def test_an_empty_value_may_be_written_over_a_good_one() -> None:
    model = written_by_theirs()
    model.carry_out(wanted({"password": ""}))
    assert model.values() == {"password": ""}
    model.carry_out(wanted({}))
    assert model.values() == {}


def test_a_secret_that_is_being_deleted_is_left_alone() -> None:
    model = written_by_theirs(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    action = model.plan(wanted({"password": "new"}))
    assert (action.verb, action.reason) == (Verb.BLOCKED, UPDATE_FAILED)


@pytest.mark.parametrize("length", [10, 120, 253])
def test_field_managers_tell_the_kinds_apart_and_stay_short(length: int) -> None:
    names = {sealed_field_manager("n" * length), sealed_field_manager("n" * length, merges=True)}
    assert len(names) == 2
    assert all(len(name) <= 128 and name.startswith("secretsync.io/sealed") for name in names)
