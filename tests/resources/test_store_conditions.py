"""Which namespaces a store admits, and the selectors and expressions behind that."""

from __future__ import annotations

import pytest

from secretsync.resources.meta import ObjectMeta
from secretsync.resources.secret_store import (
    LabelSelector,
    NamespaceCondition,
    SecretStore,
    admits_namespace,
)

NAME_LABEL = "kubernetes.io/metadata.name"


def store(*conditions, kind="ClusterSecretStore", namespace=""):
    return SecretStore(
        ObjectMeta("aws", namespace),
        "external-secrets.io/v1",
        kind,
        controller="",
        provider="aws",
        config=None,
        conditions=conditions,
    )


def selecting(labels=(), expressions=()):
    return NamespaceCondition(namespace_selector=LabelSelector(tuple(labels), tuple(expressions)))


@pytest.mark.parametrize(
    ("labels", "expressions", "matches"),
    [
        pytest.param((), (), True, id="empty-selects-all"),
        pytest.param((("team", "a"),), (), True, id="label"),
        pytest.param((("team", "b"),), (), False, id="other-value"),
        pytest.param((("absent", ""),), (), False, id="absent-is-not-empty"),
        pytest.param((), (("team", "In", ("a", "b")),), True, id="in"),
        pytest.param((), (("team", "In", ("b",)),), False, id="in-others"),
        pytest.param((), (("absent", "In", ("a",)),), False, id="in-absent"),
        pytest.param((), (("team", "NotIn", ("b",)),), True, id="not-in"),
        pytest.param((), (("team", "NotIn", ("a",)),), False, id="not-in-own"),
        pytest.param((), (("absent", "NotIn", ("a",)),), True, id="not-in-absent"),
        pytest.param((), (("team", "Exists", ()),), True, id="exists"),
        pytest.param((), (("absent", "Exists", ()),), False, id="exists-absent"),
        pytest.param((), (("absent", "DoesNotExist", ()),), True, id="does-not-exist"),
        pytest.param((), (("team", "DoesNotExist", ()),), False, id="does-not-exist-own"),
        pytest.param((("team", "a"),), (("env", "Exists", ()),), False, id="all-must-hold"),
    ],
)
def test_label_selector_matches_as_in_kubernetes(labels, expressions, matches):
    assert LabelSelector(labels, expressions).matches({"team": "a"}) is matches


def test_unknown_operator_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="no operator"):
        LabelSelector((), (("a", "Is", ()),)).matches({})


@pytest.mark.parametrize(
    ("conditions", "labels", "admitted"),
    [
        pytest.param((), None, True, id="no-conditions"),
        pytest.param((NamespaceCondition(),), {}, False, id="condition-without-parts"),
        pytest.param((NamespaceCondition(("api", "web")),), None, True, id="named"),
        pytest.param((NamespaceCondition(("api",)),), None, False, id="not-named"),
        pytest.param((NamespaceCondition((), ("e",)),), None, True, id="regex-is-unanchored"),
        pytest.param((NamespaceCondition((), ("^e",)),), None, False, id="regex-anchored"),
        pytest.param((NamespaceCondition(("a",), ("^w",)),), None, True, id="parts-are-ored"),
        pytest.param(
            (NamespaceCondition(("a",)), NamespaceCondition(("web",))), None, True, id="ored"
        ),
        pytest.param((selecting([("team", "a")]),), {"team": "a"}, True, id="selected"),
        pytest.param((selecting([("team", "a")]),), {}, False, id="not-selected"),
        pytest.param((selecting([("team", "a")]),), None, False, id="labels-unknown"),
        pytest.param(
            (selecting((), [("team", "DoesNotExist", ())]),),
            None,
            False,
            id="unknown-is-not-absent",
        ),
        pytest.param((selecting([(NAME_LABEL, "web")]),), None, True, id="name-label"),
        pytest.param((selecting([(NAME_LABEL, "api")]),), {}, False, id="other-name-label"),
        pytest.param((selecting(),), None, True, id="empty-selector"),
    ],
)
def test_cluster_store_admits_by_its_conditions(conditions, labels, admitted):
    assert admits_namespace(store(*conditions), "web", labels) is admitted


def test_secret_store_admits_only_its_own_namespace():
    own = store(NamespaceCondition(("api",)), kind="SecretStore", namespace="web")
    assert admits_namespace(own, "web", None)
    assert not admits_namespace(own, "api", None)
