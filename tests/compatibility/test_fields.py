"""Fields that no other test tries on their own."""

from __future__ import annotations

from typing import Any

import pytest

from providers.base import FoundSecret, SecretBytes, SecretNotFound, SecretRef
from secretsync.controller.metrics import KindMetrics, Metrics
from secretsync.controller.push_recorder import PUSH_KINDS
from secretsync.core.errors import CoreError
from secretsync.core.materialize import SourceError, materialize, sources
from secretsync.core.push import planned_pushes
from secretsync.core.sources import FindSource, FoundValues, Source
from secretsync.resources.provisioner import Provisioner, parse_provisioner
from tests.core.secret_cases import STORE, answer, external_secret, item
from tests.refresh.kit import store
from tests.refresh.push_kit import push_secret
from tests.resources.builders import changed, document
from tests.resources.test_provisioner import CLUSTER_EXTERNAL_SECRET, CLUSTER_PUSH_SECRET

DIALECTS = {STORE: "aws"}
GONE = SecretNotFound("nothing there", definite=True)


def maker(base: dict[str, Any], **changes: Any) -> Provisioner | None:
    """Return a parsed maker of objects with a changed spec."""
    spec = {f"spec.{name}": value for name, value in changes.items()}
    return parse_provisioner(document(changed(base, spec))).value


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
    good = maker(base, refreshTime="90s")
    assert good is not None
    assert good.refresh_interval_s == 90
    assert maker(base, refreshTime="soon") is None


def test_pushes_of_a_maker_have_its_name_and_metadata() -> None:
    metadata = {"labels": {"a": "b"}, "annotations": {"c": "d"}}
    good = maker(CLUSTER_PUSH_SECRET, pushSecretName="out", pushSecretMetadata=metadata)
    assert good is not None
    assert good.child("n")["metadata"] == {"name": "out", "namespace": "n", **metadata}


def test_metadata_of_many_pushes_goes_with_each() -> None:
    entry = {"storeRef": {"name": "aws"}, "metadata": {"secretPushFormat": "string"}}
    item = push_secret(dataTo=[entry], secretStoreRefs=[{"name": "aws"}])
    data = {"a": SecretBytes(b"1"), "b": SecretBytes(b"2")}
    pushes = planned_pushes(item, data, store())
    assert [each.item.metadata for each in pushes] == [{"secretPushFormat": "string"}] * 2


def test_metrics_of_each_kind_are_those_of_the_page() -> None:
    metrics = Metrics()
    KindMetrics(metrics.registry, PUSH_KINDS)
    names = {family.name for family in metrics.registry.collect()}
    kinds = ["externalsecret", "secretstore", "clustersecretstore"]
    kinds += [kind.lower() for kind in PUSH_KINDS]
    assert {name for name in names if not name.startswith("secretsync_")} == {
        "externalsecret_sync_calls",
        "externalsecret_sync_calls_error",
        "externalsecret_provider_api_calls_count",
        *(f"{kind}_status_condition" for kind in kinds),
        *(f"{kind}_reconcile_duration" for kind in kinds),
    }
