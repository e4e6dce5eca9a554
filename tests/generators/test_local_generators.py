"""Generators that call no service: what they make, and of what shape."""

from __future__ import annotations

import base64
import secrets
import string
import subprocess
import sys
import uuid
from collections import Counter
from datetime import UTC, datetime

import pytest

from providers.base import (
    AuthFailed,
    Credentials,
    InvalidRef,
    SecretBytes,
    SecretKeySelector,
)
from secretsync.generators import fake, mfa, password, ssh_key
from secretsync.generators import uuid as uuid_generator
from secretsync.generators.chance import below, chosen, shuffled
from secretsync.generators.password import DEFAULT_SYMBOLS, PasswordSpec
from secretsync.generators.registry import GENERATORS, load
from secretsync.generators.ssh_key import SSHKeySpec

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SEED = SecretKeySelector("mfa", "seed")
#: The 99.9999th percentile of chi-squared with 9 and with 5 degrees of freedom.
_CHI2_9, _CHI2_5 = 45.1, 36.6


def make(module, config, credentials=None, *, entropy=secrets.token_bytes, now=NOW):
    credentials = credentials or Credentials()
    return module.generate(config, credentials, observe=lambda *_: None, entropy=entropy, now=now)


def chi_squared(counts, outcomes: int) -> float:
    expected = sum(counts.values()) / outcomes
    return sum((counts[each] - expected) ** 2 / expected for each in range(outcomes))


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_every_registered_module_offers_the_protocol(kind):
    module = load(kind)
    assert isinstance(module.CONFIG, type)
    assert callable(module.generate)
    assert callable(module.audiences)


def test_below_gives_each_number_equally_often():
    counts = Counter(below(10, secrets.token_bytes) for _ in range(20_000))
    assert set(counts) == set(range(10))
    assert chi_squared(counts, 10) < _CHI2_9


def test_below_draws_again_what_would_favour_small_numbers():
    draws = iter([b"\xff", b"\xfa", b"\x07"])
    assert below(10, lambda _: next(draws)) == 7


def test_shuffled_gives_each_order_equally_often():
    orders = ["abc", "acb", "bac", "bca", "cab", "cba"]
    counts = Counter(
        orders.index("".join(shuffled("abc", secrets.token_bytes))) for _ in range(12_000)
    )
    assert chi_squared(counts, 6) < _CHI2_5


def test_chosen_without_repeat_takes_each_character_once():
    assert sorted(chosen("abcdef", 6, secrets.token_bytes, repeat=False)) == list("abcdef")


@pytest.mark.parametrize(
    ("config", "letters", "digits", "symbols"),
    [
        pytest.param(PasswordSpec(), 12, 6, 6, id="defaults"),
        pytest.param(PasswordSpec(length=10, digits=0, symbols=0), 10, 0, 0, id="letters-only"),
        pytest.param(PasswordSpec(length=9), 5, 2, 2, id="rounded-down"),
        pytest.param(
            PasswordSpec(length=60, digits=30, symbols=2, allow_repeat=True), 28, 30, 2, id="repeat"
        ),
    ],
)
def test_password_has_the_numbers_of_each_class_that_are_asked_for(
    config, letters, digits, symbols
):
    text = make(password, config)["password"].decode()
    assert len(text) == config.length
    assert sum(each in string.ascii_letters for each in text) == letters
    assert sum(each in string.digits for each in text) == digits
    assert sum(each in DEFAULT_SYMBOLS for each in text) == symbols


def test_password_without_repeat_has_no_character_twice():
    for _ in range(50):
        text = make(password, PasswordSpec(length=40, digits=8, symbols=8))["password"]
        assert len(set(text)) == 40


def test_password_with_no_upper_has_no_capital():
    text = make(password, PasswordSpec(no_upper=True))["password"].decode()
    assert text == text.lower()


def test_password_takes_its_symbols_from_those_given():
    config = PasswordSpec(length=8, digits=0, symbols=8, symbol_characters="-_", allow_repeat=True)
    assert set(make(password, config)["password"].decode()) <= set("-_")


def test_password_characters_are_equally_likely_at_every_place():
    config = PasswordSpec(length=4, digits=4, symbols=0, allow_repeat=True)
    places = [Counter() for _ in range(4)]
    for _ in range(5_000):
        for counter, each in zip(places, make(password, config)["password"], strict=True):
            counter[each - ord("0")] += 1
    assert max(chi_squared(counter, 10) for counter in places) < _CHI2_9


