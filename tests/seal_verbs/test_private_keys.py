"""`--sealing-key FILE`: every form that a backup has, and clear errors for the rest."""

from __future__ import annotations

import base64
import json

import pytest
import yaml

from secretsync.cli.seal.private_keys import load_sealing_keys
from secretsync.errors import InputError
from tests.seal_verbs.kit import key_list
from tests.sealing.kit import key_object, other_key, vector_key

OLD, NEW = vector_key().fingerprint, other_key().fingerprint


def pem(key):
    return key.reveal_pem().decode()


def unlabelled():
    secret = key_object("k")
    del secret["metadata"]["labels"]
    return {**secret, "data": {"tls.key": secret["data"]["tls.key"]}}


FORMS = {
    "pem": (pem(vector_key()), [OLD]),
    "two-pem": (f"# notes\n{pem(vector_key())}text\n{pem(other_key())}", [OLD, NEW]),
    "same-twice": (pem(vector_key()) * 2, [OLD]),
    "crlf": (pem(vector_key()).replace("\n", "\r\n"), [OLD]),
    "secret": (yaml.safe_dump(key_object("k")), [OLD]),
    "json": (json.dumps(key_object("k", other_key())), [NEW]),
    "compromised": (yaml.safe_dump(key_object("k", status="compromised")), [OLD]),
    "key-only": (yaml.safe_dump(unlabelled()), [OLD]),
    "list": (yaml.safe_dump(key_list(vector_key(), other_key())), [OLD, NEW]),
    "documents": (
        yaml.safe_dump_all([key_object("k"), key_object("l", other_key())]),
        [OLD, NEW],
    ),
    "string-data": (
        yaml.safe_dump(
            {"kind": "Secret", "apiVersion": "v1", "stringData": {"tls.key": pem(vector_key())}}
        ),
        [OLD],
    ),
}


@pytest.mark.parametrize(("content", "fingerprints"), FORMS.values(), ids=FORMS)
def test_every_form_gives_its_keys_once_and_in_order(tmp_path, content, fingerprints):
    file = tmp_path / "key"
    file.write_bytes(content.encode())
    assert [key.fingerprint for key in load_sealing_keys([str(file)])] == fingerprints


def broken(text):
    secret = key_object("k")
    secret["data"]["tls.key"] = base64.b64encode(text.encode()).decode()
    return yaml.safe_dump(secret)


BROKEN = {
    "empty": ("", "holds no private key"),
    "text": ("hunter2\n", "not an object"),
    "certificate": ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no private"),
    "cut": (pem(vector_key())[:400], "no private key"),
    "damaged": (pem(vector_key()).replace("MII", "AAA"), "damaged"),
    "encrypted": (
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "private key",
    ),
    "other-kind": ("kind: ConfigMap\napiVersion: v1\n", "is not a Secret"),
    "no-key": ("kind: Secret\napiVersion: v1\nmetadata: {name: x}\n", "x: has no tls.key"),
    "not-base64": (
        "kind: Secret\napiVersion: v1\ndata: {tls.key: 'hunter2 !'}\n",
        "data.tls.key: illegal base64",
    ),
    "no-pem-in-it": (broken("hunter2"), "Secret k: tls.key: data does not contain"),
    "broken-yaml": ("kind: [", "not valid YAML"),
}


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_file_is_named_and_its_content_is_not(tmp_path, content, reason):
    file, good = tmp_path / "key", tmp_path / "good"
    file.write_text(content)
    good.write_text(pem(vector_key()))
    with pytest.raises(InputError) as caught:
        load_sealing_keys([str(good), str(file)])
    assert caught.value.message.startswith(f"{file}:")
    assert reason in caught.value.message
    assert caught.value.remedy
    assert "hunter2" not in caught.value.message


def test_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_sealing_keys([str(tmp_path / "none")])


def test_keys_do_not_show_in_repr(tmp_path):
    file = tmp_path / "key"
    file.write_text(pem(vector_key()))
    assert "BEGIN" not in repr(load_sealing_keys([str(file)]))
