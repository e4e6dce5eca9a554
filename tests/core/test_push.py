"""What a PushSecret sends where, out of a Secret's data."""

from __future__ import annotations

import json

import pytest

from providers.base import PushRef, SecretBytes
from secretsync.core.errors import KeyCollision
from secretsync.core.push import PushProblem, planned_pushes, reverse_unicode, stale
from tests.refresh.kit import store
from tests.refresh.push_kit import push_secret

DATA = {
    "password": SecretBytes(b"canary-9f1c-must-not-show"),
    "user": SecretBytes(b"admin"),
    "db_U002f_port": SecretBytes(b"5432"),
}
STORE = {"secretStoreRefs": [{"name": "aws"}]}


def planned(item, data=DATA, **options):
    """Return remote key → value of what goes to the store."""
    return {
        (each.item.ref.remote_key, each.item.ref.property): each.item.value.reveal()
        for each in planned_pushes(item, data, store(), **options)
    }


def many(**entry):
    return push_secret(dataTo=[{"storeRef": {"name": "aws"}, **entry}], **STORE)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (push_secret({"a": "user"}), {("a", ""): b"admin"}),
        (push_secret({"a#p": "user", "a#q": "user"}), {("a", "p"): b"admin", ("a", "q"): b"admin"}),
        (
            push_secret({"all": ""}),
            {
                ("all", ""): b'{"db_U002f_port":"5432",'
                b'"password":"canary-9f1c-must-not-show","user":"admin"}'
            },
        ),
        (
            push_secret(
                [
                    {
                        "match": {"secretKey": "db/port", "remoteRef": {"remoteKey": "a"}},
                        "conversionStrategy": "ReverseUnicode",
                    }
                ]
            ),
            {("a", ""): b"5432"},
        ),
        (many(match={"regexp": "^us"}), {("user", ""): b"admin"}),
        (
            many(
                match={"regexp": "^db"},
                conversionStrategy="ReverseUnicode",
                rewrite=[{"regexp": {"source": "^db/(.*)", "target": "web-$1"}}],
            ),
            {("web-port", ""): b"5432"},
        ),
        (
            many(
                match={"regexp": "us"},
                rewrite=[{"transform": {"template": "x-{{ .value | upper }}"}}],
            ),
            {("x-USER", ""): b"admin"},
        ),
        (
            many(match={"regexp": "^(user|db)"}, remoteKey="bundle"),
            {("bundle", ""): b'{"db_U002f_port":"5432","user":"admin"}'},
        ),
        (many(match={"regexp": "nothing"}, remoteKey="bundle"), {}),
        (
            push_secret(
                {"own": "user"},
                dataTo=[{"storeRef": {"name": "aws"}, "match": {"regexp": "^(user|pass)"}}],
                **STORE,
            ),
            {("own", ""): b"admin", ("password", ""): b"canary-9f1c-must-not-show"},
        ),
        (
            push_secret(
                dataTo=[{"storeRef": {"name": "other"}}],
                secretStoreRefs=[{"name": "aws"}, {"name": "other"}],
            ),
            {},
        ),
    ],
)
def test_entries_send_their_keys_to_their_places(item, expected):
    assert planned(item) == expected


def test_json_is_written_as_go_writes_it_without_html_escapes():
    data = {"b": SecretBytes("ü<&>\u2028".encode()), "a": SecretBytes(b'"\n')}
    assert planned(push_secret({"x": ""}), data) == {
        ("x", ""): '{"a":"\\"\\n","b":"ü<&>\\u2028"}'.encode()
    }


def test_bytes_that_are_no_text_go_into_json_only_where_it_is_taken_apart_again():
    data = {"b": SecretBytes(b"\xff\x00")}
    with pytest.raises(PushProblem, match="the value of key b is not UTF-8 text"):
        planned(push_secret({"x": ""}), data)
    [value] = planned(push_secret({"x": ""}), data, any_bytes=True).values()
    assert json.loads(value)["b"].encode(errors="surrogateescape") == b"\xff\x00"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (push_secret({"a": "missing"}), "secret key missing does not exist"),
        (
            push_secret({"user": "password"}, dataTo=[{"storeRef": {"name": "aws"}}], **STORE),
            "user is pushed by spec.data[0] already",
        ),
        (
            push_secret({"user#p": "password"}, dataTo=[{"storeRef": {"name": "aws"}}], **STORE),
            "user is replaced as a whole by spec.dataTo[0]",
        ),
        (
            many(rewrite=[{"regexp": {"source": ".*", "target": ""}}], match={"regexp": "user"}),
            "a key is rewritten to nothing",
        ),
    ],
)
def test_entry_that_does_not_fit_is_refused_without_a_value(item, message):
    with pytest.raises(PushProblem) as caught:
        planned(item)
    assert caught.value.message == message
    assert "canary" not in str(caught.value)


def test_two_keys_that_a_rewrite_makes_one_are_refused_though_their_values_are_equal():
    data = {"a1": SecretBytes(b"x"), "a2": SecretBytes(b"x")}
    with pytest.raises(KeyCollision):
        planned(many(rewrite=[{"regexp": {"source": "[0-9]", "target": ""}}]), data)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a_U002f_b", "a/b"),
        ("_U1f600_", "😀"),
        ("_U002F__U002e_", "/."),
        ("_U02f_", "_U02f_"),
        ("_Ud800_", "\ufffd"),
        ("plain", "plain"),
    ],
)
def test_reverse_unicode_undoes_what_unicode_conversion_did(key, expected):
    assert reverse_unicode(key) == expected


def test_stale_is_what_the_status_has_and_the_entries_have_not():
    def said(key, prop=""):
        return {"match": {"remoteRef": {"remoteKey": key, **({"property": prop} if prop else {})}}}

    before = {
        "SecretStore/a": {"x": said("x"), "y/p": said("y", "p"), "z": {"match": 3}},
        "SecretStore/b": {"x": said("x")},
        "SecretStore/c": {"x": said("another")},
    }
    now = {"SecretStore/a": {"x": said("x")}}
    assert stale(before, now) == {
        "SecretStore/a": {"y/p": PushRef("y", "p")},
        "SecretStore/b": {"x": PushRef("x")},
    }
