"""Both directions against the real kubeseal."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from sealing import (
    ItemsFailed,
    KeyOrder,
    Scope,
    generate_private_key,
    load_key_ring,
    make_certificate,
    seal_secret,
    seal_value,
    unseal_manifest,
    unseal_value,
)
from tests.sealing.kit import key_object, other_key, vector_key
from tests.sealing.test_encoding import BAD
from tests.support.tools import tool_path

pytestmark = pytest.mark.built("kubeseal")

MEGABYTE = bytes(range(256)) * 4096
DATA = {
    "data": {"data": {"k": "dmFsdWU=", "b": "Mg=="}},
    "stringData": {"stringData": {"k": "value", "z": "1.50"}, "data": {"k": "eA=="}},
    "binary": {"data": {"k": base64.b64encode(bytes(range(256))).decode()}},
    "empty value": {"data": {"k": ""}, "stringData": {"s": ""}},
    "1 MB value": {"data": {"k": base64.b64encode(MEGABYTE).decode()}},
    "unicode": {"stringData": {"ключ": "wärt\u2028<&>", "\U0001f511": "\0"}},
    "many keys": {"stringData": {f"key-{number:03}": str(number) for number in range(60)}},
}
METADATA = {
    "name": "n",
    "namespace": "a",
    "generateName": "g",
    "labels": {"b": "1", "a": "ü"},
    "annotations": {"z": "<x>", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    "finalizers": ["f/x"],
    "uid": "u",
    "resourceVersion": "5",
    "creationTimestamp": None,
    "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}],
}


@pytest.fixture(scope="module")
def now():
    """Kubeseal looks at the real clock, so the certificate must be good now."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def own_certificate(now):
    end = now + timedelta(days=1)
    return make_certificate(vector_key(), not_before=now, not_after=end, serial_number=7)


@pytest.fixture(scope="module")
def files(tmp_path_factory, own_certificate):
    """The certificate and the private key as kubeseal takes them."""
    folder = tmp_path_factory.mktemp("kubeseal")
    (folder / "tls.crt").write_bytes(own_certificate.pem)
    (folder / "tls.key").write_bytes(vector_key().reveal_pem())
    (folder / "tls.key").chmod(0o600)
    return folder


def kubeseal(*arguments, given, check=True):
    """Run it without any cluster; kubeseal's own variables stay out."""
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": "", "HOME": "/nonexistent"}
    run = subprocess.run(
        [tool_path("kubeseal"), *arguments],
        input=given,
        env=environment,
        capture_output=True,
        timeout=180,
        check=False,
    )
    if check:
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout
    return run.stderr.decode()


def recover(sealed, files, **options):
    arguments = ("--recovery-unseal", "--recovery-private-key", files / "tls.key")
    return kubeseal(*arguments, given=json.dumps(sealed).encode(), **options)


def secret(fields):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": METADATA, "type": "Opaque"} | fields


def values(made):
    """Decoded data; kubeseal writes null for empty."""
    return {key: base64.b64decode(text or "") for key, text in made["data"].items()}


def expected(fields):
    data = {key: base64.b64decode(text) for key, text in fields.get("data", {}).items()}
    return data | {key: text.encode() for key, text in fields.get("stringData", {}).items()}


@pytest.mark.parametrize("scope", Scope, ids=str)
@pytest.mark.parametrize("case", DATA)
def test_kubeseal_reads_what_we_seal(case, scope, files, own_certificate, now):
    sealed = seal_secret(secret(DATA[case]), own_certificate, now=now, scope=scope)
    theirs = json.loads(recover(sealed, files))
    ours = unseal_manifest(sealed, [vector_key()])
    assert values(theirs) == values(ours) == expected(DATA[case])
    assert {**theirs, "data": None} == {**ours, "data": None}


@pytest.mark.parametrize("scope", Scope, ids=str)
@pytest.mark.parametrize("case", DATA)
def test_we_read_what_kubeseal_seals_and_seal_the_same(case, scope, files, own_certificate, now):
    given = json.dumps(secret(DATA[case])).encode()
    output = kubeseal("--cert", files / "tls.crt", "--scope", scope, given=given)
    theirs = json.loads(output)
    assert values(unseal_manifest(theirs, [vector_key()])) == expected(DATA[case])
    ours = seal_secret(secret(DATA[case]), own_certificate, now=now, scope=scope)
    blank = dict.fromkeys(ours["spec"]["encryptedData"], "")
    ours["spec"]["encryptedData"] = blank
    assert set(theirs["spec"]["encryptedData"]) == set(blank)
    theirs["spec"]["encryptedData"] = blank
    # As text: the order of the fields is the same too.
    assert json.dumps(ours) == json.dumps(theirs)


