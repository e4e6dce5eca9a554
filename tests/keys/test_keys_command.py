"""`seal keys`: what it makes, what it shows, and that it never shows a key."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealing import keyring, parse_certificate
from secretsync.cli.seal import key_options
from secretsync.cli.seal.verbs import VERBS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.refresh.installkey import service_namespace
from secretsync.sealed.key_store import KeyStore
from tests.keys.kit import LABEL, SECRET, put_key
from tests.sealing.kit import certificate, key_object, other_key, vector_key

SMALL = ("--key-size", "2048")
REAL_NOW = datetime.now(UTC).replace(microsecond=0)
VALID = {"start": REAL_NOW - timedelta(days=2), "end": REAL_NOW + timedelta(days=900)}
HEAD = ("NAMESPACE", "NAME", "STATE", "FINGERPRINT", "NOT BEFORE", "NOT AFTER", "CREATED")


def keys_of(ran):
    return json.loads(ran.out)["keys"]


def open_directory(tmp_path):
    return DirectoryCluster(tmp_path / "cluster", now=lambda: datetime.now(UTC))


def test_create_makes_the_first_key_and_then_nothing(seal, place):
    first = seal("keys", "create", *place.flags, *SMALL)
    assert first.code == 0
    assert "was added in namespace" in first.err
    assert "back it up" in first.err
    again = seal("keys", "create", *place.flags, *SMALL, "-o", "json")
    assert again.code == 0
    assert "seals already" in again.err
    (key,) = keys_of(again)
    assert key["name"] in first.out
    assert key["state"] == "sealing"
    assert len(keys_of(seal("keys", "list", *place.flags, "-o", "json"))) == 1


def test_renew_adds_a_key_that_seals_from_now_on(seal, place):
    seal("keys", "create", *place.flags, *SMALL)
    made = keys_of(seal("keys", "renew", *place.flags, *SMALL, "-o", "json"))
    listed = keys_of(seal("keys", "list", *place.flags, "-o", "json"))
    assert [key["state"] for key in listed] == ["sealing", "opens only"]
    assert [listed[0]] == made


def test_cert_prints_the_certificate_that_seals_now(seal, place):
    seal("keys", "create", *place.flags, *SMALL)
    (key,) = keys_of(seal("keys", "renew", *place.flags, *SMALL, "-o", "json"))
    ran = seal("keys", "cert", *place.flags)
    assert (ran.code, ran.err) == (0, "")
    assert parse_certificate(ran.out.encode()).fingerprint == key["fingerprint"]
    assert "PRIVATE" not in ran.out


def test_cert_without_a_key_says_how_to_make_one(seal, place):
    ran = seal("keys", "cert", *place.flags)
    assert (ran.code, ran.out) == (1, "")
    assert f"namespace {place.namespace}" in ran.err
    assert "seal keys create" in ran.err


def test_key_is_made_as_the_flags_say(seal, tmp_path):
    to = f"dir:{tmp_path / 'cluster'}"
    ran = seal(
        *("keys", "create", "--to", to, "--key-prefix", "mine", *SMALL, "--key-ttl", "48h"),
        *("--my-cn", "me", "--privatekey-labels", "a=b", "--privatekey-annotations", "c=d,e=f"),
        *("-o", "json"),
    )
    (key,) = keys_of(ran)
    cluster = open_directory(tmp_path)
    stored = cluster.get(SECRET, service_namespace(), key["name"])
    assert key["name"].startswith("mine")
    assert key["namespace"] == "secretsync-system"
    assert stored["metadata"]["labels"] == {LABEL: "active", "a": "b"}
    assert stored["metadata"]["annotations"] == {"c": "d", "e": "f"}
    (made,) = KeyStore(cluster, service_namespace(), key_prefix="mine").load().keys
    assert made.certificate.not_after - made.certificate.not_before == timedelta(hours=48)
    assert made.private_key.key_bits == 2048


@pytest.mark.parametrize(
    ("age", "flags", "made"),
    [
        (timedelta(hours=1), ["--key-renew-period", "2h"], False),
        (timedelta(hours=3), ["--key-renew-period", "2h"], True),
        (timedelta(hours=3), ["--key-cutoff-time", "Mon, 04 May 2020 03:02:01 +0000"], False),
    ],
)
def test_renew_by_period_or_cutoff_makes_a_key_only_if_one_is_due(seal, local, age, flags, made):
    with local.opened() as arena:
        put_key(arena, "old", start=REAL_NOW - age, end=VALID["end"])
    ran = seal("keys", "renew", *local.flags, *SMALL, *flags, "-o", "json")
    (key,) = keys_of(ran)
    assert (key["name"] != "old") is made
    assert ("nothing is due: old seals" in ran.err) is not made


def test_renew_says_that_a_key_from_the_future_goes_on_sealing(seal, local):
    with local.opened() as arena:
        put_key(arena, "later", start=REAL_NOW + timedelta(days=9), end=VALID["end"])
    ran = seal("keys", "renew", *local.flags, *SMALL)
    assert ran.code == 0
    assert "warning: later begins later than the new key, and goes on sealing" in ran.err


def test_list_shows_every_state_and_why(seal, place):
    with place.opened() as arena:
        put_key(arena, "good", **VALID)
        put_key(arena, "sealed-secrets-key", other_key(), labels={}, **VALID)
        put_key(arena, "bad", other_key(1), status="compromised", **VALID)
        put_key(arena, "over", other_key(2), start=REAL_NOW - timedelta(days=9), end=REAL_NOW)
        foreign = {"tls.crt": key_object("x")["data"]["tls.crt"]}
        put_key(arena, "swapped", other_key(3), data=foreign)
    ran = seal("keys", "list", *place.flags, "-o", "json")
    assert ran.code == 1
    states = {key["name"]: (key["state"], key["label"], key["reason"]) for key in keys_of(ran)}
    assert states == {
        "good": ("sealing", "active", ""),
        "sealed-secrets-key": ("opens only", "", ""),
        "over": ("opens only", "active", "its certificate is over"),
        "bad": ("out of use", "compromised", "marked compromised"),
        "swapped": ("broken", "active", "tls.crt belongs to another key than tls.key"),
    }
    by_name = {key["name"]: key for key in keys_of(ran)}
    assert by_name["good"]["fingerprint"] == vector_key().fingerprint
    assert by_name["bad"]["fingerprint"] == other_key(1).fingerprint
    assert by_name["good"]["not_before"] == VALID["start"].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert by_name["good"]["created_at"]
    shown = seal("keys", "list", *place.flags)
    assert shown.out.splitlines()[0].split() == " ".join((*HEAD, "MESSAGE")).split()
    assert len(shown.out.splitlines()) == 6


def test_list_without_a_namespace_finds_what_sealed_secrets_left_anywhere(seal, tmp_path):
    cluster = open_directory(tmp_path)
    for namespace, name in (("kube-system", "sealed-secrets-keyabcde"), ("apps", "own")):
        secret = key_object(name, **VALID)
        secret["metadata"]["namespace"] = namespace
        cluster.create(SECRET, secret, field_manager="controller")
    cluster.close()
    ran = seal("keys", "list", "--to", f"dir:{tmp_path / 'cluster'}", "-o", "json")
    assert ran.code == 0
    places = [(key["namespace"], key["name"], key["state"]) for key in keys_of(ran)]
    assert places == [
        ("apps", "own", "sealing"),
        ("kube-system", "sealed-secrets-keyabcde", "sealing"),
    ]


def test_list_of_nothing_is_good_and_creates_nothing(seal, tmp_path):
    ran = seal("keys", "list", "--to", f"dir:{tmp_path / 'absent'}", "-o", "json")
    assert (ran.code, keys_of(ran)) == (0, [])
    assert "there are no sealing keys in any namespace" in ran.err
    assert not (tmp_path / "absent").exists()


def test_list_says_that_no_key_seals(seal, local):
    with local.opened() as arena:
        put_key(arena, "over", start=REAL_NOW - timedelta(days=9), end=REAL_NOW)
    ran = seal("keys", "list", "--to", local.to)
    assert ran.code == 1
    assert "no key in keys seals" in ran.err


def write_pair(tmp_path, key, made):
    """The two files of a key of one's own, as options."""
    key_file, certificate_file = tmp_path / "own.key", tmp_path / "own.crt"
    key_file.write_bytes(key if isinstance(key, bytes) else key.reveal_pem())
    key_file.chmod(0o600)
    certificate_file.write_bytes(made if isinstance(made, bytes) else made.pem)
    return ("--private-key", key_file, "--cert", certificate_file)


