"""Whatever Secret a chain of SealedSecrets meets: written once, then found as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from secretsync.core.plan import Verb
from secretsync.core.sealed import PATCH_ANNOTATION, desired_from_live, desired_from_sealed
from secretsync.core.secrets import ADOPT_ANNOTATION, INVENTORY_LABEL, SEALED_DIGEST_ANNOTATION
from secretsync.resources.sealed_secret import SealedSecret
from tests.core.sealed_cases import (
    DIGEST_KEY,
    MANAGED,
    PATCH,
    SKIP_OWNER,
    hand_made,
    nothing,
    owner_of,
    sealed_secret,
    unsealed,
    written_by_theirs,
)
from tests.core.secret_cases import UID, Model

DATA = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1", "2"]), max_size=3)
STRINGS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["1", "2"]))
MARKS = st.lists(st.sampled_from([MANAGED, PATCH, SKIP_OWNER]), max_size=2)
FOREIGN_OWNERS: list[list[dict[str, Any]]] = [
    [],
    [owner_of(uid="earlier")],
    [owner_of("Deployment", name="web", uid="web-uid")],
    [{"apiVersion": "v1", "kind": "ConfigMap", "name": "notes", "uid": "notes-uid"}],
]


@dataclass(frozen=True)
class Step:
    """One SealedSecret, and what comes out of it."""

    sealed: SealedSecret
    data: dict[str, str]
    digest_key: bytes | None
    labels: dict[str, str]

    def carry_out(self, model: Model) -> Verb:
        """Open it and write."""
        secret = unsealed(self.sealed, self.data)
        wanted = desired_from_sealed(
            self.sealed, secret, digest_key=self.digest_key, extra_labels=self.labels
        )
        action = model.carry_out(wanted)
        again = model.plan(wanted)
        assert action.verb is not Verb.BLOCKED, action.message
        assert (again.verb, again.changes, again.metadata) == (Verb.UNCHANGED, (), ())
        return action.verb


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Any SealedSecret of one name that may take over whatever is there."""
    annotations = dict(draw(STRINGS))
    for mark in draw(MARKS):
        annotations |= mark
    data = draw(DATA)
    uid = draw(st.sampled_from([UID, "another-uid", ""]))
    template = {"metadata": {"labels": draw(STRINGS), "annotations": annotations}}
    # One text opens to one value: other data has another text.
    spec = {"encryptedData": {key: f"AgA{value}=" for key, value in data.items()}}
    adopt = {ADOPT_ANNOTATION: "true"}
    sealed = sealed_secret((), template, uid=uid, spec=spec, annotations=adopt)
    labels = {} if uid else draw(st.sampled_from([{}, {INVENTORY_LABEL: "paths"}]))
    return Step(sealed, data, draw(st.sampled_from([None, DIGEST_KEY])), labels)


@st.composite
def starts(draw: st.DrawFn) -> Model:
    """Any Secret, or none."""
    annotations = dict(draw(STRINGS))
    for mark in draw(MARKS):
        annotations |= mark
    metadata = {"annotations": annotations, "labels": draw(STRINGS)}
    metadata["ownerReferences"] = draw(st.sampled_from(FOREIGN_OWNERS))
    match draw(st.sampled_from(["absent", "foreign", "theirs"])):
        case "absent":
            return nothing()
        case "foreign":
            return hand_made(draw(DATA), metadata=metadata)
        case _:
            return written_by_theirs(draw(DATA))


@settings(deadline=None)
@given(model=starts(), chain=st.lists(steps(), min_size=1, max_size=4))
def test_a_second_look_finds_nothing_to_do(model: Model, chain: list[Step]) -> None:
    for step in chain:
        merged = model.metadata("annotations").get(PATCH_ANNOTATION) == "true"
        before = model.values()
        step.carry_out(model)
        if merged:
            assert model.values() == before | step.data
        else:
            assert model.values() == step.data
        assert model.obj is not None
        owners = model.obj["metadata"].get("ownerReferences") or []
        assert len([each for each in owners if each.get("controller")]) <= 1


@settings(deadline=None)
@given(model=starts(), chain=st.lists(steps(), min_size=1, max_size=4))
def test_a_digest_never_stands_for_other_data(model: Model, chain: list[Step]) -> None:
    """What is believed without opening is what opening would give."""
    for step in chain:
        step.carry_out(model)
        live = model.live()
        assert live is not None
        for each in chain:
            believed = desired_from_live(each.sealed, live, digest_key=DIGEST_KEY)
            if believed is not None:
                values = {key: value.reveal().decode() for key, value in believed.data.items()}
                assert values == each.data


@settings(deadline=None)
@given(model=starts(), step=steps())
def test_a_write_without_the_key_leaves_no_digest_behind(model: Model, step: Step) -> None:
    keyless = Step(step.sealed, step.data, None, step.labels)
    if keyless.carry_out(model) is not Verb.UNCHANGED:
        assert SEALED_DIGEST_ANNOTATION not in model.metadata("annotations")
