"""How each store's values are addressed: one table of ESO's differences, row by row."""

from __future__ import annotations

import pytest

from providers.registry import PROVIDERS
from secretsync.core.dialects import DIALECTS
from secretsync.core.errors import PropertyMissing, UnmarshalError
from secretsync.core.property_path import (
    extract_map,
    select_metadata,
    select_property,
    whole_value,
)

DOTTED = b'{"a.b":"literal","a":{"b":"path","c.d":"deep"},"n":1.50,"o":{"x": "<&>"},"z":null}'
OTHER = b'{"a":{"b":"path"}}'
BINARY = b'{"tls.crt":"pem","json":"{\\"a\\":{\\"b\\":1}}","bin":"\\udcff\\u0000x","odd":"\\ud800"}'
LARGE = b'{"n":9007199254740993,"f":1.50,"b":true,"z":null,"o":{"n":9007199254740993,"h":"<"}}'


def test_every_provider_with_a_peer_has_a_row_with_its_reason() -> None:
    # Of all others the row is the same: a new provider needs none.
    assert set(PROVIDERS) - {"directory"} == set(DIALECTS)
    assert all(len(row.why) > 20 for row in DIALECTS.values())


@pytest.mark.parametrize(
    ("dialect", "raw", "path", "wanted"),
    [
        pytest.param("aws", DOTTED, "a.b", b"literal", id="aws-a-key-with-dots-first"),
        pytest.param("aws", OTHER, "a.b", b"path", id="aws-then-a-path"),
        pytest.param("aws", DOTTED, "o", b'{"x": "<&>"}', id="aws-an-object-as-it-is"),
        pytest.param("aws", b'junk {"a":1}', "a", b"1", id="aws-checks-no-json"),
        pytest.param("gcpsm", DOTTED, "a.b", b"literal", id="gcp-a-key-with-dots-first"),
        pytest.param("directory", DOTTED, "a.b", b"literal", id="directory-as-aws"),
        pytest.param("fake", DOTTED, "a.b", b"path", id="fake-a-path-always"),
        pytest.param("fake", DOTTED, r"a\.b", b"literal", id="fake-unless-escaped"),
        pytest.param("vault", DOTTED, "a.b", b"literal", id="vault-a-member-first"),
        pytest.param("vault", DOTTED, r"a.c\.d", b"deep", id="vault-then-a-path"),
        pytest.param("vault", DOTTED, "n", b"1.50", id="vault-a-number-keeps-its-text"),
        pytest.param(
            "vault", DOTTED, "o", rb'{"x":"\u003c\u0026\u003e"}', id="vault-an-object-written-anew"
        ),
        pytest.param("vault", DOTTED, "z", b"", id="vault-null-is-nothing"),
        pytest.param("openBao", DOTTED, "a.b", b"literal", id="openbao-as-vault"),
        pytest.param("kubernetes", BINARY, "tls.crt", b"pem", id="kubernetes-a-key-with-dots"),
        pytest.param("kubernetes", BINARY, "json.a.b", b"1", id="kubernetes-a-path-in-a-key"),
        pytest.param("kubernetes", BINARY, "bin", b"\xff\x00x", id="kubernetes-any-bytes"),
        pytest.param("webhook", b"answer", "a.b", b"answer", id="webhook-the-service-selects"),
    ],
)
def test_property_is_addressed_as_eso_does_for_that_store(
    dialect: str, raw: bytes, path: str, wanted: bytes
) -> None:
    assert select_property(raw, path, dialect=dialect) == wanted


