"""External Secrets Operator's own end-to-end cases, on each store, through the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from secretsync.refresh.outcomes import Progress
from tests.conformance.eso_kit import data_of, live_secret, put_beside, rig_of
from tests.conformance.eso_remotes import Remote
from tests.conformance.eso_rows import METADATA, ROWS, VERSIONS, Row
from tests.conformance.eso_stores import STORES, stores_with


def _row_cases() -> list[object]:
    return [case for name in ROWS for case in stores_with(name)]


def _lacks() -> list[object]:
    return [case for name in (*ROWS, METADATA, VERSIONS) for case in stores_with(name, lack=True)]


#: What asks for metadata or a version, for a store that has them not.
_ASKING = {
    METADATA: Row(
        {"e2e-one": "bar"},
        {
            "data": [
                {"secretKey": "one", "remoteRef": {"key": "e2e-one", "metadataPolicy": "Fetch"}}
            ]
        },
        {},
    ),
    VERSIONS: Row(
        {"e2e-one": "bar"},
        {"data": [{"secretKey": "one", "remoteRef": {"key": "e2e-one", "version": "1"}}]},
        {"one": "bar"},
    ),
}


@pytest.fixture
def remote(store: str, tmp_path: Path) -> Iterator[Remote]:
    with STORES[store].open(tmp_path) as opened:
        yield opened


def _put(remote: Remote, row: Row) -> None:
    for key, value in row.remote.items():
        remote.put(key, value, row.tags.get(key, {}))


@pytest.mark.parametrize(("store", "name"), _row_cases())
def test_row(store: str, name: str, remote: Remote, tmp_path: Path) -> None:
    row = STORES[store].said(name, ROWS[name])
    _put(remote, row)
    rig = rig_of(tmp_path, remote, dict(row.spec))
    try:
        put_beside(rig, row)
        (outcome,) = rig.run()
        assert outcome.progress is Progress.APPLIED, outcome.condition_message
        secret = live_secret(rig, row.target)
        assert secret is not None
        assert data_of(secret) == row.wanted
        assert secret.get("type", "Opaque") == row.type
        metadata = secret["metadata"]
        assert row.labels.items() <= metadata["labels"].items()
        assert row.annotations.items() <= metadata["annotations"].items()
        assert tuple(metadata.get("finalizers", ())) == row.finalizers
        (outcome,) = rig.run()
        assert outcome.progress is Progress.UNCHANGED
    finally:
        rig.close()


@pytest.mark.parametrize(("store", "name"), _lacks())
def test_what_a_store_lacks_is_refused_by_name(
    store: str, name: str, remote: Remote, tmp_path: Path
) -> None:
    row = STORES[store].said(name, ROWS.get(name) or _ASKING[name])
    _put(remote, row)
    lack = STORES[store].lacks[name]
    rig = rig_of(tmp_path, remote, dict(row.spec))
    try:
        (outcome,) = rig.run()
        if lack.says:
            assert outcome.failed
            assert lack.says in outcome.condition_message
            assert live_secret(rig) is None
        else:
            assert data_of(live_secret(rig)) == row.wanted
    finally:
        rig.close()


def test_each_store_has_a_reason_for_what_it_lacks() -> None:
    reasons = [lack.why for service in STORES.values() for lack in service.lacks.values()]
    assert reasons
    assert all(reasons)
