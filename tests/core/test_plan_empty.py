"""Never empty over good: blank values, no keys at all, and removals that must wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secretsync.core.plan import Verb
from secretsync.core.secrets import ALLOW_EMPTY_ANNOTATION
from tests.core.secret_cases import Model, desired, foreign_secret

ALLOW = {ALLOW_EMPTY_ANNOTATION: "true"}
BLANKS = ["", "{}", "null", " \n\t", "{ \n }", " {} "]
POLICIES = ("Owner", "Orphan", "Merge", "CreateOrMerge")


def _model(policy: str, data: dict[str, str]) -> Model:
    model = foreign_secret({"theirs": "x"}) if policy in ("Merge", "CreateOrMerge") else Model()
    model.carry_out(desired(data, {"creationPolicy": policy}))
    return model


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_blank_value_over_a_good_one_is_refused(policy: str, blank: str) -> None:
    model = _model(policy, {"password": "good", "user": "u"})
    target = {"creationPolicy": policy}
    action = model.carry_out(desired({"password": blank, "user": "new"}, target))
    assert action.verb is Verb.BLOCKED
    assert action.message == "an empty value would replace a good one in key password"
    assert "secretsync.io/allow-empty=true" in action.remedy
    assert model.values()["user"] == "u"
    allowed = desired({"password": blank, "user": "new"}, target, annotations=ALLOW)
    assert model.carry_out(allowed).verb is Verb.UPDATE
    assert model.values()["password"] == blank


def test_blank_keys_are_named_in_order() -> None:
    model = _model("Owner", {"b": "1", "a": "1", "c": "1"})
    action = model.plan(desired({"b": "", "a": "", "c": "2"}))
    assert action.message.endswith("in key a, b")


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        pytest.param({"a": ""}, {"a": "{}"}, id="blank-over-blank"),
        pytest.param({"a": "1"}, {"a": "1", "b": ""}, id="a-new-key"),
        pytest.param({"a": ""}, {"a": "good"}, id="good-over-blank"),
        pytest.param({"a": "1"}, {"a": "[]"}, id="an-empty-list-says-something"),
        pytest.param({"a": "1"}, {"a": "0"}, id="zero-says-something"),
    ],
)
def test_what_is_not_empty_over_good_goes_through(
    live: dict[str, str], wanted: dict[str, str]
) -> None:
    model = _model("Owner", live)
    assert model.carry_out(desired(wanted)).verb is Verb.UPDATE
    assert model.values() == wanted


@pytest.mark.parametrize("policy", POLICIES)
def test_no_keys_at_all_over_good_ones_is_refused(policy: str) -> None:
    model = _model(policy, {"password": "good"})
    before = model.values()
    action = model.carry_out(desired({}, {"creationPolicy": policy}))
    assert (action.verb, action.message) == (
        Verb.BLOCKED,
        "the sources gave no keys, and the Secret has some",
    )
    assert model.values() == before
    model.carry_out(desired({}, {"creationPolicy": policy}, annotations=ALLOW))
    assert "password" not in model.values()


@pytest.mark.parametrize("policy", ["Merge", "CreateOrMerge"])
def test_no_keys_where_none_of_ours_are_is_fine(policy: str) -> None:
    model = foreign_secret({"theirs": "x"})
    assert model.carry_out(desired({}, {"creationPolicy": policy})).verb is Verb.UPDATE
    assert model.values() == {"theirs": "x"}


def test_no_keys_in_a_new_secret_is_fine() -> None:
    assert Model().plan(desired({})).verb is Verb.CREATE


@pytest.mark.parametrize("policy", POLICIES)
def test_held_removals_remove_nothing_and_write_the_rest(policy: str) -> None:
    model = _model(policy, {"a": "1", "b": "2"})
    held = replace(desired({"a": "new"}, {"creationPolicy": policy}), hold_removals=True)
    action = model.carry_out(held)
    assert not action.removals.data
    assert {"a": "new", "b": "2"}.items() <= model.values().items()
    assert model.plan(held).verb is Verb.UNCHANGED


def test_held_removals_of_everything_change_nothing() -> None:
    model = _model("Owner", {"a": "1"})
    held = replace(desired({}), hold_removals=True)
    assert model.carry_out(held).verb is Verb.UNCHANGED
    assert model.values() == {"a": "1"}
