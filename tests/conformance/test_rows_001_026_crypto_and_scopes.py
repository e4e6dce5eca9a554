"""Rows 1 to 26: what opens what, and where. Each case carries the number of its row.

Rows 27 to 35 move whole SealedSecrets: test_rows_027_035_places.py.
"""

from __future__ import annotations

import base64
import json

import pytest

from sealing import (
    InvalidManifest,
    ItemsFailed,
    Scope,
    SealingError,
    check_unseal,
    encryption_label,
    generate_private_key,
    make_certificate,
    parse_scope,
    scope_of,
    seal_secret,
    seal_value,
    unseal_manifest,
    unseal_value,
)
from secretsync.controller.sealing_desk import SealingDesk
from secretsync.refresh.clock import Clock
from tests.sealing.kit import NOW, YEAR, certificate, other_key, vector_key
from tests.sealing.vectors import VECTORS
from tests.support.sealed_objects import data_of

NK = "no key could decrypt secret"
PLACE = {"namespace": "myns", "name": "mysecret"}
CLUSTER_WIDE = "sealedsecrets.bitnami.com/cluster-wide"
NAMESPACE_WIDE = "sealedsecrets.bitnami.com/namespace-wide"


def row(number, *values):
    """One case, `row("005-a", …)`, under its row's number."""
    return pytest.param(*values, id=f"row-{number}")


def secret(data=None, **metadata):
    data = {"foo": b"bar"} if data is None else data
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {"metadata": {**PLACE, **metadata}, "data": encoded}


def sealed(data=None, **options):
    return seal_secret(secret(data), certificate(), now=NOW, **options)


def with_items(items):
    made = sealed()
    made["spec"]["encryptedData"] = items
    return made


def opened(made, key=None, **options):
    return data_of(unseal_manifest(made, [key or vector_key()], **options))


def error_of(made, **options):
    with pytest.raises(SealingError) as caught:
        unseal_manifest(made, [vector_key()], **options)
    return str(caught.value)


def text_and_bytes():
    text = seal_value(b"bar", certificate(), now=NOW, **PLACE)
    return text, base64.b64decode(text)


@pytest.mark.parametrize("data", [row("001", {"foo": b"bar", "e": b"", "b": bytes(range(256))})])
def test_sealed_then_opened_by_the_same_key_is_what_it_was(data):
    assert opened(sealed(data)) == data


@pytest.mark.parametrize("bits", [row("002", 2048)])
def test_certificate_made_for_a_key_holds_its_public_half(bits):
    key = generate_private_key(bits)
    made = make_certificate(key, not_before=NOW, not_after=NOW + YEAR, serial_number=1)
    assert made.public_key.public_numbers() == key.public_key.public_numbers()
    assert made.public_key.key_size == bits


@pytest.mark.parametrize(
    "scope",
    [row("003-a", Scope.STRICT), row("003-b", Scope.NAMESPACE_WIDE), row("003-c", "cluster-wide")],
)
def test_values_that_kubeseal_sealed_open(scope):
    text, plaintext = VECTORS[Scope(scope)]
    assert unseal_value(text, [vector_key()], scope=Scope(scope), **PLACE) == plaintext


@pytest.mark.parametrize("key", [row("004-a", other_key)])
def test_another_private_key_opens_nothing(key):
    with pytest.raises(ItemsFailed, match=rf"^{NK} \(foo\)$"):
        unseal_manifest(sealed(), [key()])


@pytest.mark.parametrize(
    "alter",
    [row("005-a", lambda whole: whole[:-1]), row("005-b", lambda whole: whole + b"\0")],
)
def test_byte_cut_off_or_added_opens_with_no_key(alter):
    text = base64.b64encode(alter(text_and_bytes()[1])).decode()
    assert error_of(with_items({"foo": text})) == f"{NK} (foo)"


@pytest.mark.parametrize("text", [row("006-a", ""), row("006-b", "AA==")])
def test_value_too_short_for_its_parts_opens_with_no_key(text):
    assert error_of(with_items({"foo": text})) == f"{NK} (foo)"


@pytest.mark.parametrize("text", [row("007", "NOTVALIDBASE64")])
def test_value_that_is_not_base64_is_named_with_the_place_of_the_fault(text):
    error = error_of(with_items({"foo": text}))
    assert error == "illegal base64 data at input byte 12 (foo)"
    assert "decrypt" not in error


@pytest.mark.parametrize("newline", [row("008-a", "\n"), row("008-b", "\r\n")])
def test_value_wrapped_into_lines_opens(newline):
    text, _ = text_and_bytes()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    assert opened(with_items({"foo": newline.join(lines)})) == {"foo": b"bar"}


@pytest.mark.parametrize(
    "spoil",
    [
        row("009-a", lambda text: f"{text[:8]} {text[8:]}"),
        row("009-b", lambda text: f"{text[:8]}-_{text[10:]}"),
        row("009-c", lambda text: text.rstrip("=")),
        row("009-d", lambda text: f"{text[:8]}\t{text[8:]}"),
    ],
)
def test_value_in_another_alphabet_or_form_is_not_base64(spoil):
    text, _ = text_and_bytes()
    assert text.endswith("=")
    assert error_of(with_items({"foo": spoil(text)})).startswith("illegal base64 data at input")


