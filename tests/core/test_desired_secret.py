"""The Secret that an ExternalSecret wants: its metadata, owner and flags."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.core.hashes import created_by_hash
from secretsync.core.materialize import Materialized, desired_secret
from secretsync.core.secrets import (
    ADOPT_ANNOTATION,
    ALLOW_EMPTY_ANNOTATION,
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    DATES_ANNOTATION,
    INVENTORY_LABEL,
    LAST_APPLIED_ANNOTATION,
    MANAGED_LABEL,
    VERSIONS_ANNOTATION,
    OwnerReference,
)
from secretsync.resources.guards import MAX_SHRINK_ANNOTATION, REQUIRE_KEYS_ANNOTATION
from tests.core.secret_cases import API_VERSION, UID, desired, external_secret

POLICIES = ("Owner", "Orphan", "Merge", "CreateOrMerge")
MANAGED = {MANAGED_LABEL: "true"}


def _policy(name: str, **target: Any) -> dict[str, Any]:
    return {"creationPolicy": name, **target}


def test_without_a_template_labels_and_annotations_are_copied() -> None:
    wanted = desired(target=_policy("Orphan"), labels={"team": "a"}, annotations={"note": "b"})
    assert wanted.labels == {"team": "a", **MANAGED}
    assert wanted.annotations == {"note": "b"}


@pytest.mark.parametrize(
    "annotation",
    [
        LAST_APPLIED_ANNOTATION,
        ADOPT_ANNOTATION,
        ALLOW_EMPTY_ANNOTATION,
        DATA_HASH_ANNOTATION,
        VERSIONS_ANNOTATION,
        DATES_ANNOTATION,
        MAX_SHRINK_ANNOTATION,
        REQUIRE_KEYS_ANNOTATION,
        "argocd.argoproj.io/tracking-id",
        "argocd.argoproj.io/sync-wave",
    ],
)
def test_what_speaks_of_the_external_secret_itself_is_not_copied(annotation: str) -> None:
    assert desired(annotations={annotation: "10", "note": "b"}).annotations == {"note": "b"}


@pytest.mark.parametrize(
    ("template", "labels", "annotations", "finalizers"),
    [
        pytest.param({}, {}, {}, (), id="empty"),
        pytest.param(
            {"metadata": {"labels": {"x": "1"}, "annotations": {"y": "2"}}},
            {"x": "1"},
            {"y": "2"},
            (),
            id="both",
        ),
        pytest.param(
            {"metadata": {"annotations": {DATA_HASH_ANNOTATION: "0", VERSIONS_ANNOTATION: "{}"}}},
            {},
            {},
            (),
            id="computed-ones-left-out",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a.example/f"]}}, {}, {}, ("a.example/f",), id="finalizers"
        ),
    ],
)
def test_with_a_template_only_its_metadata_counts(
    template: dict[str, Any],
    labels: dict[str, str],
    annotations: dict[str, str],
    finalizers: tuple[str, ...],
) -> None:
    wanted = desired(
        target=_policy("Orphan", template=template),
        labels={"team": "a"},
        annotations={"note": "b"},
    )
    assert wanted.labels == {**labels, **MANAGED}
    assert wanted.annotations == annotations
    assert wanted.finalizers == finalizers


@pytest.mark.parametrize("policy", POLICIES)
def test_created_by_and_owner_reference_are_for_owner_only(policy: str) -> None:
    wanted = desired(target=_policy(policy))
    owner = OwnerReference(API_VERSION, "ExternalSecret", "db", UID)
    if policy == "Owner":
        assert wanted.labels[CREATED_BY_LABEL] == created_by_hash("web", "db")
        assert wanted.owner == owner
        assert not wanted.disown
    else:
        assert CREATED_BY_LABEL not in wanted.labels
        assert wanted.owner is None
        assert wanted.disown


def test_owner_of_path_writes_the_label_and_no_reference() -> None:
    wanted = desired(uid="")
    assert wanted.labels[CREATED_BY_LABEL] == created_by_hash("web", "db")
    assert wanted.owner is None
    assert not wanted.disown


@pytest.mark.parametrize("policy", POLICIES)
def test_inventory_label_is_only_on_what_is_wholly_ours(policy: str) -> None:
    parent = external_secret({"target": _policy(policy)})
    wanted = desired_secret(parent, Materialized({}), extra_labels={INVENTORY_LABEL: "abc"})
    assert (INVENTORY_LABEL in wanted.labels) is (policy in ("Owner", "Orphan"))


@pytest.mark.parametrize(
    ("policy", "keeps", "must_exist"),
    [
        pytest.param("Owner", False, False, id="owner"),
        pytest.param("Orphan", False, False, id="orphan"),
        pytest.param("Merge", True, True, id="merge"),
        pytest.param("CreateOrMerge", True, False, id="create-or-merge"),
    ],
)
def test_what_a_policy_keeps_and_needs(policy: str, keeps: bool, must_exist: bool) -> None:
    wanted = desired(target=_policy(policy))
    assert (wanted.keep_foreign_keys, wanted.must_exist) == (keeps, must_exist)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("true", True, id="true"),
        pytest.param("false", False, id="false"),
        pytest.param("True", False, id="other-spelling"),
        pytest.param("", False, id="empty"),
    ],
)
def test_flags_are_annotations_that_say_true(written: str, meant: bool) -> None:
    adopting = desired(annotations={ADOPT_ANNOTATION: written})
    emptying = desired(annotations={ALLOW_EMPTY_ANNOTATION: written})
    assert (adopting.adopt, adopting.allow_empty) == (meant, False)
    assert (emptying.adopt, emptying.allow_empty) == (False, meant)


def test_target_fields_are_taken_over() -> None:
    target = {"name": "other", "immutable": True, "template": {"type": "kubernetes.io/tls"}}
    wanted = desired(target=target, versions={"SecretStore/aws:db": "v1"})
    assert (wanted.namespace, wanted.name) == ("web", "other")
    assert (wanted.type, wanted.immutable) == ("kubernetes.io/tls", True)
    assert wanted.versions == {"SecretStore/aws:db": "v1"}
    assert wanted.field_managers == (
        "secretsync.io/db",
        "externalsecrets.external-secrets.io/db",
    )
