"""Documents of many kinds, sorted; bad ones stop only themselves."""

from __future__ import annotations

import pytest

from secretsync.resources.documents import Origin, load_documents
from secretsync.resources.manifests import Manifests, load_manifests
from secretsync.resources.meta import ObjectRef
from tests.resources.builders import (
    EXTERNAL_SECRET,
    SECRET_STORE,
    changed,
    document,
    found,
    loaded,
)

ESO = "external-secrets.io"


def manifests(*values):
    return load_manifests([document(value) for value in values], default_namespace="default")


def plain(api_version, kind, name="a"):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


def test_objects_are_sorted_by_kind():
    sorted_out = manifests(
        EXTERNAL_SECRET,
        SECRET_STORE,
        changed(SECRET_STORE, {"kind": "ClusterSecretStore", "metadata.namespace": None}),
        plain("v1", "Secret", "keys"),
        plain("v1", "Namespace", "web"),
    )
    assert sorted_out.problems == ()
    assert [item.ref for item in sorted_out.external_secrets] == [
        ObjectRef("ExternalSecret", "web", "database-credentials")
    ]
    assert [item.kind for item in sorted_out.secret_stores] == ["SecretStore", "ClusterSecretStore"]
    assert [item.meta.namespace for item in sorted_out.secrets] == ["default"]
    assert [item.meta.name for item in sorted_out.namespaces] == ["web"]
    assert len(sorted_out.origins) == 5


def test_no_documents_give_nothing():
    assert load_manifests([], default_namespace="default") == Manifests()


def test_good_objects_survive_bad_neighbours_and_all_problems_are_kept():
    sorted_out = manifests(
        changed(EXTERNAL_SECRET, {"metadata.name": "bad", "spec.refreshInterval": "soon"}),
        plain("v1", "Secret", "Not_Valid"),
        EXTERNAL_SECRET,
    )
    assert [item.meta.name for item in sorted_out.external_secrets] == ["database-credentials"]
    assert [(item.object, item.field) for item in sorted_out.problems] == [
        ("ExternalSecret web/bad", "spec.refreshInterval"),
        ("Secret default/Not_Valid", "metadata.name"),
    ]


@pytest.mark.parametrize(
    ("value", "severity", "path", "message"),
    [
        pytest.param(
            {"kind": "Secret"}, "error", "apiVersion", "apiVersion is missing", id="no-version"
        ),
        pytest.param({"apiVersion": "v1"}, "error", "kind", "kind is missing", id="no-kind"),
        pytest.param(
            {"apiVersion": 1, "kind": "Secret"},
            "error",
            "apiVersion",
            "apiVersion is an integer, not a string",
            id="version-type",
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "Secret"},
            "error",
            "metadata",
            "metadata is missing",
            id="no-metadata",
        ),
        pytest.param(
            plain("v1", "Secret", ""),
            "error",
            "metadata.name",
            "metadata.name is missing",
            id="name",
        ),
        pytest.param(
            plain("apps/v1", "Deployment"),
            "warning",
            "kind",
            "kind Deployment is not handled by this command",
            id="other-kind",
        ),
        pytest.param(
            plain(f"generators.{ESO}/v1alpha1", "Grafana"),
            "error",
            "kind",
            "generator Grafana is not supported yet",
            id="generator",
        ),
        pytest.param(
            plain(f"{ESO}/v1", "ExternalSecrets"),
            "error",
            "kind",
            f'unknown kind "ExternalSecrets" of {ESO}',
            id="misspelt-kind",
        ),
        pytest.param(
            changed(EXTERNAL_SECRET, {"apiVersion": f"{ESO}/v1alpha1"}),
            "error",
            "apiVersion",
            "ExternalSecret v1alpha1 is no longer served",
            id="v1alpha1",
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "List", "items": "x"},
            "error",
            "items",
            "items of a List is not a list",
            id="broken-list",
        ),
    ],
)
def test_object_that_cannot_be_used_is_one_problem_with_a_remedy(value, severity, path, message):
    sorted_out = manifests(value)
    assert sorted_out.origins == {}
    assert found(sorted_out.problems) == [(severity, path, message)]
    assert sorted_out.problems[0].remedy


def test_v1alpha1_is_told_what_to_change():
    (problem,) = manifests(changed(EXTERNAL_SECRET, {"apiVersion": f"{ESO}/v1alpha1"})).problems
    assert f"change apiVersion to {ESO}/v1" in problem.remedy


def test_object_given_twice_is_an_error_naming_both_places_and_neither_is_kept():
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys%s}\n"
    first = loaded(text % "")
    again, _ = load_documents(
        ("# moved\n" + text % ", namespace: default").encode(), file="other.yaml"
    )
    other = loaded(text % ", namespace: web")
    for documents in ([*first, *again, *other], [*again, *other, *first]):
        sorted_out = load_manifests(documents, default_namespace="default")
        assert [item.meta.namespace for item in sorted_out.secrets] == ["web"]
        (problem,) = sorted_out.problems
        places = f"{problem.file}:{problem.line} {problem.message}"
        assert "app.yaml:1" in places
        assert "other.yaml:2" in places
        assert problem.object == "Secret default/keys"


def test_same_object_in_two_versions_is_given_twice():
    sorted_out = manifests(
        EXTERNAL_SECRET, changed(EXTERNAL_SECRET, {"apiVersion": f"{ESO}/v1beta1"})
    )
    assert sorted_out.external_secrets == ()
    assert [item.object for item in sorted_out.problems] == [
        "ExternalSecret web/database-credentials"
    ]


def test_bad_object_counts_as_given():
    bad = changed(EXTERNAL_SECRET, {"spec.refreshInterval": "soon"})
    for values in ((bad, EXTERNAL_SECRET), (EXTERNAL_SECRET, bad)):
        sorted_out = manifests(*values)
        assert sorted_out.external_secrets == ()
        assert "given twice" in [item.message[:27] for item in sorted_out.problems][-1]


def test_same_name_in_another_kind_is_another_object():
    cluster = changed(SECRET_STORE, {"kind": "ClusterSecretStore", "metadata.namespace": None})
    assert len(manifests(SECRET_STORE, cluster).secret_stores) == 2


def test_origin_of_a_good_object_is_kept():
    sorted_out = load_manifests(
        loaded("# top\napiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n"),
        default_namespace="default",
    )
    origin = sorted_out.origins[ObjectRef("Namespace", "", "web")]
    assert isinstance(origin, Origin)
    assert (origin.file, origin.line_of(())) == ("app.yaml", 2)
