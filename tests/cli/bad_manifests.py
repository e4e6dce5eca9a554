"""Cases of bad manifests: their text, and the block that people read of each."""

from __future__ import annotations

import pytest

__all__ = ["BAD", "ME", "block"]

HEAD = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: bad, namespace: shop}
spec:
  secretStoreRef: {name: aws, kind: ClusterSecretStore}
"""
DATA = "  data: [{secretKey: value, remoteRef: {key: app/bad}}]\n"
ME = "ExternalSecret shop/bad"
STORE_HEAD = """\
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: other}
"""
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)


def block(line: int, message: str, remedy: str, *, about: str = ME, field: str = "") -> str:
    """Return what people read of one problem, `FILE` standing for the file."""
    place = f"FILE:{line}" if line else "FILE"
    parts = [f"{place}: error: {message}"]
    parts += [f"  object: {about}"] if about else []
    parts += [f"  field:  {field}"] if field else []
    return "\n".join([*parts, f"  remedy: {remedy}"]) + "\n"


def whole_file(line: int, message: str, remedy: str) -> str:
    return block(line, message, remedy, about="")


BAD = [
    pytest.param(
        HEAD + "  data: {secretKey: value}\n",
        block(6, "expected a list, found an object", "", field="spec.data").replace(
            "  remedy: \n", ""
        ),
        id="wrong type: list",
    ),
    pytest.param(
        HEAD + DATA + '  target:\n    immutable: "yes"\n',
        block(
            8,
            "expected a boolean, found a string",
            "remove the quotes, or write a value of that type",
            field="spec.target.immutable",
        ),
        id="wrong type: boolean",
    ),
    pytest.param(
        HEAD + DATA + "  target:\n    name: 12\n",
        block(
            8,
            "expected a string, found an integer",
            "put the value in quotes",
            field="spec.target.name",
        ),
        id="wrong type: string",
    ),
    pytest.param(
        HEAD + "  refreshInterval: 1 hour\n" + DATA,
        block(
            6,
            "not a duration",
            'write a Go duration such as "1h", "30m" or "0"',
            field="spec.refreshInterval",
        ),
        id="bad duration",
    ),
    pytest.param(
        HEAD + "  data:\n    - secretKey: value\n      remoteRef:\n        property: x\n",
        block(8, "key is required", "set key", field="spec.data[0].remoteRef.key"),
        id="missing key",
    ),
    pytest.param(
        HEAD + "  data:\n"
        "    - {secretKey: value, remoteRef: {key: a}}\n"
        "    - {secretKey: value, remoteRef: {key: b}}\n",
        block(
            8,
            "duplicate secretKey: data[0] has the same",
            "give each entry of data its own secretKey",
            field="spec.data[1].secretKey",
        ),
        id="duplicate secretKey",
    ),
    pytest.param(
        HEAD + DATA + "  target:\n    creationPolicy: Merge\n    deletionPolicy: Delete\n",
        block(
            9,
            "deletionPolicy Delete cannot be used with creationPolicy Merge: "
            "the Secret is not the ExternalSecret's own",
            "use creationPolicy Owner, or deletionPolicy Retain",
            field="spec.target.deletionPolicy",
        ),
        id="forbidden combination: policies",
    ),
    pytest.param(
        HEAD + "  dataFrom:\n    - extract: {key: a}\n      find: {name: {regexp: a}}\n",
        block(
            7,
            "extract, find and sourceRef.generatorRef exclude each other",
            "use one dataFrom entry for each",
            field="spec.dataFrom[0]",
        ),
        id="forbidden combination: sources",
    ),
    pytest.param(
        HEAD,
        block(
            4,
            "either data or dataFrom should be specified",
            "name at least one key to read under data or dataFrom",
            field="spec",
        ),
        id="nothing to read",
    ),
    pytest.param(
        HEAD + DATA + "  target:\n    creationPolicy: Owned\n",
        block(
            8,
            "must be one of Owner, Orphan, Merge, None, CreateOrMerge",
            "did you mean Owner?",
            field="spec.target.creationPolicy",
        ),
        id="unknown choice",
    ),
    pytest.param(
        HEAD.replace("name: bad", "name: Bad_Name") + DATA,
        block(
            3,
            "the name is not valid",
            "it must be a DNS subdomain: at most 253 lower case letters, digits, '-' and '.', "
            "beginning and ending with a letter or digit",
            about="ExternalSecret shop/Bad_Name",
            field="metadata.name",
        ),
        id="invalid name",
    ),
    pytest.param(
        HEAD + "  data: [{secretKey: a/b, remoteRef: {key: app/bad}}]\n",
        block(
            6,
            "the value is not valid",
            "it must be at most 253 letters, digits, '-', '_' and '.'",
            field="spec.data[0].secretKey",
        ),
        id="invalid secretKey",
    ),
    pytest.param(
        STORE_HEAD + "spec:\n  provider:\n    awss: {}\n",
        block(
            6,
            'unknown provider "awss"',
            "did you mean aws?",
            about="ClusterSecretStore other",
            field="spec.provider.awss",
        ),
        id="unknown provider",
    ),
    pytest.param(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\n"
        "data:\n  key: 'not base64!'\n",
        block(
            5,
            "not base64",
            "encode the value, or put it under stringData",
            about="Secret shop/s",
            field="data.key",
        ),
        id="Secret that is not base64",
    ),
    pytest.param(
        "kind: Secret\nmetadata: {name: s}\n",
        block(
            1,
            "apiVersion is missing",
            "set apiVersion, as every Kubernetes object has it",
            about="Secret default/s",
            field="apiVersion",
        ),
        id="no apiVersion",
    ),
    pytest.param(
        b"apiVersion: v1\nkind: S\xe9cret\n",
        whole_file(2, "the file is not in UTF-8", "save it as UTF-8 text"),
        id="not UTF-8",
    ),
    pytest.param(
        HEAD + "  target:\n\tname: x\n",
        whole_file(7, "a tab is used for indentation", "indent YAML with spaces only"),
        id="tab",
    ),
    pytest.param(
        b"\x7fELF\x00\x01\x02" * 100,
        whole_file(
            0,
            "the file is binary, or not in UTF-8",
            "save it as UTF-8 text, or leave it out",
        ),
        id="binary",
    ),
    pytest.param(
        HEAD + "  a: " + "[" * 200 + "]" * 200 + "\n",
        whole_file(
            6,
            "maps and lists are nested deeper than 100 levels",
            "flatten the document; no Kubernetes object nests that deep",
        ),
        id="deep nesting",
    ),
    pytest.param(
        HEAD + DATA + "kind: SecretStore\n",
        whole_file(7, 'the key "kind" is given twice, on lines 2 and 7', "keep one of the two"),
        id="duplicate key",
    ),
    pytest.param(
        BOMB,
        whole_file(
            5, "aliases expand to more than 100000 nodes", "write the values out, or split the file"
        ),
        id="alias bomb",
    ),
    pytest.param(
        "only text\n",
        whole_file(
            1,
            "a document is a single value, not an object",
            "write each object as a map, and separate objects by a line with ---",
        ),
        id="no object",
    ),
    pytest.param(
        "#" * (10 * 1024 * 1024 + 1),
        whole_file(0, "the file is larger than 10 MB", "split the file, or leave it out"),
        id="too large a file",
    ),
]