@pytest.mark.parametrize("scope", Scope, ids=str)
@pytest.mark.parametrize("value", [b"", b"hunter2\n", MEGABYTE], ids=["empty", "text", "1 MB"])
def test_single_values_go_both_ways(scope, value, files, own_certificate, now):
    place = {"scope": scope, "namespace": "a", "name": "n"}
    arguments = ("--raw", "--scope", scope, "--namespace", "a", "--name", "n")
    theirs = kubeseal("--cert", files / "tls.crt", *arguments, given=value).decode()
    assert unseal_value(theirs, [vector_key()], **place) == value
    ours = seal_secret(secret({"data": {"k": ""}}), own_certificate, now=now, scope=scope)
    ours["spec"]["encryptedData"]["k"] = seal_value(value, own_certificate, now=now, **place)
    assert values(json.loads(recover(ours, files))) == {"k": value}


@pytest.mark.parametrize("immutable", [True, False, None], ids=str)
@pytest.mark.parametrize("type_", ["", "kubernetes.io/tls"], ids=["no type", "tls"])
def test_type_and_immutable_are_written_as_kubeseal_does(
    immutable, type_, files, own_certificate, now
):
    fields = {"data": {"k": ""}, "immutable": immutable, "type": type_}
    given = {"metadata": {"name": "n", "namespace": "a"}} | fields
    theirs = json.loads(
        kubeseal("--cert", files / "tls.crt", given=json.dumps({"kind": "Secret"} | given).encode())
    )
    ours = seal_secret(given, own_certificate, now=now)
    assert json.dumps(ours["spec"]["template"]) == json.dumps(theirs["spec"]["template"])
    recovered = json.loads(recover(ours, files))
    assert {**recovered, "data": {}} == {**unseal_manifest(ours, [vector_key()]), "data": {}}


def test_four_thousand_bit_keys_go_both_ways(tmp_path, now):
    key = generate_private_key()
    own = make_certificate(
        key,
        not_before=now,
        not_after=now + timedelta(days=1),
        serial_number=2**127,
        common_name="x",
    )
    (tmp_path / "tls.crt").write_bytes(own.pem)
    (tmp_path / "tls.key").write_bytes(key.reveal_pem())
    given = secret(DATA["data"])
    theirs = json.loads(kubeseal("--cert", tmp_path / "tls.crt", given=json.dumps(given).encode()))
    assert theirs["spec"]["encryptedData"]["k"].startswith("Ag")
    assert values(unseal_manifest(theirs, [key])) == expected(DATA["data"])
    ours = seal_secret(given, own, now=now)
    assert values(json.loads(recover(ours, tmp_path))) == expected(DATA["data"])


def test_kubeseal_recovers_with_the_key_secret_we_write(files, own_certificate, now):
    ring = load_key_ring(
        [key_object("k"), key_object("j", other_key())], order=KeyOrder("SecretCreationTimestamp")
    )
    sealed = seal_secret(secret(DATA["data"]), own_certificate, now=now)
    (files / "key.json").write_text(json.dumps(key_object("k")))
    theirs = kubeseal(
        "--recovery-unseal", "--recovery-private-key", files / "key.json",
        given=json.dumps(sealed).encode(),
    )  # fmt: skip
    assert values(json.loads(theirs)) == values(unseal_manifest(sealed, ring))


@pytest.mark.parametrize("text", [text for text in BAD if text.isascii()], ids=ascii)
def test_bad_base64_is_named_as_kubeseal_names_it(text, files, own_certificate, now):
    sealed = seal_secret(secret(DATA["data"]), own_certificate, now=now)
    sealed["spec"]["encryptedData"] = {"foo": text}
    stderr = recover(sealed, files, check=False)
    assert f"illegal base64 data at input byte {BAD[text]} (foo)" in stderr


def test_names_of_other_letters_bind_the_same(files, own_certificate, now):
    given = secret(DATA["data"]) | {"metadata": {"name": "näme-名", "namespace": "ñs"}}
    ours = seal_secret(given, own_certificate, now=now)
    assert values(json.loads(recover(ours, files))) == expected(DATA["data"])
    theirs = json.loads(kubeseal("--cert", files / "tls.crt", given=json.dumps(given).encode()))
    assert values(unseal_manifest(theirs, [vector_key()])) == expected(DATA["data"])


def test_moved_value_opens_for_neither(files, own_certificate, now):
    sealed = seal_secret(secret(DATA["empty value"]), own_certificate, now=now)
    sealed["metadata"]["name"] = "m"
    stderr = recover(sealed, files, check=False)
    with pytest.raises(ItemsFailed, match=r"no key could decrypt secret \(k, s\)"):
        unseal_manifest(sealed, [vector_key()])
    assert "no key could decrypt secret" in stderr
