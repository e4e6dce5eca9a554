"""The digest on a Secret: it spares opening, and nobody without the key can forge it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from secretsync.core.plan import Verb
from secretsync.core.sealed import desired_from_live, fit_to_live, plan_sealed
from secretsync.core.sealed_digest import digest_covers, sealed_digest
from secretsync.core.secrets import INVENTORY_LABEL, SEALED_DIGEST_ANNOTATION, LiveSecret
from tests.core.sealed_cases import (
    DIGEST_KEY,
    MANAGED,
    PATCH,
    hand_made,
    nothing,
    sealed_secret,
    wanted,
)
from tests.core.secret_cases import CANARY, Model, secret_bytes

TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "data": {"url": "{{ .password }}"}}
DATA = secret_bytes({"password": CANARY, "url": "x"})
SEALED = sealed_secret(template=TEMPLATE)
DIGEST = sealed_digest(DIGEST_KEY, SEALED, DATA)


def _scope(name: str) -> dict[str, str]:
    return {f"sealedsecrets.bitnami.com/{name}": "true"}


def test_digest_is_two_keyed_parts_that_show_no_value() -> None:
    assert re.fullmatch(r"[0-9a-f]{32}\.[0-9a-f]{32}", DIGEST)
    assert digest_covers(DIGEST, DIGEST_KEY, SEALED, DATA)
    assert sealed_digest(DIGEST_KEY, SEALED, DATA) == DIGEST


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(sealed_secret(("password", "more"), TEMPLATE), id="another-value"),
        pytest.param(sealed_secret(template={**TEMPLATE, "type": "x/y"}), id="template"),
        pytest.param(sealed_secret(template=TEMPLATE, name="other"), id="name"),
        pytest.param(sealed_secret(template=TEMPLATE, namespace="other"), id="namespace"),
        pytest.param(
            sealed_secret(template=TEMPLATE, annotations=_scope("cluster-wide")), id="scope"
        ),
        pytest.param(sealed_secret(template=TEMPLATE, spec={"data": ""}), id="old-form"),
    ],
)
def test_digest_covers_what_decides_the_outcome(other: Any) -> None:
    assert not digest_covers(DIGEST, DIGEST_KEY, other, DATA)


@pytest.mark.parametrize(
    "same",
    [
        pytest.param({"labels": {"a": "b"}}, id="labels"),
        pytest.param({"annotations": {"a": "b"}}, id="annotations"),
        pytest.param({"uid": "made-again"}, id="uid"),
        pytest.param({"generation": 7}, id="generation"),
    ],
)
def test_digest_leaves_out_what_decides_nothing(same: dict[str, Any]) -> None:
    assert digest_covers(DIGEST, DIGEST_KEY, sealed_secret(template=TEMPLATE, **same), DATA)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"password": "edited", "url": "x"}, id="edited"),
        pytest.param({"password": CANARY}, id="lost"),
        pytest.param({"password": CANARY, "url": "x", "more": ""}, id="added"),
        pytest.param({"passwor": f"d{CANARY}", "url": "x"}, id="moved"),
    ],
)
def test_digest_covers_the_data(data: dict[str, str]) -> None:
    assert not digest_covers(DIGEST, DIGEST_KEY, SEALED, secret_bytes(data))


def test_digest_of_another_install_key_says_nothing() -> None:
    assert not digest_covers(DIGEST, b"x" * 32, SEALED, DATA)


def test_data_of_an_earlier_spec_does_not_pass_for_the_new_ones() -> None:
    """Whoever saw both digests may put their halves together."""
    newer = sealed_secret(template={**TEMPLATE, "immutable": True})
    spec_part = sealed_digest(DIGEST_KEY, newer, DATA).partition(".")[0]
    assert not digest_covers(f"{spec_part}.{DIGEST.partition('.')[2]}", DIGEST_KEY, newer, DATA)


@pytest.mark.parametrize(
    "text", ["", ".", "a", "\u00e9.\u00e9", DIGEST[:-1], f"{DIGEST}.", "a.b.c"]
)
def test_any_other_text_covers_nothing(text: str) -> None:
    assert not digest_covers(text, DIGEST_KEY, SEALED, DATA)


# Opening is spared only where the Secret proves what would come out.


def _made(data: dict[str, str], template: dict[str, Any], before: Model | None = None) -> Model:
    model = before or nothing()
    model.carry_out(wanted(data, template, digest_key=DIGEST_KEY))
    return model


def _live(model: Model) -> LiveSecret:
    live = model.live()
    assert live is not None
    return live


def test_an_unchanged_secret_is_unchanged_without_opening() -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "type": "kubernetes.io/tls"}
    live = _live(_made({"a": "1", "b": "2"}, template))
    desired = desired_from_live(sealed_secret(("a", "b"), template), live, digest_key=DIGEST_KEY)
    assert desired == wanted({"a": "1", "b": "2"}, template, digest_key=DIGEST_KEY)
    assert plan_sealed(desired, live).verb is Verb.UNCHANGED


def test_metadata_is_repaired_without_opening() -> None:
    template = {"metadata": {"labels": {"a": "b"}}}
    live = replace(_live(_made({"a": "1"}, template)), labels={"a": "edited"}, owner=None)
    desired = desired_from_live(sealed_secret(("a",), template), live, digest_key=DIGEST_KEY)
    assert desired is not None
    action = plan_sealed(desired, live)
    assert (action.verb, action.changes) == (Verb.UPDATE, ())
    assert action.metadata == ("label a", "ownerReferences")
    assert action.annotations[SEALED_DIGEST_ANNOTATION] == desired.sealed_digest


def test_a_patched_secret_is_proved_by_our_keys_alone() -> None:
    model = _made(
        {"a": "1", "b": "2"}, {}, hand_made(metadata={"annotations": {**PATCH, **MANAGED}})
    )
    live = _live(model)
    desired = desired_from_live(sealed_secret(("a", "b"), {}), live, digest_key=DIGEST_KEY)
    assert desired is not None
    assert desired.data.keys() == {"a", "b"}
    assert plan_sealed(fit_to_live(desired, live), live).verb is Verb.UNCHANGED


def test_inventory_of_a_run_from_files_is_wanted_without_opening_too() -> None:
    labels = {INVENTORY_LABEL: "paths"}
    live = _live(_made({"a": "1"}, {}))
    sealed = sealed_secret(("a",), {})
    desired = desired_from_live(sealed, live, digest_key=DIGEST_KEY, extra_labels=labels)
    assert desired is not None
    assert desired.labels == labels


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"annotations": {}}, id="no-digest"),
        pytest.param({"data": secret_bytes({"a": "edited"})}, id="edited-by-hand"),
        pytest.param({"data": {}}, id="emptied"),
    ],
)
def test_what_the_digest_does_not_prove_must_be_opened(changes: dict[str, Any]) -> None:
    live = replace(_live(_made({"a": "1"}, {})), **changes)
    assert desired_from_live(sealed_secret(("a",), {}), live, digest_key=DIGEST_KEY) is None


def test_the_old_form_is_always_opened() -> None:
    sealed = sealed_secret((), spec={"encryptedData": None, "data": "AgA="})
    digest = sealed_digest(DIGEST_KEY, sealed, secret_bytes({"a": "1"}))
    live = _live(
        hand_made({"a": "1"}, metadata={"annotations": {SEALED_DIGEST_ANNOTATION: digest}})
    )
    assert desired_from_live(sealed, live, digest_key=DIGEST_KEY) is None
