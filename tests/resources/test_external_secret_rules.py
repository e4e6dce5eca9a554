"""What the fields of an ExternalSecret say only together."""

from __future__ import annotations

import pytest

from secretsync.resources.external_secret import (
    GeneratorRef,
    StoreRef,
    SyncWindows,
    parse_external_secret,
)
from secretsync.resources.rewrite_spec import MergeRewrite, RegexpRewrite, TransformRewrite
from secretsync.resources.sync_windows import SyncWindow
from tests.resources.builders import EXTERNAL_SECRET, changed, document, found

V1BETA1 = {"apiVersion": "external-secrets.io/v1beta1"}
GENERATOR = {"generatorRef": {"kind": "Password", "name": "new"}}
EXTRACT = {"extract": {"key": "k"}}


def item(**changes):
    return changed({"secretKey": "a", "remoteRef": {"key": "k"}}, changes)


def template(**fields):
    return {"spec.target": {"template": fields}}


def manifest(api_version, kind, **target):
    return {"spec.target": {"manifest": {"apiVersion": api_version, "kind": kind}, **target}}


def annotated(name, text, **changes):
    return {"metadata.annotations": {f"secretsync.io/{name}": text}, **changes}


def policies(deletion, creation):
    return {"spec.target": {"deletionPolicy": deletion, "creationPolicy": creation}}


def parse(changes):
    source = document(changed(EXTERNAL_SECRET, changes))
    return parse_external_secret(source, default_namespace="default")


REQUIRE = 'metadata.annotations["secretsync.io/require-keys"]'
SHRINK = 'metadata.annotations["secretsync.io/max-shrink-percent"]'

