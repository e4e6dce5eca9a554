"""Keys in templates: how many one object may make, and what those cost that it brings along."""

from __future__ import annotations

import math
import sys
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from secretsync.core.errors import TemplateProblem
from secretsync.core.templates.costs import price
from secretsync.core.templates.limits import Budget, Limits, TemplateLimit
from secretsync.core.templating import render_template, rendering

#: Each is a product of two primes.
NO_PRIMES = ((2**127 - 1) * (2**521 - 1), (2**107 - 1) * (2**607 - 1))
CA = "{{ $ca := genCAWithKey `x` 1 .key }}"
SIGNED = (
    CA + "{{ $ca.Cert }}",
    "{{ $c := genSelfSignedCertWithKey `x` nil nil 1 .key }}{{ $c.Cert }}",
    CA + "{{ $c := genSignedCert `y` nil nil 1 $ca }}{{ $c.Cert }}",
    CA + "{{ $c := genSignedCertWithKey `y` nil nil 1 $ca .key }}{{ $c.Cert }}",
    CA + "{{ $c := buildCustomCert (b64enc $ca.Cert) (b64enc .key) }}{{ $c.Cert }}",
)


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def rsa_key(p, q, *, d=None):
    """An RSA key of these two numbers, whatever they are."""
    e = 65537
    d = d or pow(e, -1, math.lcm(p - 1, q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(e, p * q),
    )
    return pem(numbers.private_key(unsafe_skip_rsa_key_validation=True))


@pytest.mark.parametrize(
    ("name", "arguments", "most"),
    [
        ("genPrivateKey", ["rsa"], 1),
        ("genPrivateKey", [""], 1),
        ("genPrivateKey", ["dsa"], 1),
        ("genPrivateKey", ["ecdsa"], 10),
        ("genPrivateKey", ["ed25519"], 10),
        ("genCA", ["ca", 365], 6),
        ("genSelfSignedCert", ["host", None, None, 365], 6),
        ("genSignedCert", ["host", None, None, 365, None], 6),
        ("genCAWithKey", ["ca", 365, "key"], 6),
        ("htpasswd", ["user", "password", "bcrypt"], 8),
        ("bcrypt", ["password"], 8),
        ("derivePassword", [1, "long", "password", "user", "site"], 2),
    ],
)
def test_call_is_paid_before_it_is_made_and_only_so_many_are(name, arguments, most):
    pay, budget = price(name), Budget(Limits())
    for _ in range(most):
        pay(arguments, budget)
    with pytest.raises(TemplateLimit, match="too many keys or password hashes"):
        pay(arguments, budget)


def test_templates_of_one_object_share_what_keys_may_cost():
    values = rendering({})
    values.render("first", "{{ range 8 }}{{ $x := genPrivateKey `ed25519` }}{{ end }}")
    with pytest.raises(TemplateProblem, match=r"template: second: .* too many keys"):
        values.render("second", "{{ range 8 }}{{ $x := genPrivateKey `ed25519` }}{{ end }}")


@pytest.mark.parametrize("text", SIGNED)
@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_key_of_the_template_signs(text, kind):
    made = {
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
    }
    certificate = render_template("k", text, {"key": pem(made[kind]())})
    assert x509.load_pem_x509_certificate(certificate)


@pytest.mark.parametrize("text", SIGNED)
def test_nobody_waits_for_a_proof_that_the_primes_of_a_key_are_primes(text):
    """With 8192 bits it takes seconds, and the interpreter is held all the while."""
    certificate = render_template("k", text, {"key": rsa_key(*NO_PRIMES)})
    assert x509.load_pem_x509_certificate(certificate)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param(lambda: rsa_key(*NO_PRIMES, d=65539), "do not fit together", id="d"),
        pytest.param(lambda: rsa_key(2**4253 - 1, 2**4423 - 1), "too large", id="too large"),
        pytest.param(lambda: b"", "no PEM block", id="nothing"),
    ],
)
def test_key_that_is_none_is_refused(key, reason):
    with pytest.raises(TemplateProblem, match=f"error calling genCAWithKey: .*{reason}"):
        render_template("k", CA, {"key": key()})


def test_other_threads_run_while_a_key_is_made():
    """With no switch at an interval, they do only where the interpreter is let go of."""
    begin, ran = threading.Event(), threading.Event()
    other = threading.Thread(target=lambda: (begin.wait(), ran.set()))
    other.start()
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(3600)
    try:
        begin.set()
        # The first may be over before a core is free for the other thread.
        while_made = any(
            render_template("k", "{{ genPrivateKey `rsa` }}", {}) and ran.is_set()
            for _ in range(10)
        )
    finally:
        sys.setswitchinterval(interval_s)
        other.join()
    assert while_made


def test_lines_of_htpasswd_with_sha_are_as_many_as_are_wanted():
    users = "{{ range until 100 }}{{ htpasswd (toString .) `p` `sha` }}\n{{ end }}"
    assert render_template("k", users, {}).count(b":{SHA}") == 100
