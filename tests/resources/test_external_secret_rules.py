"""What the fields of an ExternalSecret say only together, and what is not supported yet."""

from __future__ import annotations

import pytest

from secretsync.resources.external_secret import parse_external_secret
from tests.resources.builders import EXTERNAL_SECRET, changed, document, found

V1BETA1 = {"apiVersion": "external-secrets.io/v1beta1"}
EXTRACT = {"extract": {"key": "k"}}


def item(**changes):
    return changed({"secretKey": "a", "remoteRef": {"key": "k"}}, changes)


def template(**fields):
    return {"spec.target": {"template": fields}}


def policies(deletion, creation):
    return {"spec.target": {"deletionPolicy": deletion, "creationPolicy": creation}}


def parse(changes):
    source = document(changed(EXTERNAL_SECRET, changes))
    return parse_external_secret(source, default_namespace="default")


CASES = {
    # Several fields together.
    "no-data": ({"spec.data": None}, "spec", "either data or dataFrom should be specified"),
    "empty-data": ({"spec.data": []}, "spec", "either data or dataFrom should be specified"),
    "no-store": (
        {"spec.secretStoreRef": None},
        "spec.secretStoreRef",
        "secretStoreRef is required, because data[0] names no store of its own",
    ),
    "empty-source": (
        {"spec.data": [item(sourceRef={})]},
        "spec.data[0].sourceRef",
        "sourceRef names nothing",
    ),
    "nothing-to-read": (
        {"spec.dataFrom": [{}]},
        "spec.dataFrom[0]",
        "one of extract, find and sourceRef.generatorRef is needed",
    ),
    "duplicate": (
        {"spec.data": [item(), item()]},
        "spec.data[1].secretKey",
        "duplicate secretKey: data[0] has the same",
    ),
    "delete-merge": (
        policies("Delete", "Merge"),
        "spec.target.deletionPolicy",
        (
            "deletionPolicy Delete cannot be used with creationPolicy Merge: "
            "the Secret is not the ExternalSecret's own"
        ),
    ),
    "delete-none": (
        policies("Delete", "None"),
        "spec.target.deletionPolicy",
        (
            "deletionPolicy Delete cannot be used with creationPolicy None: "
            "the Secret is not the ExternalSecret's own"
        ),
    ),
    "delete-create-or-merge": (
        policies("Delete", "CreateOrMerge"),
        "spec.target.deletionPolicy",
        (
            "deletionPolicy Delete cannot be used with creationPolicy CreateOrMerge: "
            "the Secret is not the ExternalSecret's own"
        ),
    ),
    "merge-none": (
        policies("Merge", "None"),
        "spec.target.deletionPolicy",
        "deletionPolicy Merge cannot be used with creationPolicy None: there is no Secret",
    ),
    "bootstrap-token": (
        template(type="bootstrap.kubernetes.io/token"),
        "spec.target.template.type",
        (
            "Secrets of type bootstrap.kubernetes.io/token are refused: "
            "they let machines join the cluster"
        ),
    ),
    "account-token": (
        template(
            type="kubernetes.io/service-account-token",
            metadata={"annotations": {"kubernetes.io/service-account.name": "a"}},
        ),
        "spec.target.template.type",
        (
            "a Secret of type kubernetes.io/service-account-token with the annotation "
            "kubernetes.io/service-account.name is refused: "
            "Kubernetes would put a token into it"
        ),
    ),
    "template-label-key": (
        template(metadata={"labels": {"a b": "c"}}),
        'spec.target.template.metadata.labels["a b"]',
        "the key is not valid",
    ),
    "template-label-value": (
        template(metadata={"labels": {"a": "b c"}}),
        "spec.target.template.metadata.labels.a",
        "the label's value is not valid",
    ),
    "template-annotation": (
        template(metadata={"annotations": {"/a": "b"}}),
        'spec.target.template.metadata.annotations["/a"]',
        "the key is not valid",
    ),
    "template-finalizer": (
        template(metadata={"finalizers": ["a b"]}),
        "spec.target.template.metadata.finalizers[0]",
        "the finalizer is not valid",
    ),
    "engine-v1": (template(engineVersion="v1"), "spec.target.template.engineVersion", "must be v2"),
    "merge-policy": (
        template(mergePolicy="Keep"),
        "spec.target.template.mergePolicy",
        "must be one of Replace, Merge",
    ),
    # Published, and not supported yet.
    "find": (
        {"spec.dataFrom": [{"find": {"name": {"regexp": "a"}}}]},
        "spec.dataFrom[0].find",
        "dataFrom.find is not supported yet",
    ),
    "rewrite": (
        {"spec.dataFrom": [{**EXTRACT, "rewrite": [{"regexp": {}}]}]},
        "spec.dataFrom[0].rewrite",
        "dataFrom.rewrite is not supported yet",
    ),
    "generator": (
        {
            "spec.secretStoreRef": None,
            "spec.data": None,
            "spec.dataFrom": [{"sourceRef": {"generatorRef": {"kind": "Password", "name": "a"}}}],
        },
        "spec.dataFrom[0].sourceRef.generatorRef",
        "sourceRef.generatorRef is not supported yet",
    ),
    "data-generator": (
        {"spec.data": [item(sourceRef={"generatorRef": {"name": "a"}})]},
        "spec.data[0].sourceRef.generatorRef",
        "sourceRef.generatorRef is not supported yet",
    ),
    "sync-windows": (
        {"spec.syncWindows": {"kind": "allow"}},
        "spec.syncWindows",
        "syncWindows is not supported yet",
    ),
    "manifest": (
        {"spec.target": {"manifest": {"kind": "ConfigMap"}}},
        "spec.target.manifest",
        "target.manifest is not supported yet",
    ),
    "template-data-key": (
        template(data={"a b": "{{ .b }}"}),
        'spec.target.template.data["a b"]',
        "the key is not valid",
    ),
    "template-data-value": (
        template(data={"a": 1}),
        "spec.target.template.data.a",
        "expected a string, found an integer",
    ),
    "template-from-target": (
        template(templateFrom=[{"literal": "x", "target": "type"}]),
        "spec.target.template.templateFrom[0].target",
        "a Secret's templateFrom target must be one of Data, Annotations, Labels",
    ),
    "template-from-decoding": (
        template(templateFrom=[{"literal": "x", "valuesDecodingStrategy": "Hex"}]),
        "spec.target.template.templateFrom[0].valuesDecodingStrategy",
        "must be one of Auto, Base64, Base64URL, None",
    ),
    "template-from-scope": (
        template(
            templateFrom=[{"configMap": {"name": "a", "items": [{"key": "b", "templateAs": "c"}]}}]
        ),
        "spec.target.template.templateFrom[0].configMap.items[0].templateAs",
        "must be one of Values, KeysAndValues",
    ),
    "template-from-name": (
        template(templateFrom=[{"secret": {"items": []}}]),
        "spec.target.template.templateFrom[0].secret.name",
        "name is required",
    ),
    "template-annotations-for-a-token": (
        template(
            type="kubernetes.io/service-account-token",
            templateFrom=[{"literal": "x", "target": "ANNOTATIONS"}],
        ),
        "spec.target.template.templateFrom[0].target",
        (
            "a Secret of type kubernetes.io/service-account-token with rendered annotations is "
            "refused: one of them may have Kubernetes put a token into it"
        ),
    ),
    "metadata-policy": (
        {"spec.data": [item(**{"remoteRef.metadataPolicy": "Fetch"})]},
        "spec.data[0].remoteRef.metadataPolicy",
        "metadataPolicy Fetch is not supported yet",
    ),
    # What v1beta1 lacks.
    "beta-create-or-merge": (
        {**V1BETA1, "spec.target": {"creationPolicy": "CreateOrMerge"}},
        "spec.target.creationPolicy",
        "creationPolicy needs external-secrets.io/v1",
    ),
    "beta-null-bytes": (
        {**V1BETA1, "spec.data": [item(**{"remoteRef.nullBytePolicy": "Fail"})]},
        "spec.data[0].remoteRef.nullBytePolicy",
        "nullBytePolicy needs external-secrets.io/v1",
    ),
    "beta-extract-null-bytes": (
        {**V1BETA1, "spec.dataFrom": [{"extract": {"key": "k", "nullBytePolicy": "Fail"}}]},
        "spec.dataFrom[0].extract.nullBytePolicy",
        "nullBytePolicy needs external-secrets.io/v1",
    ),
    "beta-finalizers": (
        {**V1BETA1, **template(metadata={"finalizers": ["a/b"]})},
        "spec.target.template.metadata.finalizers",
        "finalizers needs external-secrets.io/v1",
    ),
}


