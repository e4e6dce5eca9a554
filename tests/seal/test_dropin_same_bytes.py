"""What `seal` writes is what kubeseal writes, byte for byte, but for what is encrypted."""

from __future__ import annotations

import json

import pytest

from tests.seal.dropin_kit import blanked, key_files, kubeseal, seal, secret_yaml

pytestmark = pytest.mark.built("kubeseal")

METADATA = {
    "name": "web",
    "generateName": "g",
    "namespace": "a",
    "labels": {"b": "1", "a": "ü", "app.kubernetes.io/name": "x", "k10": "", "k9": ""},
    "annotations": {
        "z": "<x> & \u2028",
        "text": "one\ntwo\n",
        "date": "2001-01-01",
        "words": "yes",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    },
    "finalizers": ["f/x", "1"],
    "uid": "u",
    "resourceVersion": "5",
    "generation": 3,
    "selfLink": "/x",
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "deletionTimestamp": None,
    "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}],
    "managedFields": [
        {
            "time": "2026-01-01T00:00:00Z",
            "manager": "kubectl",
            "operation": "Update",
            "fieldsV1": {"f:data": {".": {}, "f:k": {}}},
            "fieldsType": "FieldsV1",
            "apiVersion": "v1",
        }
    ],
}


def secret(**fields):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": METADATA} | fields


def as_json(*manifests):
    return "\n".join(json.dumps(manifest) for manifest in manifests).encode()


TWO_YAML = secret_yaml() + b"---\n" + secret_yaml(name="db", k="w")
INPUTS = [
    pytest.param(as_json(secret(data={"k": "dg==", "a-b": "", "A.b": "dg=="})), id="data"),
    pytest.param(as_json(secret(stringData={"k": "v"}, data={"k": "eA=="})), id="stringData-wins"),
    pytest.param(as_json(secret(stringData={"k": "v"}, type="x/y", immutable=True)), id="type"),
    pytest.param(
        as_json(secret(stringData={"k": "v"}), secret(stringData={"j": "w"})), id="json-2"
    ),
    pytest.param(TWO_YAML, id="yaml-2"),
    pytest.param(b"# first\n---\n" + TWO_YAML + b"---\n---\n# last\n", id="empty-documents"),
    pytest.param(b"\xef\xbb\xbf" + secret_yaml(), id="byte-order-mark"),
    pytest.param(secret_yaml().replace(b"\n", b"\r\n"), id="windows-lines"),
    pytest.param(secret_yaml(k="|\n    one\n    two"), id="block"),
    pytest.param(b"metadata: {name: web, namespace: a}\nstringData: {k: v}\n", id="no-kind"),
    pytest.param(b"{metadata: {name: web, namespace: a}, stringData: {k: v}}", id="flow-mapping"),
    pytest.param(as_json(secret(stringData={"k": "v"})).replace(b'"1"', b"1"), id="json-number"),
    pytest.param(
        as_json(secret(data={"k": "dg=="})) + b"\n---\n" + as_json(secret(data={"k": "dg=="})),
        id="json-between-lines",
    ),
    pytest.param(
        b"metadata: {name: web, namespace: a, labels: {a: 1.50, b: 1e21, c: 0x10, d: 010, "
        b"e: ~, f: 1_000, g: 1000000.0, h: yes, i: 0.00001, j: 12345678901234567890123, "
        b"k: 0b11, l: 0o17, m: .5, n1: +1, o: -0, p: 190:20:30, q: 123456789.0, y: no, 1: x}}\n"
        b"stringData: {k: true, 2: 1.50}\ntype: 5\n",
        id="coerced",
    ),
]
FLAGS = [
    pytest.param((), id="json"),
    pytest.param(("-o", "yaml"), id="yaml"),
    pytest.param(("--format=YAML", "--scope", "namespace-wide"), id="namespace-wide"),
    pytest.param(("-oyaml", "--scope=cluster-wide", "--name", "other"), id="cluster-wide-named"),
]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return key_files(tmp_path_factory.mktemp("keys"))[0]


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("given", INPUTS)
def test_sealing_writes_the_bytes_of_kubeseal(given, flags, certificate):
    theirs = kubeseal("--cert", certificate, *flags, given=given)
    ours = seal("--cert", certificate, *flags, given=given)
    assert theirs.code == 0, theirs.err
    assert (ours.code, blanked(ours.out)) == (0, blanked(theirs.out)), ours.err