def test_key_of_ones_own_is_added_and_seals_if_it_is_the_newest(seal, place, tmp_path):
    files = write_pair(tmp_path, vector_key(), certificate(**VALID))
    ran = seal("keys", "create", *place.flags, *files, "-o", "json")
    assert ran.code == 0
    (key,) = keys_of(ran)
    assert (key["state"], key["fingerprint"]) == ("sealing", vector_key().fingerprint)
    again = seal("keys", "create", *place.flags, *files, "-o", "json")
    assert keys_of(again) == [key]
    assert f"this key is there already, as {key['name']}" in again.err


def test_key_of_ones_own_that_is_older_opens_only_and_is_said_to(seal, tmp_path):
    to = f"dir:{tmp_path / 'cluster'}"
    (newest,) = keys_of(seal("keys", "create", "--to", to, *SMALL, "-o", "json"))
    files = write_pair(tmp_path, vector_key(), certificate(**VALID))
    ran = seal("keys", "create", "--to", to, *files, "-o", "json")
    assert keys_of(ran)[0]["state"] == "opens only"
    assert f"{newest['name']} is newer and goes on sealing; this one opens only" in ran.err


def test_key_of_ones_own_whose_certificate_is_over_opens_and_never_seals(seal, tmp_path):
    made = certificate(start=REAL_NOW - timedelta(days=9), end=REAL_NOW - timedelta(days=1))
    files = write_pair(tmp_path, vector_key(), made)
    ran = seal("keys", "create", "--to", f"dir:{tmp_path / 'cluster'}", *files, "-o", "json")
    assert ran.code == 0
    assert keys_of(ran)[0]["state"] == "opens only"
    assert "it opens, and never seals" in ran.err