@pytest.mark.parametrize(
    ("encoding", "decode"),
    [
        pytest.param("raw", lambda value: value, id="raw"),
        pytest.param("base64", base64.b64decode, id="base64"),
        pytest.param("base64url", base64.urlsafe_b64decode, id="base64url"),
        pytest.param("base32", base64.b32decode, id="base32"),
        pytest.param("hex", lambda value: bytes.fromhex(value.decode()), id="hex"),
    ],
)
def test_password_is_encoded_as_asked(encoding, decode):
    value = make(password, PasswordSpec(encoding=encoding))["password"]
    assert len(decode(value)) == 24


def test_password_makes_one_for_each_key():
    made = make(password, PasswordSpec(secret_keys=("admin", "user")))
    assert set(made) == {"admin", "user"}
    assert made["admin"] != made["user"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(
            PasswordSpec(length=4, digits=3, symbols=3), "more than spec.length", id="too-many"
        ),
        pytest.param(
            PasswordSpec(length=20, digits=11, symbols=0),
            "11 different digits are asked for, and there are 10",
            id="digits",
        ),
        pytest.param(
            PasswordSpec(length=40, digits=0, symbols=0, no_upper=True),
            "40 different letters",
            id="letters",
        ),
    ],
)
def test_password_that_cannot_be_made_is_refused(config, message):
    with pytest.raises(InvalidRef, match=message):
        make(password, config)


def test_uuid_is_of_version_4_and_new_each_time():
    first, second = (make(uuid_generator, uuid_generator.UUIDSpec())["uuid"] for _ in range(2))
    assert uuid.UUID(first.decode()).version == 4
    assert first != second


def test_fake_gives_what_it_holds():
    assert make(fake, fake.FakeSpec(data=(("a", "1"), ("b", "ü")))) == {
        "a": b"1",
        "b": "ü".encode(),
    }


#: RFC 6238, appendix B: seed by algorithm, seconds, value.
_RFC_SEEDS = {"sha1": 20, "sha256": 32, "sha512": 64}


@pytest.mark.parametrize(
    ("algorithm", "seconds", "token"),
    [
        pytest.param("sha1", 59, "94287082", id="sha1-59"),
        pytest.param("sha256", 59, "46119246", id="sha256-59"),
        pytest.param("sha512", 59, "90693936", id="sha512-59"),
        pytest.param("sha1", 1111111109, "07081804", id="sha1-leading-zero"),
        pytest.param("sha256", 20000000000, "77737706", id="sha256-far"),
    ],
)
def test_mfa_gives_the_values_of_the_specification(algorithm, seconds, token):
    seed = (b"1234567890" * 7)[: _RFC_SEEDS[algorithm]]
    held = Credentials({SEED: SecretBytes(base64.b32encode(seed).rstrip(b"="))})
    config = mfa.MFASpec(secret=SEED, length=8, algorithm=algorithm)
    made = make(mfa, config, held, now=datetime.fromtimestamp(seconds, UTC))
    assert made == {"token": token.encode(), "timeLeft": str(30 - seconds % 30).encode()}


@pytest.mark.parametrize("held", [{}, {SEED: SecretBytes(b"not base32!")}], ids=["none", "broken"])
def test_mfa_without_a_usable_seed_names_the_secret(held):
    with pytest.raises(AuthFailed, match='Secret "mfa" holds no base32 seed under "seed"'):
        make(mfa, mfa.MFASpec(secret=SEED), Credentials(held))


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        pytest.param(SSHKeySpec(comment="shop"), "ssh-rsa", id="rsa"),
        pytest.param(SSHKeySpec(key_type="ecdsa"), "ecdsa-sha2-nistp256", id="ecdsa"),
        pytest.param(
            SSHKeySpec(key_type="ecdsa", key_size=521), "ecdsa-sha2-nistp521", id="ecdsa-521"
        ),
        pytest.param(SSHKeySpec(key_type="ed25519", comment="a b"), "ssh-ed25519", id="ed25519"),
    ],
)
def test_ssh_key_is_a_pair_in_the_formats_of_openssh(config, kind):
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_ssh_private_key,
    )

    made = make(ssh_key, config)
    private = load_ssh_private_key(made["privateKey"], None)
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    assert public.decode().startswith(f"{kind} ")
    comment = f" {config.comment}" if config.comment else ""
    assert made["publicKey"].decode() == public.decode() + comment


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(SSHKeySpec(key_size=512), "rsa key of 512 bits", id="short"),
        pytest.param(SSHKeySpec(key_type="ecdsa", key_size=300), "ecdsa key of 300", id="curve"),
        pytest.param(SSHKeySpec(comment="a\nb"), "one line", id="comment"),
    ],
)
def test_ssh_key_that_cannot_be_made_is_refused(config, message):
    with pytest.raises(InvalidRef, match=message):
        make(ssh_key, config)


def test_importing_generators_loads_no_cryptography():
    program = (
        "import sys, secretsync.generators.ssh_key, secretsync.generators.registry;"
        "print('cryptography' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