@pytest.mark.parametrize("names", [row("010", ("b", "c", "a"))])
def test_values_that_fail_alike_share_one_line(names):
    assert error_of(with_items(dict.fromkeys(names, "AA=="))) == f"{NK} (a, b, c)"


def old_form(data=None, **spec):
    """A SealedSecret as Sealed Secrets before 0.7 made it: one blob of a whole Secret."""
    whole = json.dumps({"kind": "Secret", "apiVersion": "v1", **secret(data)}).encode()
    made = sealed()
    made["spec"] = {"data": seal_value(whole, certificate(), now=NOW, **PLACE), **spec}
    return made


@pytest.mark.parametrize("data", [row("011", {"foo": b"bar", "zero": b""})])
def test_old_form_opens_where_it_is_accepted(data):
    assert opened(old_form(data), accept_v1_data=True) == data


@pytest.mark.parametrize("accept", [row("012", False)])
def test_old_form_is_refused_as_deprecated_where_it_is_not(accept):
    assert "deprecated" in error_of(old_form(), accept_v1_data=accept)


@pytest.mark.parametrize(
    ("accept", "words"), [row("013", True, "at the same time"), row("014", False, "deprecated")]
)
def test_old_form_beside_the_new_is_refused(accept, words):
    made = sealed()
    made["spec"]["data"] = ""
    assert words in error_of(made, accept_v1_data=accept)
    with pytest.raises(InvalidManifest, match=words):
        check_unseal(made, [vector_key()], accept_v1_data=accept)


class _Ring:
    """A source of no keys: what is readable then fails to open."""

    ring = ()


DOES_NOT_OPEN, NOT_ONE_DOCUMENT = 409, 500


@pytest.mark.parametrize(
    ("text", "status"),
    [
        row("015-a", "{}", DOES_NOT_OPEN),
        row("015-b", "---\n{}", DOES_NOT_OPEN),
        row("015-c", "{}\n ", DOES_NOT_OPEN),
        row("015-d", "{}\n---\n{}", NOT_ONE_DOCUMENT),
        row("015-e", "---\n{}\n---\n{}", NOT_ONE_DOCUMENT),
        # A separator that nothing follows: Sealed Secrets counts an empty second
        # document and refuses; there is one object in it, and it is looked at.
        row("015-f", "{}\n---\n", DOES_NOT_OPEN),
    ],
)
def test_request_of_several_documents_is_refused(text, status):
    answer = SealingDesk(_Ring(), Clock()).verify(text.replace("{}", json.dumps(sealed())).encode())
    assert answer.status == status


@pytest.mark.parametrize(
    ("name", "scope"),
    [row("016-a", "", Scope.STRICT)]
    + [row(f"016-{letter}", str(scope), scope) for letter, scope in zip("bcd", Scope, strict=True)],
)
def test_scope_has_the_name_that_people_write(name, scope):
    assert parse_scope(name) is scope
    assert parse_scope(str(scope)) is scope


@pytest.mark.parametrize(
    ("scope", "label"),
    [
        row("017-a", Scope.STRICT, b"myns/myname"),
        row("017-b", Scope.NAMESPACE_WIDE, b"myns"),
        row("017-c", Scope.CLUSTER_WIDE, b""),
    ],
)
def test_label_binds_as_much_as_the_scope_says(scope, label):
    assert encryption_label(scope, namespace="myns", name="myname") == label


@pytest.mark.parametrize(
    "annotations", [row("018", {CLUSTER_WIDE: "true", NAMESPACE_WIDE: "true"})]
)
def test_wider_of_two_scope_annotations_counts(annotations):
    scope = scope_of(annotations)
    assert encryption_label(scope, namespace="myns", name="myname") == b""


@pytest.mark.parametrize(
    ("scope", "annotation"),
    [
        row("019", Scope.CLUSTER_WIDE, CLUSTER_WIDE),
        row("020", Scope.NAMESPACE_WIDE, NAMESPACE_WIDE),
    ],
)
def test_scope_annotation_taken_back_closes_the_value(scope, annotation):
    made = sealed(scope=scope)
    assert opened(made) == {"foo": b"bar"}
    made["metadata"]["annotations"][annotation] = "false"
    assert error_of(made) == f"{NK} (foo)"


HOME = {"namespace": "myns", "name": "mysecret"}


@pytest.mark.parametrize(
    ("scope", "at", "opens"),
    [
        row("021", "strict", HOME, True),
        row("022", "strict", {**HOME, "namespace": "other"}, False),
        row("023", "strict", {**HOME, "name": "other"}, False),
        row("024-a", "namespace-wide", HOME, True),
        row("024-b", "namespace-wide", {**HOME, "name": "other"}, True),
        row("024-c", "namespace-wide", {**HOME, "name": ""}, True),
        row("025", "namespace-wide", {**HOME, "namespace": "other"}, False),
        row("026-a", "cluster-wide", HOME, True),
        row("026-b", "cluster-wide", {"namespace": "other", "name": "other"}, True),
        row("026-c", "cluster-wide", {"namespace": "", "name": ""}, True),
    ],
)
def test_single_value_opens_where_its_scope_lets_it(scope, at, opens):
    text = seal_value(b"bar", certificate(), now=NOW, scope=Scope(scope), **HOME)
    if opens:
        assert unseal_value(text, [vector_key()], scope=Scope(scope), **at) == b"bar"
    else:
        with pytest.raises(SealingError, match=NK):
            unseal_value(text, [vector_key()], scope=Scope(scope), **at)