@pytest.mark.parametrize(
    ("changes", "path", "message"), [pytest.param(*case, id=name) for name, case in CASES.items()]
)
def test_fault_is_one_error_at_its_field_with_a_remedy(changes, path, message):
    parsed = parse(changes)
    assert parsed.value is None
    assert found(parsed.problems) == [("error", path, message)]
    assert parsed.problems[0].object
    assert parsed.problems[0].remedy


@pytest.mark.parametrize(
    ("entry", "messages"),
    [
        pytest.param(
            {**EXTRACT, "find": {"name": {}}},
            ["dataFrom.find is not supported yet", "extract, find and"],
            id="extract-and-find",
        ),
        pytest.param(
            {**EXTRACT, "sourceRef": {"generatorRef": {"name": "a"}}},
            ["sourceRef.generatorRef is not supported yet", "extract, find and"],
            id="extract-and-generator",
        ),
    ],
)
def test_sources_that_exclude_each_other_are_refused(entry, messages):
    problems = parse({"spec.dataFrom": [entry]}).problems
    assert len(problems) == len(messages)
    for problem, message in zip(problems, messages, strict=True):
        assert problem.message.startswith(message)


@pytest.mark.parametrize("field", ["syncWindows", "target.manifest"])
def test_v1beta1_says_so_where_the_field_is_not_supported_either(field):
    problems = parse({**V1BETA1, f"spec.{field}": {"kind": "allow"}}).problems
    assert {item.message for item in problems} == {
        f"{field} is not supported yet",
        f"{field.rpartition('.')[2]} needs external-secrets.io/v1",
    }
