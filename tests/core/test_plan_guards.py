"""Fault 8: a value that shrank or lost keys does not replace a good one where that is asked."""

from __future__ import annotations

import pytest

from secretsync.core.plan import Verb
from secretsync.core.secrets import ALLOW_EMPTY_ANNOTATION, DesiredSecret
from secretsync.resources.guards import MAX_SHRINK_ANNOTATION, REQUIRE_KEYS_ANNOTATION
from tests.core.secret_cases import CANARY, Model, desired, foreign_secret, written_by_eso

GOOD = {"user": "u" * 10, "pass": CANARY}
SOURCE = "SecretStore/aws:db"
POLICIES = ("Owner", "Orphan", "Merge", "CreateOrMerge")


def _wanted(
    data: dict[str, str], version: str = "v1", *, policy: str = "Owner", **annotations: str
) -> DesiredSecret:
    names = {"keys": REQUIRE_KEYS_ANNOTATION, "percent": MAX_SHRINK_ANNOTATION}
    names |= {"empty": ALLOW_EMPTY_ANNOTATION}
    return desired(
        data,
        {"creationPolicy": policy},
        versions={SOURCE: version},
        annotations={names[name]: text for name, text in annotations.items()},
    )


def _model(policy: str, data: dict[str, str]) -> Model:
    model = foreign_secret({"theirs": "x"}) if policy in ("Merge", "CreateOrMerge") else Model()
    model.carry_out(_wanted(data, policy=policy))
    return model


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("data", "lacks"),
    [
        pytest.param({"user": "new"}, "pass", id="a-key-is-gone"),
        pytest.param({"other": "new"}, "user, pass", id="all-keys-are-gone"),
        pytest.param({"user": "new", "Pass": "p"}, "pass", id="another-spelling"),
    ],
)
def test_data_without_a_required_key_is_not_written(
    policy: str, data: dict[str, str], lacks: str
) -> None:
    model = _model(policy, GOOD)
    before = model.values()
    action = model.carry_out(_wanted(data, "v2", policy=policy, keys="user, pass"))
    assert action.verb is Verb.BLOCKED
    assert action.message == f"the sources gave no value for the required key {lacks}"
    assert REQUIRE_KEYS_ANNOTATION in action.remedy
    assert model.values() == before
    model.carry_out(_wanted({**GOOD, **data}, "v3", policy=policy, keys="user, pass"))
    assert data.items() <= model.values().items()


@pytest.mark.parametrize("blank", ["", " ", "{}", "null"])
def test_blank_value_of_a_required_key_makes_no_secret_unless_it_may(blank: str) -> None:
    model = Model()
    action = model.carry_out(_wanted({"pass": blank}, keys="pass"))
    assert (action.verb, model.obj) == (Verb.BLOCKED, None)
    assert model.carry_out(_wanted({"pass": blank}, keys="pass", empty="true")).verb is Verb.CREATE


@pytest.mark.parametrize(
    ("before", "after", "percent", "refused"),
    [
        pytest.param({"a": "12345678"}, {"a": "1234"}, "50", "", id="just-half"),
        pytest.param({"a": "12345678"}, {"a": "123"}, "50", "the value of key a", id="below-half"),
        pytest.param({"a": "12"}, {"a": "1"}, "0", "the value of key a", id="anything-at-all"),
        pytest.param({"a": "12"}, {"a": "34"}, "0", "", id="as-long"),
        pytest.param({"a": "1"}, {"a": "123"}, "0", "", id="longer"),
        pytest.param({"a": "12"}, {"a": "1"}, "100", "", id="everything-goes"),
        pytest.param(
            {"a": "12", "b": "12", "c": "12"},
            {"a": "1", "b": "12", "c": "1"},
            "10",
            "the value of key a, c",
            id="each-is-named",
        ),
        pytest.param(
            {"a": "1", "b": "2"},
            {"a": "1"},
            "0",
            "the number of keys (without b)",
            id="a-key-is-gone",
        ),
        pytest.param({"a": "1", "b": "2"}, {"a": "1"}, "50", "", id="half-of-the-keys"),
        pytest.param(
            {"a": "1", "b": "2", "c": "3"},
            {"a": "1", "x": "1", "y": "1"},
            "50",
            "the number of keys (without b, c)",
            id="new-keys-make-up-for-none",
        ),
    ],
)
@pytest.mark.parametrize("policy", POLICIES)
def test_data_that_shrinks_by_more_than_is_allowed_is_not_written(
    policy: str, before: dict[str, str], after: dict[str, str], percent: str, refused: str
) -> None:
    model = _model(policy, before)
    kept = model.values()
    action = model.carry_out(_wanted(after, "v2", policy=policy, percent=percent))
    if not refused:
        assert action.verb is Verb.UPDATE
        return
    assert action.verb is Verb.BLOCKED
    assert action.message == f"{refused} would shrink by more than {percent} %"
    assert MAX_SHRINK_ANNOTATION in action.remedy
    assert model.values() == kept


def test_what_was_edited_in_the_cluster_or_in_the_manifest_is_put_through() -> None:
    model = _model("Owner", GOOD)
    assert model.obj is not None
    edited = {"stringData": None, "data": {**model.obj["data"], "more": "eA=="}}
    model.write("kubectl", {**model.obj, **edited})
    assert model.carry_out(_wanted(GOOD, percent="0")).verb is Verb.UPDATE
    assert model.values() == GOOD
    assert model.carry_out(_wanted({"user": "u"}, percent="0")).verb is Verb.UPDATE


def test_secret_of_eso_whose_versions_nobody_noted_is_guarded() -> None:
    model = written_by_eso(GOOD)
    action = model.carry_out(_wanted({"user": "u"}, percent="0"))
    assert action.verb is Verb.BLOCKED
    assert model.values() == GOOD


def test_refusal_shows_no_value() -> None:
    action = _model("Owner", GOOD).plan(_wanted({**GOOD, "pass": CANARY[:3]}, "v2", percent="10"))
    assert action.verb is Verb.BLOCKED
    assert CANARY[:3] not in action.message + action.remedy
