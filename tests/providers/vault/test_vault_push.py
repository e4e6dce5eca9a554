"""Pushing to KV: check-and-set, the marker, and what is never overwritten."""

from __future__ import annotations

import json

import pytest

from providers.base import InvalidRef, NotManaged, PushItem, PushRef, SecretBytes, Unavailable
from tests.providers.vault.conftest import only
from tests.support.openbao_front import vault_error


@pytest.fixture
def provider(bao, mount, open_vault):
    can = ["create", "read", "update", "delete", "list"]
    return open_vault(bao.token(bao.policy({f"{mount}/*": can})))


def item(value, key="app/new", prop=""):
    return PushItem(PushRef(key, prop), SecretBytes(value))


def writes(front):
    return [one for one in front.calls() if not one.startswith("GET")]


def test_the_marker_is_written_first_as_eso_writes_it(bao, mount, front, provider):
    assert provider.push(item(b'{"a":"b"}'))
    assert writes(front) == [f"POST /v1/{mount}/metadata/app/new", f"POST /v1/{mount}/data/app/new"]
    described = bao.ask("GET", f"{mount}/metadata/app/new")["data"]["custom_metadata"]
    assert described == {"managed-by": "external-secrets"}


def test_the_same_value_is_not_written_again_whatever_the_server_makes_of_its_numbers(
    front, provider
):
    value = b'{"n":12345678901234567890,"f":1.0,"t":true,"s":"1"}'
    assert provider.push(item(value))
    before = len(writes(front))
    assert provider.push(item(value)) is False
    assert len(writes(front)) == before
    assert provider.push(item(b'{"n":12345678901234567890,"f":1,"t":1,"s":"1"}')) is True
    assert provider.push(item(b'{"n":12345678901234567890,"f":1,"t":1,"s":1}')) is True


def test_writes_name_the_version_that_they_replace(bao, mount, front, provider):
    bao.ask("POST", f"{mount}/config", {"cas_required": True})
    assert provider.push(item(b"1", prop="a"))
    assert provider.push(item(b"2", prop="b"))
    sent = [
        json.loads(one.body)
        for one in front.seen
        if one.path.endswith("/data/app/new") and one.body
    ]
    assert [one["options"]["cas"] for one in sent] == [0, 1]


def test_what_somebody_else_wrote_meanwhile_is_not_lost(bao, mount, front, provider):
    provider.push(item(b"1", prop="a"))
    url = f"{mount}/data/app/new"

    def interfere(request):
        if request.method == "POST" and request.path.endswith(url):
            front.heal()
            bao.ask("POST", url, {"data": {"a": "1", "theirs": "2"}})

    front.spoil = interfere
    with pytest.raises(Unavailable, match="wrote meanwhile"):
        provider.push(item(b"3", prop="b"))
    assert provider.push(item(b"3", prop="b"))
    assert json.loads(only(provider, "app/new").value.reveal()) == {
        "a": "1",
        "b": "3",
        "theirs": "2",
    }


@pytest.mark.parametrize("how", ["delete", "metadata-alone"])
def test_what_others_deleted_or_only_described_is_theirs_still(bao, mount, put, provider, how):
    if how == "delete":
        put("app/new", a="b")
        bao.ask("DELETE", f"{mount}/data/app/new")
    else:
        bao.ask("POST", f"{mount}/metadata/app/new", {"custom_metadata": {"team": "red"}})
    with pytest.raises(NotManaged):
        provider.push(item(b'{"a":"c"}'))
    assert provider.exists(PushRef("app/new")) is False


def test_what_was_pushed_and_deleted_by_hand_is_written_again(bao, mount, provider):
    provider.push(item(b'{"a":"b"}'))
    bao.ask("DELETE", f"{mount}/data/app/new")
    assert provider.push(item(b'{"a":"b"}'))
    assert only(provider, "app/new").version.startswith("2@")


def test_a_marker_without_a_value_is_taken_up_again(front, mount, provider):
    front.spoil = lambda request: (
        vault_error(500, "internal error")
        if request.method == "POST" and "/data/" in request.path
        else None
    )
    with pytest.raises(Unavailable):
        provider.push(item(b'{"a":"b"}'))
    front.heal()
    assert provider.push(item(b'{"a":"b"}'))


@pytest.mark.parametrize("value", [b"plain", b"[1]", b'"text"', b"\xff", b'{"a":NaN}', b""])
def test_a_whole_value_that_is_no_object_is_refused(front, provider, value):
    with pytest.raises(InvalidRef, match="JSON object"):
        provider.push(item(value))
    assert writes(front) == []


def test_a_property_that_is_not_text_is_refused(front, provider):
    with pytest.raises(InvalidRef, match="UTF-8"):
        provider.push(item(b"\xff\xfe", prop="a"))
    assert writes(front) == []


def test_deleting_the_last_property_takes_all_versions_and_the_marker(bao, mount, provider):
    provider.push(item(b"1", prop="a"))
    assert provider.delete(PushRef("app/new", "a"))
    assert provider.push(item(b'{"a":"b"}'))
    assert only(provider, "app/new").version.startswith("1@"), "nothing of the former was left"


def test_version_1_keeps_the_marker_inside(bao, open_vault):
    mount = bao.engine(1)
    can = ["create", "read", "update", "delete"]
    provider = open_vault(bao.token(bao.policy({f"{mount}/*": can})), path=mount, version="v1")
    assert provider.push(item(b'{"a":"b"}'))
    assert provider.push(item(b'{"a":"b"}')) is False
    held = bao.ask("GET", f"{mount}/app/new")["data"]
    assert held == {"a": "b", "custom_metadata": {"managed-by": "external-secrets"}}
    bao.ask("POST", f"{mount}/theirs", {"a": "b"})
    with pytest.raises(NotManaged):
        provider.push(item(b'{"a":"c"}', "theirs"))
