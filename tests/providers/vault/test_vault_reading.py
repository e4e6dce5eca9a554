"""Reading KV: the bytes of payloads, versions, metadata, and the kinds of absence."""

from __future__ import annotations

import json

import pytest

from providers.base import (
    AuthFailed,
    InvalidRef,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from providers.vault.config import VaultCheckAndSet
from tests.providers.vault.conftest import only
from tests.support.web import json_reply


@pytest.fixture
def provider(bao, reader, open_vault):
    return open_vault(bao.token(reader))


def test_a_map_is_written_as_go_writes_it(provider, put):
    put(
        "app/db",
        z="1",
        a='<b>&\u2028é"\\\n\t\x01',
        n=12,
        f=1.5,
        t=True,
        x=None,
        o={"b": 1, "a": []},
    )
    assert only(provider, "app/db").value.reveal() == (
        rb'{"a":"\u003cb\u003e\u0026\u2028'
        + "é".encode()
        + rb'\"\\\n\t\u0001","f":1.5,"n":12,"o":{"a":[],"b":1},"t":true,"x":null,"z":"1"}'
    )


def test_numbers_keep_the_text_that_the_server_wrote(front, provider):
    front.answer_all(
        json_reply(
            '{"data":{"data":{"n":12345678901234567890123,"f":1.50,"e":1e3},'
            '"metadata":{"version":3,"created_time":"2026-01-02T03:04:05.123456789Z"}}}'
        )
    )
    got = only(provider, "app/db")
    assert got.value.reveal() == b'{"e":1e3,"f":1.50,"n":12345678901234567890123}'
    assert got.version == "3@2026-01-02T03:04:05.123456789Z"
    assert got.created_at.isoformat() == "2026-01-02T03:04:05.123456+00:00"


def test_a_version_is_read_by_its_number(provider, put):
    put("app/db", n="one")
    put("app/db", n="two")
    assert only(provider, "app/db", version="1").value.reveal() == b'{"n":"one"}'
    first, current = only(provider, "app/db", version="1"), only(provider, "app/db")
    assert first.version.startswith("1@")
    assert current.version.startswith("2@")
    assert only(provider, "app/db", version="0").version == current.version
    assert only(provider, "app/db", version=first.version) == first
    missing = only(provider, "app/db", version="7")
    assert isinstance(missing, SecretNotFound)
    assert not missing.definite, "the secret is there"
    assert isinstance(only(provider, "app/db", version="latest"), InvalidRef)


def test_three_kinds_of_absence_are_told_apart(bao, mount, provider, put):
    put("deleted", a="b")
    put("destroyed", a="b")
    bao.ask("DELETE", f"{mount}/data/deleted")
    bao.ask("POST", f"{mount}/destroy/destroyed", {"versions": [1]})
    found = {name: only(provider, name) for name in ("deleted", "destroyed", "never")}
    assert all(isinstance(one, SecretNotFound) and one.definite for one in found.values())
    assert "is deleted" in found["deleted"].message
    assert found["deleted"].pending_deletion
    assert "undelete" in found["deleted"].remedy
    assert "is destroyed" in found["destroyed"].message
    assert not found["destroyed"].pending_deletion
    assert "does not exist" in found["never"].message


def test_whether_the_engine_is_there_is_asked_once(front, provider):
    for number in range(4):
        assert only(provider, f"nowhere/{number}").definite
    assert len([one for one in front.calls() if "internal/ui/mounts" in one]) == 1


@pytest.mark.parametrize(
    ("actual", "said", "error"),
    [
        pytest.param(1, "v2", InvalidRef, id="v2-of-a-v1-engine"),
        pytest.param(2, "v1", InvalidRef, id="v1-of-a-v2-engine"),
    ],
)
def test_an_engine_of_another_version_is_never_an_absence(bao, open_vault, actual, said, error):
    mount = bao.engine(actual)
    token = bao.token(bao.policy({f"{mount}/*": ["read"]}))
    assert isinstance(only(open_vault(token, path=mount, version=said), "app/db"), error)


def test_an_engine_that_is_not_there_is_never_a_certain_absence(bao, open_vault):
    token = bao.token(bao.policy({"nowhere/*": ["read"]}))
    got = only(open_vault(token, path="nowhere"), "app/db")
    assert not getattr(got, "definite", False), got


@pytest.mark.parametrize(
    "reply",
    [
        '{"errors":["made up"]}',
        '{"errors":[],"more":1}',
        '{"data":{}}',
        "{}",
        "[]",
        '""',
        "null",
        '{"errors":null}',
    ],
)
def test_another_404_is_never_a_certain_absence(front, provider, reply):
    front.answer_all(json_reply(reply, 404))
    got = only(provider, "app/db")
    assert not isinstance(got, SecretValue)
    assert not getattr(got, "definite", False), got


@pytest.mark.parametrize(
    "reply",
    [
        "{}",
        "[]",
        '{"data":null}',
        '{"data":[]}',
        '{"data":{"data":[],"metadata":{"version":1}}}',
        '{"data":{"data":{"a":"b"}}}',
        '{"data":{"data":{"a":"b"},"metadata":{"version":0}}}',
        '{"data":{"data":{"a":"b"},"metadata":{"version":"x"}}}',
        '{"data":{"data":null,"metadata":null}}',
        '{"data":{"data":{"a":NaN},"metadata":{"version":1}}}',
        '{"a":' * 100_000,
    ],
)
def test_half_an_answer_is_an_error_never_an_absence(front, provider, reply):
    front.answer_all(json_reply(reply))
    got = only(provider, "app/db")
    assert not isinstance(got, SecretValue | SecretNotFound), got


def test_another_version_than_asked_is_not_taken(front, provider):
    front.answer_all(json_reply('{"data":{"data":{"a":"b"},"metadata":{"version":2}}}'))
    assert not isinstance(only(provider, "app/db", version="1"), SecretValue)


def test_metadata_is_what_describes_the_secret(bao, mount, provider, put):
    put("app/db", secret="not-to-be-shown")
    described = {"custom_metadata": {"team": "red<"}, "delete_version_after": "3h"}
    bao.ask("POST", f"{mount}/metadata/app/db", described)
    raw = only(provider, "app/db", metadata=True).value.reveal()
    got = json.loads(raw)
    assert got.pop("created_time").startswith("20")
    assert got == {"team": "red<", "current_version": 1, "delete_version_after": "3h0m0s"}
    assert rb"red\u003c" in raw


def test_version_1_has_neither_versions_nor_metadata(bao, open_vault):
    mount = bao.engine(1)
    bao.ask("POST", f"{mount}/app/db", {"b": 1, "a": "x"})
    provider = open_vault(bao.token(bao.policy({f"{mount}/*": ["read"]})), path=mount, version="v1")
    got = only(provider, "app/db")
    assert got.value.reveal() == b'{"a":"x","b":1}'
    assert got.created_at is None
    assert only(provider, "app/db").version == got.version
    assert isinstance(only(provider, "app/db", metadata=True), InvalidRef)
    assert isinstance(only(provider, "app/db", version="1"), InvalidRef)
    assert only(provider, "nowhere").definite
    bao.ask("POST", f"{mount}/app/db", {"b": 2, "a": "x"})
    assert only(provider, "app/db").version != got.version


def test_headers_of_the_store_and_of_consistency_are_sent(bao, front, reader, put, open_vault):
    put("app/db", a="b")
    provider = open_vault(
        bao.token(reader),
        headers=(("X-Team", "red"),),
        forward_inconsistent=True,
        read_your_writes=True,
        check_and_set=VaultCheckAndSet(required=True),
    )
    with pytest.MonkeyPatch.context() as patch:
        real = front._answer

        def answer(request):
            reply = real(request)
            reply.headers["X-Vault-Index"] = "v1:state"
            return reply

        patch.setattr(front._server, "handler", answer)
        only(provider, "app/db")
        only(provider, "app/db")
    first, second = (one.headers for one in front.seen)
    assert first["x-team"] == "red"
    assert first["x-vault-inconsistent"] == "forward-active-node"
    assert first["x-vault-request"] == "true"
    assert "x-vault-index" not in first
    assert second["x-vault-index"] == "v1:state"


@pytest.mark.parametrize("name", ["X-Vault-Token", "x-vault-token", "Host"])
def test_a_header_that_would_replace_our_own_is_refused(open_vault, name):
    with pytest.raises(InvalidRef, match="may not set"):
        open_vault("token", headers=((name, "x"),))


def test_checking_reads_the_refs_for_real(bao, mount, put, open_vault):
    put("app/db", a="b")
    provider = open_vault(bao.token(bao.policy({f"{mount}/data/app/*": ["read"]})))
    provider.check([SecretRef("app/db")])
    with pytest.raises(Exception, match="permission denied"):
        provider.check([SecretRef("app/db"), SecretRef("other/db")])
    with pytest.raises(SecretNotFound):
        provider.check([SecretRef("app/nowhere")])


def test_a_token_that_nobody_issued_does_not_pass_the_check(open_vault):
    with pytest.raises(AuthFailed):
        open_vault("made-up").check([])


def test_a_server_that_is_not_there_is_unavailable(open_vault):
    assert isinstance(only(open_vault("t", server="https://127.0.0.1:9"), "app/db"), Unavailable)
