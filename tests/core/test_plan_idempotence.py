"""Applying a plan makes what was wanted, and planning again finds nothing to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from secretsync.core.plan import Verb
from secretsync.core.secrets import ADOPT_ANNOTATION, ALLOW_EMPTY_ANNOTATION, DesiredSecret
from secretsync.core.wire import needs_patch
from tests.core.secret_cases import Model, desired, foreign_secret, written_by_eso

KEYS = st.sampled_from(["a", "b", "c"])
DATA = st.dictionaries(KEYS, st.sampled_from(["", "1", "2", "{}"]), max_size=3)
STRINGS = st.dictionaries(st.sampled_from(["x", "y", "z"]), st.sampled_from(["1", "2"]))
FORCE = {ADOPT_ANNOTATION: "true", ALLOW_EMPTY_ANNOTATION: "true"}


@st.composite
def wants(draw: st.DrawFn) -> DesiredSecret:
    """Any ExternalSecret's wish that nothing refuses."""
    policy = draw(st.sampled_from(["Owner", "Orphan", "Merge", "CreateOrMerge"]))
    target: dict[str, Any] = {"creationPolicy": policy}
    labels, annotations = draw(STRINGS), draw(STRINGS)
    if draw(st.booleans()):
        finalizers = draw(st.sampled_from([[], ["a.example/f"], ["b.example/f"]]))
        metadata = {"labels": labels, "annotations": annotations, "finalizers": finalizers}
        target["template"] = {"metadata": metadata}
    wanted = desired(
        draw(DATA),
        target,
        uid=draw(st.sampled_from(["one-uid", "two-uid", ""])),
        labels=labels,
        annotations={**annotations, **FORCE},
        versions=draw(st.sampled_from([{}, {"SecretStore/aws:db": "v1"}])),
    )
    return replace(wanted, hold_removals=draw(st.sampled_from([False, False, False, True])))


def _start(kind: str, data: dict[str, str]) -> Model:
    match kind:
        case "absent":
            return Model()
        case "foreign":
            return foreign_secret(data)
        case _:
            return written_by_eso(data, uid="one-uid")


@settings(deadline=None)
@given(kind=st.sampled_from(["absent", "foreign", "eso"]), data=DATA, steps=st.lists(wants()))
def test_a_second_look_finds_nothing_to_do(
    kind: str, data: dict[str, str], steps: list[DesiredSecret]
) -> None:
    model = _start(kind, data)
    for wanted in steps:
        before = model.values()
        first = model.carry_out(wanted)
        assert first.verb is not Verb.BLOCKED, first.message
        again = model.plan(wanted)
        assert (again.verb, again.changes, again.metadata) == (Verb.UNCHANGED, (), ())
        _assert_is_wanted(model, wanted, before)


def _assert_is_wanted(model: Model, wanted: DesiredSecret, before: dict[str, str]) -> None:
    if model.obj is None:
        assert wanted.must_exist
        return
    values = {key: value.reveal().decode() for key, value in wanted.data.items()}
    assert values.items() <= model.values().items()
    if wanted.hold_removals:
        assert before.keys() <= model.values().keys()
    elif not wanted.keep_foreign_keys:
        assert values == model.values()
    assert wanted.labels.items() <= model.metadata("labels").items()
    assert wanted.annotations.items() <= model.metadata("annotations").items()
    references = model.obj["metadata"].get("ownerReferences", [])
    assert len([each for each in references if each.get("controller")]) <= 1


@settings(deadline=None)
@given(data=DATA, first=wants(), second=wants())
def test_both_ways_of_writing_make_the_same_secret(
    data: dict[str, str], first: DesiredSecret, second: DesiredSecret
) -> None:
    """Where an apply would do, a patch gives the same data, labels and owner."""
    models = [foreign_secret(data), foreign_secret(data)]
    for model in models:
        model.carry_out(first)
    live = models[0].live()
    action = models[0].plan(second)
    if live is None or action.verb is not Verb.UPDATE or needs_patch(second, action, live):
        return
    models[0].carry_out(second)
    models[1].patch(second)
    assert models[0].values() == models[1].values()
    for section in ("labels", "annotations"):
        assert models[0].metadata(section) == models[1].metadata(section)
    assert models[0].live().owner == models[1].live().owner