@pytest.mark.parametrize(
    ("dialect", "raw", "path", "certain", "absent"),
    [
        pytest.param("aws", b'{"a":1}', "b", True, False, id="aws"),
        pytest.param("aws", b'{"a":1', "b", False, False, id="aws-cut-off"),
        pytest.param("fake", b'{"a":1}', "b", True, True, id="fake-counts-as-absent"),
        pytest.param("kubernetes", b'{"a":"{}"}', "b.c", True, False, id="kubernetes-no-head"),
        pytest.param("kubernetes", b'{"a":"{}"}', "b", True, False, id="kubernetes-no-key"),
        pytest.param("vault", b'{"a":1}', "b", True, False, id="vault"),
    ],
)
def test_missing_property_says_how_sure_that_is(
    dialect: str, raw: bytes, path: str, certain: bool, absent: bool
) -> None:
    with pytest.raises(PropertyMissing) as caught:
        select_property(raw, path, dialect=dialect)
    assert (caught.value.certain, caught.value.absent) == (certain, absent)


@pytest.mark.parametrize("dialect", ["gcpsm", "vault", "openBao", "kubernetes"])
def test_property_of_what_is_no_json_is_an_error_where_eso_parses_it(dialect: str) -> None:
    with pytest.raises(UnmarshalError, match="valid JSON"):
        select_property(b'{"a":', "a", dialect=dialect)


@pytest.mark.parametrize(
    ("dialect", "raw", "wanted"),
    [
        pytest.param("aws", b' {"b": 1, "a": 2}', b' {"b": 1, "a": 2}', id="aws-as-it-is"),
        pytest.param("gcpsm", b"\xff\x00", b"\xff\x00", id="gcp-any-bytes"),
        pytest.param("fake", b"x", b"x", id="fake-as-it-is"),
        pytest.param("vault", b'{"b": 1e3, "a": "<"}', rb'{"a":"\u003c","b":1e3}', id="vault-anew"),
        pytest.param("kubernetes", b'{"b":"1","a":"<"}', b'{"a":"<","b":"1"}', id="kubernetes"),
    ],
)
def test_whole_value_is_what_eso_writes(dialect: str, raw: bytes, wanted: bytes) -> None:
    assert whole_value(raw, dialect=dialect) == wanted


@pytest.mark.parametrize(
    ("dialect", "raw", "wanted"),
    [
        pytest.param(
            "aws",
            LARGE,
            {
                "n": b"9007199254740993",
                "f": b"1.50",
                "b": b"true",
                "z": b"",
                "o": b'{"n":9007199254740993,"h":"<"}',
            },
            id="aws-as-in-the-source",
        ),
        pytest.param(
            "vault",
            LARGE,
            {
                "n": b"9007199254740992",
                "f": b"1.5",
                "b": b"true",
                "z": b"",
                "o": rb'{"h":"\u003c","n":9007199254740992}',
            },
            id="vault-through-float64",
        ),
        pytest.param(
            "kubernetes",
            BINARY,
            {"tls.crt": b"pem", "json": b'{"a":{"b":1}}', "bin": b"\xff\x00x", "odd": b"?"},
            id="kubernetes-any-bytes",
        ),
    ],
)
def test_extract_makes_the_keys_that_eso_makes(
    dialect: str, raw: bytes, wanted: dict[str, bytes]
) -> None:
    assert extract_map(raw, dialect=dialect) == wanted


@pytest.mark.parametrize(
    ("dialect", "path", "wanted"),
    [
        ("aws", "team", b"web"),
        ("aws", "a.b/c", b"dots"),
        ("gcpsm", "labels.team", b"x"),
        ("gcpsm", "annotations.example.org/a.b", b"y"),
        ("gcpsm", "labels", b'{"team":"x"}'),
        ("kubernetes", "annotations.example.org/a.b", b"y"),
    ],
)
def test_metadata_is_addressed_by_tag_or_by_section(dialect: str, path: str, wanted: bytes) -> None:
    raw = (
        b'{"team":"web","a.b/c":"dots"}'
        if dialect == "aws"
        else b'{"labels":{"team":"x"},"annotations":{"example.org/a.b":"y"}}'
    )
    assert select_metadata(raw, path, dialect=dialect) == wanted
    with pytest.raises(PropertyMissing):
        select_metadata(raw, "labels.no", dialect=dialect)
