"""Hashes and names that must equal ESO's; the vectors were made with Go's fmt and crypto/sha3."""

from __future__ import annotations

import hashlib

import pytest

from secretsync.core.hashes import (
    created_by_hash,
    data_hash,
    eso_field_managers,
    field_manager,
    metadata_hash,
    synced_resource_version,
)

DATA_VECTORS = [
    ({"k1": b"bar", "k2": b"\x01\x02"}, "1290dfcc7f19c096fc31b88b67c298e9a1197246c18f3dd2b597dd50"),
    ({}, "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b"),
    (
        {"tls.crt": b"CERT\n", "tls.key": b"\xff\x00", "A": b""},
        "8394b7879f90aedcf6b074a0be8da5a57cbbbf6b7bd6d1bfe6a3909c",
    ),
]

METADATA_VECTORS = [
    ({}, {}, "f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"),
    (
        {"app": "web", "a": "b"},
        {"force-sync": "1717761600"},
        "3e811fee2f415be0de6dc1685ae06fa16b7aab486f7040985193dcf5",
    ),
]


def _sha3(text: str) -> str:
    return hashlib.sha3_224(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("data", "printed"),
    [
        pytest.param({}, "map[]", id="empty"),
        pytest.param({"k1": b"bar", "k2": b"\1\2"}, "map[k1:[98 97 114] k2:[1 2]]", id="two"),
        pytest.param({"b": b"", "a": b"\xff", "B": b"\0"}, "map[B:[0] a:[255] b:[]]", id="sorted"),
    ],
)
def test_data_hash_is_of_the_go_print(data: dict[str, bytes], printed: str) -> None:
    assert data_hash(data) == _sha3(printed)


@pytest.mark.parametrize(("data", "expected"), DATA_VECTORS)
def test_data_hash_equals_go(data: dict[str, bytes], expected: str) -> None:
    assert data_hash(data) == expected


def test_data_hash_does_not_depend_on_order() -> None:
    assert data_hash({"a": b"1", "b": b"2"}) == data_hash({"b": b"2", "a": b"1"})


def test_created_by_hash_is_of_namespace_and_name() -> None:
    assert created_by_hash("default", "database") == _sha3("default/database")


@pytest.mark.parametrize(("labels", "annotations", "expected"), METADATA_VECTORS)
def test_metadata_hash_equals_go(
    labels: dict[str, str], annotations: dict[str, str], expected: str
) -> None:
    assert metadata_hash(labels, annotations) == expected


def test_synced_resource_version_changes_with_each_part() -> None:
    base = synced_resource_version(3, {"a": "b"}, {})
    assert base == "3-" + _sha3("{annotations:map[] labels:map[a:b]}")
    others = {
        synced_resource_version(4, {"a": "b"}, {}),
        synced_resource_version(3, {"a": "c"}, {}),
        synced_resource_version(3, {"a": "b"}, {"force-sync": "1"}),
    }
    assert len(others | {base}) == 4


_PREFIX = "externalsecrets.external-secrets.io/"


@pytest.mark.parametrize(
    ("length", "forms"),
    [
        pytest.param(63 - len(_PREFIX), ("plain",), id="fits"),
        pytest.param(64 - len(_PREFIX), ("hashed", "plain"), id="rules-disagree"),
        pytest.param(63, ("hashed", "plain"), id="rules-disagree-still"),
        pytest.param(64, ("hashed", "plain"), id="long-by-both-but-not-in-old-releases"),
        pytest.param(128 - len(_PREFIX), ("hashed", "plain"), id="longest-plain"),
        pytest.param(129 - len(_PREFIX), ("hashed",), id="too-long-for-kubernetes"),
    ],
)
def test_eso_field_managers_follow_the_rules_of_every_release(
    length: int, forms: tuple[str, ...]
) -> None:
    name = "n" * length
    names = {"plain": _PREFIX + name, "hashed": f"{_PREFIX}sha3/{_sha3(name)}"}
    assert eso_field_managers(name) == tuple(names[form] for form in forms)


def test_field_manager_stays_within_128_bytes() -> None:
    assert field_manager("database") == "secretsync.io/database"
    assert field_manager("n" * 114) == "secretsync.io/" + "n" * 114
    assert field_manager("n" * 115) == "secretsync.io/sha3/" + _sha3("n" * 115)
    assert len(field_manager("n" * 253)) <= 128
