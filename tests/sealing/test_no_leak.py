"""Failures tell what is wrong and never what the secret is."""

from __future__ import annotations

import base64
import traceback

import pytest

from sealing import (
    SealingError,
    UnsealFailed,
    load_key_ring,
    parse_private_key,
    seal_secret,
    unseal_manifest,
)
from tests.sealing.kit import NOW, certificate, key_object, other_key, vector_key

CANARY = "canary-7f3a"
ENCODED = base64.b64encode(CANARY.encode()).decode()
PLACE = {"name": "n", "namespace": "a"}


def seal(secret):
    return seal_secret({"metadata": PLACE} | secret, certificate(), now=NOW)


def unseal(change, keys):
    sealed = seal({"stringData": {"good": CANARY, "bad": CANARY}})
    for field, value in change.items():
        sealed["spec"]["encryptedData"][field] = value
    return unseal_manifest(sealed, keys)


def template(text):
    sealed = seal({"stringData": {"good": CANARY}})
    sealed["spec"]["template"]["data"] = {"t": text}
    return unseal_manifest(sealed, [vector_key()])


def broken_key(field, pem):
    secret = key_object("k")
    secret["data"][field] = base64.b64encode(pem).decode()
    (broken,) = load_key_ring([secret]).broken
    raise broken.error


PEM = vector_key().reveal_pem()
KEY_LINES = [line.decode() for line in PEM.splitlines()[1:-1]]


@pytest.mark.parametrize(
    "fails",
    [
        pytest.param(lambda: seal({"data": {"k": CANARY}}), id="data that is not base64"),
        pytest.param(lambda: seal({"data": {"k": [CANARY]}}), id="data of another kind"),
        pytest.param(lambda: seal({"stringData": {"k": {CANARY: 1}}}), id="stringData"),
        pytest.param(lambda: seal({"stringData": CANARY}), id="text for a mapping"),
        pytest.param(lambda: seal({"data": {"k": ENCODED}, "type": [CANARY]}), id="type"),
        pytest.param(lambda: unseal({"bad": "AA=="}, [vector_key()]), id="one bad value"),
        pytest.param(lambda: unseal({"bad": CANARY}, [vector_key()]), id="value not sealed"),
        pytest.param(lambda: unseal({"bad": [CANARY]}, [vector_key()]), id="value of a kind"),
        pytest.param(lambda: unseal({}, [other_key()]), id="another key"),
        pytest.param(lambda: template("{{ fail .good }}"), id="template without an engine"),
        pytest.param(lambda: template([CANARY]), id="template of another kind"),
        pytest.param(lambda: parse_private_key(PEM.replace(b"a", b"b")), id="altered key"),
        pytest.param(lambda: parse_private_key(PEM[:-30]), id="cut key"),
        pytest.param(lambda: broken_key("tls.key", PEM.replace(b"b", b"c")), id="key in a ring"),
        pytest.param(lambda: broken_key("tls.crt", PEM), id="key for a certificate"),
    ],
)
def test_failure_shows_no_secret(fails):
    with pytest.raises(SealingError) as caught:
        fails()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    error = caught.value
    while error is not None:
        shown += repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__
    assert CANARY not in shown
    assert ENCODED not in shown
    assert [line for line in KEY_LINES if line in shown] == []


def test_sealed_manifest_holds_no_plaintext():
    sealed = seal({"data": {"k": ENCODED}, "stringData": {"s": CANARY}})
    assert CANARY not in repr(sealed)
    assert ENCODED not in repr(sealed)


def test_opaque_error_says_the_same_for_every_cause():
    texts = set()
    for change, keys in (({"bad": "AA=="}, [vector_key()]), ({}, [other_key()]), ({}, [])):
        with pytest.raises(SealingError) as caught:
            unseal(change, keys)
        texts |= {repr(error.args) for error in caught.value.errors.values()}
        assert {type(error) for error in caught.value.errors.values()} == {UnsealFailed}
    assert texts == {"('no key could decrypt secret',)"}
