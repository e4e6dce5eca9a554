"""What a SealedSecret wants: its template's metadata, its own name, its own uid as owner."""

from __future__ import annotations

import pytest

from secretsync.core.sealed import desired_from_sealed
from secretsync.core.secrets import OwnerReference
from tests.core.sealed_cases import SKIP_OWNER, sealed_secret, unsealed, wanted
from tests.core.secret_cases import CANARY, UID


def test_the_template_gives_metadata_and_the_object_gives_place_and_owner() -> None:
    template = {
        "metadata": {
            "name": "elsewhere",
            "labels": {"a": "b"},
            "annotations": {"c": "d"},
            "finalizers": ["example.com/f"],
        },
        "type": "example.com/t",
        "immutable": True,
    }
    desired = wanted({"k": "v"}, template, labels={"not": "copied"})
    assert (desired.namespace, desired.name, desired.type) == ("web", "db", "example.com/t")
    assert (desired.labels, desired.annotations) == ({"a": "b"}, {"c": "d"})
    assert (desired.finalizers, desired.immutable) == (("example.com/f",), True)
    assert desired.owner == OwnerReference("bitnami.com/v1alpha1", "SealedSecret", "db", UID)
    assert desired.owner.blocks_deletion is False


@pytest.mark.parametrize("field", ["uid", "resourceVersion", "managedFields", "ownerReferences"])
def test_what_describes_another_object_is_dropped(field: str) -> None:
    given = [{"manager": "x", "uid": "x"}] if field.endswith("s") else "1"
    assert wanted(template={"metadata": {field: given}}) == wanted(template={"metadata": {}})


def test_without_a_live_object_there_is_no_owner() -> None:
    desired = wanted(uid="")
    assert desired.owner is None
    assert not desired.disown


def test_the_template_may_ask_for_no_owner() -> None:
    desired = wanted(template={"metadata": {"annotations": SKIP_OWNER}})
    assert desired.owner is None
    assert desired.disown


def test_skipping_the_owner_on_the_object_itself_means_nothing() -> None:
    assert wanted(annotations=SKIP_OWNER).owner is not None


def test_no_repr_shows_a_value() -> None:
    sealed = sealed_secret(("k",))
    secret = unsealed(sealed, {"k": CANARY})
    assert CANARY not in repr(desired_from_sealed(sealed, secret, digest_key=b"k" * 32))