def test_key_of_ones_own_that_the_cluster_marks_is_refused(seal, local, tmp_path):
    with local.opened() as arena:
        put_key(arena, "bad", status="compromised", **VALID)
    files = write_pair(tmp_path, vector_key(), certificate(**VALID))
    ran = seal("keys", "create", *local.flags, *files)
    assert (ran.code, ran.out) == (1, "")
    assert "this key is in the cluster as bad and out of use there" in ran.err


def ec_pem():
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    ("key", "made", "says"),
    [
        pytest.param(other_key(), None, "belongs to another key than", id="no pair"),
        pytest.param(ec_pem(), None, "private key is not an RSA key", id="not RSA"),
        pytest.param(b"junk", None, "does not contain a private key", id="no key"),
        pytest.param(None, b"junk", "does not contain any valid RSA", id="no certificate"),
    ],
)
def test_key_of_ones_own_that_is_none_is_refused(seal, tmp_path, key, made, says):
    files = write_pair(tmp_path, key or vector_key(), made or certificate(**VALID))
    ran = seal("keys", "create", "--to", f"dir:{tmp_path / 'cluster'}", *files)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err
    assert "seal: hint: " in ran.err
    assert keys_of(seal("keys", "list", "--to", f"dir:{tmp_path / 'cluster'}", "-o", "json")) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["keys"], "required: create|list|renew"),
        (["keys", "list"], "required: --to"),
        (["keys", "create", "--to", "dir:x", "--key-prefix", "Ab"], "illegal character A"),
        (["keys", "list", "--to", "dir:x", "-n", "A"], "'A' is no namespace"),
        (["keys", "list", "--to", "dir:x", "--key-order-priority", "New"], "no order of keys"),
        (["keys", "renew", "--to", "dir:x", "--key-renew-period", "1"], "'1' is no duration"),
        (["keys", "renew", "--to", "dir:x", "--key-renew-period", "-1h"], "expected one argument"),
        (["keys", "renew", "--to", "dir:x", "--key-cutoff-time", "now"], "no cut-off time"),
        (["keys", "create", "--to", "dir:x", "--privatekey-labels", "a"], "is no label"),
        (["keys", "create", "--to", "dir:x", "--key-size", "big"], "invalid int value"),
    ],
)
def test_usage_error_is_exit_2_and_names_the_flag(seal, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    ran = seal(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["list", "--to", "nowhere"], "names no cluster"),
        (["create", "--to", "dir:x", "--key-size", "1024"], "the key size is 1024 bits"),
        (["create", "--to", "dir:x", "--key-ttl", "0s"], "lasts is less than a second"),
        (["create", "--to", "dir:x", "--cert", "a"], "belong together"),
    ],
)
def test_setting_that_cannot_be_makes_nothing(seal, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    ran = seal("keys", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["keys", "backup", "restore"])
def test_help_loads_neither_cryptography_nor_yaml(verb):
    code = f"""
import sys
from importlib import import_module
try:
    import_module({VERBS[verb][0]!r}).run(["--help"])
except SystemExit as exc:
    assert exc.code == 0
print([name for name in ("cryptography", "yaml", "pyrage", "kubernetes") if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "example: seal " in ran.stdout
    assert ran.stdout.splitlines()[-1] == "[]"


def test_prefix_that_help_names_is_the_librarys():
    assert key_options.KEY_PREFIX == keyring.KEY_PREFIX


def test_no_key_material_is_shown(seal, place, tmp_path):
    files = write_pair(tmp_path, vector_key(), certificate(**VALID))
    shown = [
        seal("keys", "create", *place.flags, *files),
        seal("keys", "renew", *place.flags, *SMALL, "-o", "json"),
        seal("keys", "list", *place.flags, "-o", "json"),
        seal("keys", "list", *place.flags),
    ]
    text = "".join(ran.out + ran.err for ran in shown)
    pem = vector_key().reveal_pem().decode()
    for line in pem.splitlines()[1:-1]:
        assert line not in text
    assert "PRIVATE KEY" not in text
    for chunk in (key_object("x")["data"]["tls.key"][n : n + 40] for n in range(0, 800, 40)):
        assert chunk not in text
