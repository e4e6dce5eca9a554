"""Functions that differ from call to call: there, and what they promise."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import bcrypt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from secretsync.core.templating import render_sealed_template

VALUES = {"user": b"admin", "password": b"hunter2"}


def rendered(text):
    return render_sealed_template("k", text, VALUES).decode()


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("{{ uuidv4 }}", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("{{ randAlphaNum 24 }}", r"[0-9A-Za-z]{24}"),
        ("{{ randAlpha 24 }}", r"[A-Za-z]{24}"),
        ("{{ randNumeric 24 }}", r"[0-9]{24}"),
        ("{{ randAscii 24 }}", r"[ -~]{24}"),
        ("{{ randBytes 24 | b64dec | len }} {{ randBytes 24 }}", r"24 [0-9A-Za-z+/]{32}"),
        ("{{ encryptAES `k` `text` }}", r"[0-9A-Za-z+/]{43}="),
        ("{{ bcrypt .password }}", r"\$2[ab]\$10\$[./0-9A-Za-z]{53}"),
    ],
)
def test_random_text_has_its_form_and_never_repeats(text, pattern):
    first, second = rendered(text), rendered(text)
    assert re.fullmatch(pattern, first)
    assert first != second


@pytest.mark.parametrize("text", ["{{ randInt 5 8 }}", "{{ shuffle `abc` }}"])
def test_random_choice_stays_in_its_range(text):
    wanted = {"{{ randInt 5 8 }}": {"5", "6", "7"}}.get(
        text, {"abc", "acb", "bac", "bca", "cab", "cba"}
    )
    assert {rendered(text) for _ in range(20)} <= wanted


def test_htpasswd_opens_with_the_password():
    user, hashed = rendered("{{ htpasswd .user .password }}").split(":", 1)
    assert user == "admin"
    assert bcrypt.checkpw(b"hunter2", hashed.encode())
    assert not bcrypt.checkpw(b"hunter3", hashed.encode())


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("rsa", "RSAPrivateKey"), ("ecdsa", "ECPrivateKey"), ("ed25519", "Ed25519")],
)
def test_private_key_is_a_key_of_its_kind(kind, wanted):
    key = load_pem_private_key(rendered(f"{{{{ genPrivateKey `{kind}` }}}}").encode(), None)
    assert wanted.removesuffix("PrivateKey") in type(key).__name__
    if kind == "rsa":
        assert key.key_size == 4096


def test_signed_certificate_leads_to_its_authority():
    text = (
        "{{ $ca := genCA `my-ca` 30 }}{{ $ca.Cert }}"
        "{{ $c := genSignedCert `host` (list `10.0.0.1`) (list `a.example.org`) 7 $ca }}"
        "{{ $c.Cert }}{{ $c.Key }}"
    )
    pem = rendered(text).encode()
    authority, leaf = x509.load_pem_x509_certificates(pem)
    leaf.verify_directly_issued_by(authority)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example.org"]
    key = load_pem_private_key(pem[pem.index(b"-----BEGIN RSA PRIVATE KEY") :], None)
    assert key.public_key() == leaf.public_key()


def test_self_signed_certificate_is_its_own_authority():
    text = "{{ $c := genSelfSignedCert `host` nil (list `a.example.org`) 7 }}{{ $c.Cert }}"
    certificate = x509.load_pem_x509_certificate(rendered(text).encode())
    certificate.verify_directly_issued_by(certificate)
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert life == timedelta(days=7)


def test_now_is_now_and_goes_on():
    before = datetime.now(UTC).replace(microsecond=0)
    stamps = [rendered('{{ dateInZone "2006-01-02T15:04:05Z07:00" now "UTC" }}') for _ in range(3)]
    times = [datetime.fromisoformat(stamp) for stamp in stamps]
    assert all(earlier <= later for earlier, later in pairwise([before, *times]))
    assert times[-1] <= datetime.now(UTC)


def test_ago_of_now_is_no_time():
    assert rendered("{{ ago now }}") == "0s"
    assert rendered("{{ now | unixEpoch }}").isdigit()
