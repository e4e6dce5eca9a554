"""Tracebacks of what opens values show no value, even where a reporter shows variables."""

from __future__ import annotations

import base64
import json
import traceback
from datetime import timedelta
from pathlib import Path

import pytest

import sealing
from sealing import (
    CertificateExpired,
    InvalidManifest,
    ItemsFailed,
    MalformedValue,
    SealingError,
    TemplateFailed,
    UnsealFailed,
    check_unseal,
    load_key_ring,
    parse_private_key,
    reseal_manifest,
    reseal_value,
    seal_secret,
    seal_with,
    unseal_manifest,
    unseal_value,
    unseal_with,
)
from tests.sealing.kit import NOW, certificate, key_object, other_key, vector_key

CANARY = "canary-7f3a"
NEEDLES = [CANARY, base64.b64encode(CANARY.encode()).decode()]
KEY_LINES = vector_key().reveal_pem().decode().splitlines()[1:-1]
PLACE = {"name": "n", "namespace": "a"}
KEYS = [vector_key()]
OLD_CERTIFICATE = certificate(end=NOW - timedelta(days=1))


def sealed(**change):
    """A SealedSecret of which one value opens."""
    secret = {"metadata": PLACE, "stringData": {"good": CANARY}}
    made = seal_secret(secret, certificate(), now=NOW)
    made["spec"]["encryptedData"] |= change
    return made


def templated(text, **template):
    made = sealed()
    made["spec"]["template"] = {"data": {"t": text}, **template}
    return made


def v1(text):
    blob = seal_with(text.encode(), certificate().public_key, b"a/n", session_key=bytes(32))
    return sealed() | {"spec": {"data": base64.b64encode(blob).decode()}}


def render(key, text, values):
    raise TemplateFailed("the template does not render")


SEALED_TEXT = sealed()["spec"]["encryptedData"]["good"]
V1_DATA = json.dumps({"data": {"good": NEEDLES[1], "bad": CANARY}})
V1_KIND = json.dumps({"data": {"good": NEEDLES[1]}, "type": [CANARY]})


@pytest.mark.parametrize(
    ("fails", "error"),
    [
        pytest.param(lambda: unseal_manifest(sealed(b="AA=="), KEYS), ItemsFailed, id="one bad"),
        pytest.param(lambda: unseal_manifest(sealed(b="!"), KEYS), ItemsFailed, id="no base64"),
        pytest.param(lambda: unseal_manifest(sealed(b=7), KEYS), ItemsFailed, id="no text"),
        pytest.param(lambda: check_unseal(sealed(b="AA=="), KEYS), ItemsFailed, id="check"),
        pytest.param(lambda: unseal_manifest(templated("{{"), KEYS), ItemsFailed, id="no engine"),
        pytest.param(
            lambda: unseal_manifest(templated("{{"), KEYS, render=render),
            ItemsFailed,
            id="engine fails",
        ),
        pytest.param(lambda: unseal_manifest(templated(7), KEYS), InvalidManifest, id="template"),
        pytest.param(
            lambda: unseal_manifest(templated("", type=7), KEYS), InvalidManifest, id="type"
        ),
        pytest.param(lambda: unseal_manifest(v1("{" + CANARY), KEYS), InvalidManifest, id="v1"),
        pytest.param(lambda: check_unseal(v1("{" + CANARY), KEYS), InvalidManifest, id="check v1"),
        pytest.param(lambda: unseal_manifest(v1(V1_DATA), KEYS), InvalidManifest, id="v1 data"),
        pytest.param(lambda: unseal_manifest(v1(V1_KIND), KEYS), InvalidManifest, id="v1 type"),
        pytest.param(
            lambda: reseal_manifest(sealed(b="AA=="), KEYS, certificate(), now=NOW),
            ItemsFailed,
            id="reseal",
        ),
        pytest.param(
            lambda: reseal_manifest(sealed(), KEYS, OLD_CERTIFICATE, now=NOW),
            CertificateExpired,
            id="reseal to an expired certificate",
        ),
        pytest.param(
            lambda: reseal_value(SEALED_TEXT, KEYS, OLD_CERTIFICATE, now=NOW, **PLACE),
            CertificateExpired,
            id="reseal a value to an expired certificate",
        ),
        pytest.param(lambda: unseal_value(SEALED_TEXT, KEYS), UnsealFailed, id="other place"),
        pytest.param(lambda: unseal_value("!", KEYS), MalformedValue, id="value without base64"),
        pytest.param(lambda: unseal_with(b"", KEYS, b""), UnsealFailed, id="bytes"),
    ],
)
def test_traceback_of_what_does_not_open_holds_no_value(fails, error):
    with pytest.raises(error) as caught:
        fails()
    assert shown_locals(caught.value) == []


def shown_locals(error):
    """The variables in the library's own frames that hold a piece of a secret."""
    folder = str(Path(sealing.__file__).parent)
    found, pending = [], [error]
    while pending:
        inner = pending.pop()
        rendered = traceback.TracebackException.from_exception(inner, capture_locals=True)
        found += [
            (frame.name, name)
            for frame in rendered.stack
            if frame.filename.startswith(folder)
            for name, value in (frame.locals or {}).items()
            if any(needle in value for needle in [*NEEDLES, *KEY_LINES])
        ]
        pending += [one for one in (inner.__cause__, inner.__context__) if one]
        pending += getattr(inner, "errors", {}).values()
    return found


def broken(field, text):
    made = key_object("k")
    made["data"][field] = base64.b64encode(text).decode()
    return made


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(broken("tls.crt", b"x"), id="no certificate"),
        pytest.param(broken("tls.crt", certificate(other_key()).pem), id="another certificate"),
        pytest.param(broken("tls.key", vector_key().reveal_pem()[:-40]), id="cut key"),
        pytest.param(key_object("k", created_at="noon"), id="no time"),
    ],
)
def test_error_of_a_broken_key_keeps_no_key_in_memory(secret):
    (one,) = load_key_ring([secret]).broken
    error = one.error
    while error is not None:
        assert error.__traceback__ is None
        assert not any(line in repr(error) for line in KEY_LINES)
        error = error.__cause__ or error.__context__


def test_error_keeps_its_cause_and_begins_at_the_call():
    with pytest.raises(InvalidManifest, match=r"data\.bad: illegal base64") as caught:
        unseal_manifest(v1(V1_DATA), KEYS)
    assert isinstance(caught.value.__cause__, MalformedValue)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == "call"


def test_private_key_text_is_in_no_cause():
    with pytest.raises(SealingError, match="damaged") as caught:
        parse_private_key(vector_key().reveal_pem().replace(b"a", b"b"))
    assert caught.value.__suppress_context__
    assert not any(line in str(caught.value.__context__) for line in KEY_LINES)
