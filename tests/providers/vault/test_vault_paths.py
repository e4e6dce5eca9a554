"""From keys to paths, row by row as External Secrets Operator builds them; hostile keys."""

from __future__ import annotations

import pytest

from providers.base import InvalidRef
from providers.vault.paths import KvPaths
from tests.providers.vault.conftest import only


@pytest.mark.parametrize(
    ("mount", "v2", "key", "path"),
    [
        ("secret", True, "app/db", "secret/data/app/db"),
        ("secret", True, "secret/app/db", "secret/data/app/db"),
        ("secret", True, "secret/data/app/db", "secret/data/app/db"),
        ("secret", True, "data/app/db", "secret/data/data/app/db"),
        ("secret", True, "/app/db/", "secret/data/app/db"),
        ("/secret/", True, "app/db", "secret/data/app/db"),
        ("team/kv", True, "team/kv/app", "team/kv/data/app"),
        ("team/kv", True, "team/app", "team/kv/data/team/app"),
        ("secret", False, "app/db", "secret/app/db"),
        ("secret", False, "secret/app/db", "secret/app/db"),
        ("secret", False, "secret/data/db", "secret/data/db"),
        ("", True, "secret/app/db", "secret/data/app/db"),
        ("", True, "secret/data/app/db", "secret/data/app/db"),
        ("", True, "team/kv/data/app", "team/kv/data/app"),
        ("", False, "secret/app/db", "secret/app/db"),
        ("secret", True, "a b?c#d", "secret/data/a%20b%3Fc%23d"),
        ("secret", True, "%2e%2e/x", "secret/data/%252e%252e/x"),
        ("secret", True, "zürich", "secret/data/z%C3%BCrich"),
        ("secret", True, "...", "secret/data/..."),
    ],
)
def test_a_key_leads_to_the_path_that_eso_builds(mount, v2, key, path):
    paths = KvPaths(mount, v2=v2)
    assert paths.data(paths.place(key)) == f"/v1/{path}"


def test_a_listed_key_is_a_path_to_the_letter():
    paths = KvPaths("secret", v2=True)
    assert paths.data(paths.place("secret/x", listed=True)) == "/v1/secret/data/secret/x"


HOSTILE = [
    "",
    "/",
    "../metadata/x",
    "app/../../sys/seal",
    "app/..",
    "./app",
    "app//db",
    "app/\x00",
    "app\r\nX-Vault-Token: x",
    "app\u2028",
    "a" * 4096,
]


@pytest.mark.parametrize("key", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_key_is_refused_and_nothing_is_sent(front, open_vault, key):
    assert isinstance(only(open_vault("token"), key), InvalidRef)
    assert front.seen == []


@pytest.mark.parametrize(
    "key", ["%2e%2e/%2e%2e/sys/mounts", "..%2fmetadata", "a\\x", "a;b", "*", "+"]
)
def test_an_odd_key_means_itself(bao, mount, put, reader, open_vault, key):
    token = bao.token(reader)
    missing = only(open_vault(token), key)
    assert missing.definite, missing
    quoted = key.replace("%", "%25").replace("\\", "%5C")
    bao.ask("POST", f"{mount}/data/{quoted}", {"data": {"a": "b"}})
    assert only(open_vault(token), key).value.reveal() == b'{"a":"b"}'
    listed = bao.ask("GET", f"{mount}/detailed-metadata/?scan=true")["data"]["keys"]
    assert listed == [key]


@pytest.mark.parametrize(
    "key", ["sys/mounts", "auth/token/lookup-self", "cubbyhole/x", "identity/x"]
)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_without_a_mount_in_the_store_keys_reach_no_part_of_the_server_itself(
    front, open_vault, key, version
):
    assert isinstance(only(open_vault("token", path="", version=version), key), InvalidRef)
    assert front.seen == []


@pytest.mark.parametrize("path", ["../sys", "a//b", "a/./b", "a\x00"])
def test_a_hostile_path_of_a_store_is_refused(open_vault, path):
    with pytest.raises(InvalidRef, match="the store's path"):
        open_vault("token", path=path)
