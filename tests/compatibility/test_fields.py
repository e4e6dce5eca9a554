"""Fields that no other test tries on their own."""

from __future__ import annotations

from typing import Any

import pytest

from providers.base import FoundSecret, SecretNotFound, SecretRef
from secretsync.core.errors import CoreError
from secretsync.core.materialize import SourceError, materialize, sources
from secretsync.core.sources import FindSource, FoundValues, Source
from tests.core.secret_cases import STORE, answer, external_secret, item
from tests.resources.test_provisioner import CLUSTER_EXTERNAL_SECRET, CLUSTER_PUSH_SECRET, parse

DIALECTS = {STORE: "aws"}
GONE = SecretNotFound("nothing there", definite=True)


def made(spec: dict[str, Any], value: str | None) -> dict[str, bytes]:
    """Return the data where every source answers `value`, or that nothing is there."""
    parent = external_secret({"data": None, **spec})
    values: dict[Any, Any] = {}
    for source in sources(parent):
        if isinstance(source, FindSource):
            ref = SecretRef("app/a", listed=True)
            found = ((FoundSecret("app/a", ref), answer(value)),) if value is not None else ()
            values[source] = FoundValues(found)
        else:
            values[source] = GONE if value is None else answer(value)
    result = materialize(parent, values, dialects=DIALECTS)
    return {key: each.reveal() for key, each in result.data.items()}


def test_conversion_of_a_data_entry_changes_no_key() -> None:
    spec = {"data": [item("a.b", "one", conversionStrategy="Unicode")]}
    assert made(spec, "1") == {"a.b": b"1"}


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        pytest.param({"data": [item("a", "one", nullBytePolicy="Fail")]}, "x\0y", id="data"),
        pytest.param(
            {"dataFrom": [{"extract": {"key": "one", "nullBytePolicy": "Fail"}}]},
            '{"a": "x\\u0000y"}',
            id="extract",
        ),
        pytest.param(
            {"dataFrom": [{"find": {"name": {"regexp": "."}, "nullBytePolicy": "Fail"}}]},
            "x\0y",
            id="find",
        ),
    ],
)
def test_null_bytes_are_refused_where_they_are_to_fail(entry: dict[str, Any], value: str) -> None:
    with pytest.raises((SourceError, CoreError), match="null byte"):
        made(entry, value)


def test_extract_asks_for_version_and_metadata() -> None:
    entries = [
        {"extract": {"key": "one", "version": "v7"}},
        {"extract": {"key": "one", "metadataPolicy": "Fetch"}},
    ]
    parent = external_secret({"data": None, "dataFrom": entries})
    assert list(sources(parent)) == [
        Source(STORE, SecretRef("one", "v7")),
        Source(STORE, SecretRef("one", metadata=True)),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"extract": {"key": "one"}}, id="extract"),
        pytest.param({"find": {"name": {"regexp": "."}}}, id="find"),
    ],
)
def test_optional_extract_and_find_may_be_missing(entry: dict[str, Any]) -> None:
    (name,) = entry
    optional = {name: {**entry[name], "emptyResultPolicy": "Ignore"}}
    assert made({"dataFrom": [optional]}, None) == {}


@pytest.mark.parametrize("base", [CLUSTER_EXTERNAL_SECRET, CLUSTER_PUSH_SECRET])
def test_refresh_time_of_a_maker_is_a_duration(base: dict[str, Any]) -> None:
    assert parse({"spec.refreshTime": "90s"}, base).value.refresh_interval_s == 90
    assert parse({"spec.refreshTime": "soon"}, base).value is None


def test_pushes_of_a_maker_have_its_name_and_metadata() -> None:
    changes = {
        "spec.pushSecretName": "out",
        "spec.pushSecretMetadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
    }
    assert parse(changes, CLUSTER_PUSH_SECRET).value.child("n")["metadata"] == {
        "name": "out",
        "namespace": "n",
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
    }