CASES = {
    # Guards that cannot be read must not let anything pass.
    "guard-of-no-key": (annotated("require-keys", ""), REQUIRE, "not a list of keys of a Secret"),
    "guard-of-half-a-list": (
        annotated("require-keys", "user,"),
        REQUIRE,
        "not a list of keys of a Secret",
    ),
    "guard-of-spaces": (
        annotated("require-keys", "user pass"),
        REQUIRE,
        "not a list of keys of a Secret",
    ),
    **{
        f"guard-of-{name}": (
            annotated("max-shrink-percent", text),
            SHRINK,
            "not a whole number from 0 to 100",
        )
        for name, text in {
            "nothing": "",
            "a-sign": "50%",
            "too-much": "101",
            "less": "-1",
            "part": "1.5",
            "another-script": "\u0665",
        }.items()
    },
    "guard-of-another-kind": (
        annotated("max-shrink-percent", "5", **manifest("v1", "ConfigMap")),
        SHRINK,
        "guards Secrets only, and target.manifest makes another kind",
    ),
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
    "find-nothing": (
        {"spec.dataFrom": [{"find": {}}]},
        "spec.dataFrom[0].find",
        "find names nothing to look for",
    ),
    "find-expression": (
        {"spec.dataFrom": [{"find": {"name": {"regexp": "(a"}}}]},
        "spec.dataFrom[0].find.name.regexp",
        "not a regular expression that Go takes: missing )",
    ),
    "find-conversion": (
        {"spec.dataFrom": [{"find": {"path": "a", "conversionStrategy": "Odd"}}]},
        "spec.dataFrom[0].find.conversionStrategy",
        "must be one of Default, Unicode",
    ),
    "find-tag": (
        {"spec.dataFrom": [{"find": {"tags": {"a": 1}}}]},
        "spec.dataFrom[0].find.tags.a",
        "expected a string, found an integer",
    ),
    "rewrite-nothing": (
        {"spec.dataFrom": [{**EXTRACT, "rewrite": [{}]}]},
        "spec.dataFrom[0].rewrite[0]",
        "exactly one of regexp, transform and merge is needed",
    ),
    "rewrite-two": (
        {
            "spec.dataFrom": [
                {
                    **EXTRACT,
                    "rewrite": [{"regexp": {"source": "a"}, "transform": {"template": "b"}}],
                }
            ]
        },
        "spec.dataFrom[0].rewrite[0]",
        "exactly one of regexp, transform and merge is needed",
    ),
    "rewrite-expression": (
        {"spec.dataFrom": [{**EXTRACT, "rewrite": [{"regexp": {"source": "a**"}}]}]},
        "spec.dataFrom[0].rewrite[0].regexp.source",
        "not a regular expression that Go takes: bad repetition operator",
    ),
    "rewrite-merge-nowhere": (
        {"spec.dataFrom": [{**EXTRACT, "rewrite": [{"merge": {"strategy": "JSON"}}]}]},
        "spec.dataFrom[0].rewrite[0].merge.into",
        "strategy JSON needs into: the key that gets the merged object",
    ),
    "rewrite-merge-policy": (
        {"spec.dataFrom": [{**EXTRACT, "rewrite": [{"merge": {"conflictPolicy": "Keep"}}]}]},
        "spec.dataFrom[0].rewrite[0].merge.conflictPolicy",
        "must be one of Error, Ignore",
    ),
    "generator-and-store": (
        {
            "spec.dataFrom": [
                {
                    "sourceRef": {
                        "storeRef": {"name": "a"},
                        "generatorRef": {"kind": "Password", "name": "a"},
                    }
                }
            ]
        },
        "spec.dataFrom[0].sourceRef",
        "storeRef and generatorRef exclude each other",
    ),
    "generator-name": (
        {"spec.dataFrom": [{"sourceRef": {"generatorRef": {"kind": "Password", "name": "A"}}}]},
        "spec.dataFrom[0].sourceRef.generatorRef.name",
        "the value is not valid",
    ),
    "generator-version": (
        {
            "spec.dataFrom": [
                {
                    "sourceRef": {
                        "generatorRef": {"apiVersion": "v1", "kind": "Password", "name": "a"}
                    }
                }
            ]
        },
        "spec.dataFrom[0].sourceRef.generatorRef.apiVersion",
        "must be generators.external-secrets.io/v1alpha1",
    ),
    "data-generator": (
        {"spec.data": [item(sourceRef={"generatorRef": {"kind": "Password", "name": "a"}})]},
        "spec.data[0].sourceRef.generatorRef",
        "a generator makes several keys, which data cannot take",
    ),
    "sync-windows-kind": (
        {"spec.syncWindows": {"windows": []}},
        "spec.syncWindows.kind",
        "kind is required",
    ),
    "sync-windows-duration": (
        {
            "spec.syncWindows": {
                "kind": "deny",
                "windows": [{"schedule": "@daily", "duration": "x"}],
            }
        },
        "spec.syncWindows.windows[0].duration",
        "not a duration",
    ),
    "manifest-secret": (
        manifest("v1", "Secret"),
        "spec.target.manifest",
        "a Secret needs no manifest",
    ),
    "manifest-rights": (
        manifest("rbac.authorization.k8s.io/v1", "RoleBinding"),
        "spec.target.manifest",
        ("objects of rbac.authorization.k8s.io are refused: their writer would give rights away"),
    ),
    "manifest-api-version": (
        manifest("Apps/v1", "Deployment"),
        "spec.target.manifest.apiVersion",
        "not an apiVersion",
    ),
    "manifest-kind": (manifest("v1", "configmap"), "spec.target.manifest.kind", "not a kind"),
    "manifest-deletion-policy": (
        manifest("v1", "ConfigMap", deletionPolicy="Delete"),
        "spec.target.deletionPolicy",
        "deletionPolicy Delete is for Secrets only",
    ),
    "manifest-immutable": (
        manifest("v1", "ConfigMap", immutable=True),
        "spec.target.immutable",
        "immutable is for Secrets only",
    ),
    "manifest-path": (
        manifest("v1", "ConfigMap", template={"templateFrom": [{"literal": "", "target": "a..b"}]}),
        "spec.target.template.templateFrom[0].target",
        "not a path",
    ),
    "manifest-path-metadata": (
        manifest(
            "v1",
            "ConfigMap",
            template={"templateFrom": [{"literal": "", "target": "metadata.ownerReferences"}]},
        ),
        "spec.target.template.templateFrom[0].target",
        "not a path",
    ),
    "manifest-generator": (
        {
            **manifest("v1", "ConfigMap"),
            "spec.data": None,
            "spec.dataFrom": [{"sourceRef": {"generatorRef": {"kind": "UUID", "name": "a"}}}],
        },
        "spec.dataFrom[0].sourceRef.generatorRef",
        "a generator's values are kept in a Secret, and manifest makes none",
    ),
    "empty-result": (
        {"spec.data": [item(**{"remoteRef.emptyResultPolicy": "Skip"})]},
        "spec.data[0].remoteRef.emptyResultPolicy",
        "must be one of Fail, Ignore",
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
        {"spec.data": [item(**{"remoteRef.metadataPolicy": "All"})]},
        "spec.data[0].remoteRef.metadataPolicy",
        "must be one of None, Fetch",
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
    "beta-find-null-bytes": (
        {**V1BETA1, "spec.dataFrom": [{"find": {"path": "k", "nullBytePolicy": "Fail"}}]},
        "spec.dataFrom[0].find.nullBytePolicy",
        "nullBytePolicy needs external-secrets.io/v1",
    ),
    "beta-empty-result": (
        {**V1BETA1, "spec.data": [item(**{"remoteRef.emptyResultPolicy": "Ignore"})]},
        "spec.data[0].remoteRef.emptyResultPolicy",
        "emptyResultPolicy needs external-secrets.io/v1",
    ),
    "beta-merge": (
        {**V1BETA1, "spec.dataFrom": [{**EXTRACT, "rewrite": [{"merge": {"into": "a"}}]}]},
        "spec.dataFrom[0].rewrite[0].merge",
        "merge needs external-secrets.io/v1",
    ),
    "beta-sync-windows": (
        {**V1BETA1, "spec.syncWindows": {"kind": "deny", "windows": []}},
        "spec.syncWindows",
        "syncWindows needs external-secrets.io/v1",
    ),
    **{
        f"beta-{kind}": (
            {
                **V1BETA1,
                "spec.dataFrom": [{"sourceRef": {"generatorRef": {"kind": kind, "name": "n"}}}],
            },
            "spec.dataFrom[0].sourceRef.generatorRef.kind",
            f"{kind} needs external-secrets.io/v1",
        )
        for kind in ("CloudsmithAccessToken", "GitlabDeployToken", "MFA")
    },
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
    "entry",
    [
        pytest.param({**EXTRACT, "find": {"name": {}}}, id="extract-and-find"),
        pytest.param({**EXTRACT, "sourceRef": GENERATOR}, id="extract-and-generator"),
        pytest.param({"find": {"path": "a"}, "sourceRef": GENERATOR}, id="find-and-generator"),
    ],
)
def test_sources_that_exclude_each_other_are_refused(entry):
    (problem,) = parse({"spec.dataFrom": [entry]}).problems
    assert problem.field == "spec.dataFrom[0]"
    assert problem.message == "extract, find and sourceRef.generatorRef exclude each other"


def test_window_that_never_opens_is_a_warning_and_ignored_later():
    windows = {"kind": "allow", "windows": [{"schedule": "never", "duration": "1h"}]}
    parsed = parse({"spec.syncWindows": windows})
    assert parsed.value is not None
    assert found(parsed.problems) == [
        (
            "warning",
            "spec.syncWindows.windows[0].schedule",
            "not a schedule: the window is ignored",
        )
    ]


def test_every_source_is_read_as_it_is_written():
    parsed = parse(
        {
            "spec.dataFrom": [
                {
                    "find": {"path": "p", "name": {"regexp": "^a"}, "tags": {"t": "v"}},
                    "rewrite": [
                        {"regexp": {"source": "a", "target": "$1"}},
                        {"transform": {"template": "{{ .value }}"}},
                        {"merge": {"into": "all", "strategy": "JSON", "priority": ["a"]}},
                    ],
                },
                {"sourceRef": GENERATOR},
                {**EXTRACT, "sourceRef": {"storeRef": {"name": "other"}}},
            ],
            "spec.syncWindows": {
                "kind": "deny",
                "windows": [{"schedule": "0 22 * * *", "duration": "2h"}],
            },
        }
    )
    assert parsed.problems == ()
    value = parsed.value
    found_, made, extracted = value.data_from
    assert (found_.source.path, found_.source.name_regexp) == ("p", "^a")
    assert found_.source.tags == (("t", "v"),)
    assert found_.rewrite == (
        RegexpRewrite("a", "$1"),
        TransformRewrite("{{ .value }}"),
        MergeRewrite("all", ("a",), strategy="JSON"),
    )
    assert made.source == GeneratorRef("Password", "new")
    assert made.store is None
    assert extracted.store == StoreRef("other")
    assert value.generators() == (GeneratorRef("Password", "new"),)
    assert value.stores() == (
        StoreRef("aws-secrets-manager", "ClusterSecretStore"),
        StoreRef("other"),
    )
    assert value.sync_windows == SyncWindows("deny", (SyncWindow("0 22 * * *", 7200.0),))
