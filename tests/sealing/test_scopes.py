"""Scopes by name, label and annotation."""

from __future__ import annotations

import pytest

from sealing import Scope, encryption_label, parse_scope, scope_of
from sealing.scopes import (
    CLUSTER_WIDE_ANNOTATION,
    NAMESPACE_WIDE_ANNOTATION,
    scope_annotations,
)


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("", Scope.STRICT),
        ("strict", Scope.STRICT),
        ("namespace-wide", Scope.NAMESPACE_WIDE),
        ("cluster-wide", Scope.CLUSTER_WIDE),
    ],
)
def test_scope_of_a_name_is_read(text, scope):
    """Conformance row 16."""
    assert parse_scope(text) is scope
    assert parse_scope(str(scope)) is scope


@pytest.mark.parametrize("text", ["Strict", "cluster", " ", "namespace_wide"])
def test_scope_of_another_name_is_refused(text):
    with pytest.raises(ValueError, match="must be one of: strict, namespace-wide, cluster-wide"):
        parse_scope(text)


@pytest.mark.parametrize(
    ("scope", "label"),
    [
        (Scope.STRICT, b"myns/myname"),
        (Scope.NAMESPACE_WIDE, b"myns"),
        (Scope.CLUSTER_WIDE, b""),
    ],
)
def test_label_of_a_scope_is_the_controllers(scope, label):
    """Conformance row 17."""
    assert encryption_label(scope, namespace="myns", name="myname") == label


def test_label_of_other_letters_is_utf_8():
    label = encryption_label(Scope.STRICT, namespace="ñs", name="名")
    assert label == "ñs/名".encode()


@pytest.mark.parametrize(
    ("annotations", "scope"),
    [
        pytest.param({}, Scope.STRICT, id="none"),
        pytest.param({CLUSTER_WIDE_ANNOTATION: "true"}, Scope.CLUSTER_WIDE, id="cluster"),
        pytest.param({NAMESPACE_WIDE_ANNOTATION: "true"}, Scope.NAMESPACE_WIDE, id="namespace"),
        pytest.param(
            {CLUSTER_WIDE_ANNOTATION: "true", NAMESPACE_WIDE_ANNOTATION: "true"},
            Scope.CLUSTER_WIDE,
            id="row 18: both",
        ),
        pytest.param({CLUSTER_WIDE_ANNOTATION: "True"}, Scope.STRICT, id="another spelling"),
        pytest.param({CLUSTER_WIDE_ANNOTATION: "1"}, Scope.STRICT, id="a number"),
        pytest.param({CLUSTER_WIDE_ANNOTATION: "false"}, Scope.STRICT, id="false"),
    ],
)
def test_scope_of_annotations_counts_only_true(annotations, scope):
    assert scope_of(annotations) is scope


@pytest.mark.parametrize("scope", Scope, ids=str)
def test_annotations_of_a_scope_replace_those_of_another(scope):
    before = {CLUSTER_WIDE_ANNOTATION: "true", NAMESPACE_WIDE_ANNOTATION: "x", "own": "1"}
    after = scope_annotations(before, scope)
    assert scope_of(after) is scope
    assert after["own"] == "1"
    assert len(after) == 1 + (scope is not Scope.STRICT)
    assert len(before) == 3
