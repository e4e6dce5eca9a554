"""Property paths without Go: what users write, and what no path may do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.errors import PropertyMissing, PropertyPathLimit
from secretsync.core.property_path import Match, get, select_property

DATABASE = b"""{"username": "app", "password": "p\\u00e4ss\\n", "port": 5432, "ratio": 1.50,
  "hosts": [ {"name": "a", "up": true}, {"name": "b", "up": false} ],
  "tls.crt": "CERT", "tls": {"crt": "nested", "key": null}, "auths": { "r.example" : {"u": 1} }}"""


def _text(document: bytes, path: str) -> bytes | None:
    match = get(document, path)
    return None if match is None else match.text()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("username", b"app", id="string"),
        pytest.param("password", "päss\n".encode(), id="escapes"),
        pytest.param("port", b"5432", id="integer-as-written"),
        pytest.param("ratio", b"1.5", id="shortest-decimal"),
        pytest.param("hosts.1.name", b"b", id="index"),
        pytest.param("hosts.#", b"2", id="count"),
        pytest.param("hosts.#.name", b'["a","b"]', id="projection"),
        pytest.param('hosts.#(name=="b").up', b"false", id="query"),
        pytest.param("hosts.0", b'{"name": "a", "up": true}', id="object-with-its-blanks"),
        pytest.param(r"tls\.crt", b"CERT", id="escaped-dot"),
        pytest.param("tls.crt", b"nested", id="dot-descends"),
        pytest.param("tls.key", b"", id="null-exists"),
        pytest.param("auths", b'{ "r.example" : {"u": 1} }', id="docker-config"),
        pytest.param("pass*", "päss\n".encode(), id="wildcard"),
        pytest.param("hosts|@reverse|0.name", b"b", id="pipe-and-modifier"),
        pytest.param("{username,port}", b'{"username":"app","port":5432}', id="multipath"),
        pytest.param("nobody", None, id="absent"),
        pytest.param("hosts.2", None, id="index-beyond"),
        pytest.param("username.x", None, id="below-a-string"),
        pytest.param("tls.key.x", None, id="below-null"),
    ],
)
def test_get_returns_text(path: str, text: bytes | None) -> None:
    assert _text(DATABASE, path) == text


@pytest.mark.parametrize(
    "document", [b"", b"hunter2", b"\xff\xfe", b"{", b"[[[", b'"', b"{'a': 'b'}"]
)
def test_get_of_what_is_not_json_finds_nothing(document: bytes) -> None:
    assert get(document, "a") is None


def test_get_keeps_raw_newlines_in_strings() -> None:
    """Keys pasted into JSON by hand: not valid JSON, and read by gjson all the same."""
    assert (
        _text(b'{"key": "-----BEGIN\nAAAA\n-----END\n"}', "key") == b"-----BEGIN\nAAAA\n-----END\n"
    )


def test_match_repr_does_not_show_the_value() -> None:
    assert "app" not in repr(get(DATABASE, "username"))
    assert get(DATABASE, "username") == Match(b'"app"')


@given(st.binary(max_size=200), st.text(max_size=40))
def test_get_over_any_bytes_and_path_never_fails(document: bytes, path: str) -> None:
    match = get(document, path)
    assert match is None or isinstance(match.text(), bytes)


_SYNTAX = st.lists(
    st.sampled_from(
        [
            *'{}[]():,"\\',
            "a",
            "#",
            ".",
            "|",
            "@",
            "!",
            "*",
            "?",
            "==",
            "%",
            "~",
            "@this",
            "\\u12",
            "1e5",
        ]
    )
)


@given(_SYNTAX, _SYNTAX)
def test_get_over_pieces_of_syntax_never_fails(document: list[str], path: list[str]) -> None:
    match = get("".join(document).encode(), "".join(path))
    assert match is None or isinstance(match.text(), bytes)


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.text(), st.integers(), st.booleans())))
def test_get_by_escaped_key_returns_every_member(members: dict[str, str | int | bool]) -> None:
    document = json.dumps(members).encode()
    for key, value in members.items():
        escaped = "".join(c if c.isalnum() else f"\\{c}" for c in key)
        text = value if isinstance(value, str) else json.dumps(value)
        assert _text(document, escaped) == text.encode()


@pytest.mark.parametrize(
    ("document", "path"),
    [
        pytest.param(b"{}", "a" * 4097, id="long-path"),
        pytest.param(b'{"a":' * 999 + b"1" + b"}" * 999, "a." * 999 + "a", id="deep-path"),
        pytest.param(b"[" * 999 + b"1" + b"]" * 999, "#." * 999 + "#", id="deep-projection"),
        pytest.param(b"[" * 999 + b"1" + b"]" * 999, "#(" * 999 + ")" * 999, id="deep-query"),
        pytest.param(b"[]", "[" * 999 + "a" + "]" * 999, id="deep-multipath"),
        pytest.param(b"[" * 999 + b"]" * 999, '@flatten:{"deep":true}', id="deep-flatten"),
        pytest.param(b"[" * 999 + b"]" * 999, "@dig:@this", id="deep-dig"),
        pytest.param(b'{"a":' * 999 + b"1" + b"}" * 999, "@pretty", id="deep-pretty"),
        pytest.param(b'"\\"\\\\"', "@tostr|" * 500 + "@this", id="growing-strings"),
        pytest.param(b"[1,2,3,4]", "|".join(["[@this,@this]"] * 99), id="growing-arrays"),
        pytest.param(
            b'{"' + b"k" * 30_000 + b'":[' + b"1," * 16_000 + b"1]}", "@group", id="growing-groups"
        ),
        pytest.param(
            b"[" + b"1," * 30_000 + b"1]",
            '@pretty:{"width":0,"indent":"' + " " * 3900 + '"}',
            id="growing-indent",
        ),
    ],
)
def test_get_that_asks_for_too_much_is_refused(document: bytes, path: str) -> None:
    with pytest.raises(PropertyPathLimit, match="property path"):
        get(document, path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("document", "path"),
    [
        pytest.param(json.dumps({"a" * 60_000: 1}).encode(), "*a" * 1500 + "b", id="stars"),
        pytest.param(
            json.dumps({"a" * 60_000: 1}).encode(), "*" + "?" * 4000 + "b", id="questions"
        ),
        pytest.param(json.dumps(["a" * 60_000]).encode(), '#(%"' + "*a" * 1500 + 'b")', id="query"),
        pytest.param(b'{"a":"' + b"\\\\" * 60_000, "b", id="open-string-of-escapes"),
        pytest.param(b'{"' * 60_000, "a.*.b", id="open-objects"),
        pytest.param(b'{"a":' + b"1" * 60_000 + b"x}", "a", id="long-number"),
    ],
)
def test_get_over_hostile_input_finds_nothing_soon(document: bytes, path: str) -> None:
    assert _text(document, path) in (None, b"0")


@pytest.mark.parametrize(
    ("property_path", "text"),
    [
        pytest.param("username", b"app", id="plain"),
        pytest.param("tls.crt", b"CERT", id="literal-key-wins"),
        pytest.param("tls.key", b"", id="else-a-path"),
        pytest.param(r"tls\.crt", b"CERT", id="escaped-by-the-user"),
        pytest.param("hosts.0.name", b"a", id="index"),
        pytest.param("hosts.#(up==false).name", b"b", id="query-with-dots-around"),
    ],
)
def test_select_property_for_aws_tries_the_literal_key_first(
    property_path: str, text: bytes
) -> None:
    assert select_property(DATABASE, property_path, dialect="aws", key="db") == text


def test_select_property_absent_names_property_and_secret_only() -> None:
    with pytest.raises(
        PropertyMissing, match=r"^key a\.b does not exist in secret prod/db$"
    ) as caught:
        select_property(DATABASE, "a.b", dialect="aws", key="prod/db")
    assert caught.value.remedy
    assert "app" not in repr(caught.value)


def test_select_property_of_a_provider_without_a_row_takes_the_default() -> None:
    with pytest.raises(PropertyMissing):
        select_property(DATABASE, "a", dialect="nobody")
    assert select_property(b'{"a": "b"}', "a", dialect="nobody") == b"b"
