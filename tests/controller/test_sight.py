"""A Secret is taken for deleted only where the cluster says so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.controller.sight import surely_gone

KEY = ("shop", "db")


@pytest.fixture
def cluster(tmp_path):
    opened = DirectoryCluster(tmp_path / "cluster", now=lambda: datetime.now(UTC))
    yield opened
    opened.close()


def put(cluster):
    obj = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": KEY[0], "name": KEY[1], "labels": {"managed": "true"}},
        "data": {"a": "MQ=="},
    }
    cluster.create(KINDS["Secret"], obj, field_manager="test")


def test_secret_that_is_not_there_is_gone(cluster):
    assert surely_gone(cluster, KEY)


def test_secret_that_is_there_is_not_gone_whatever_a_watch_showed(cluster):
    put(cluster)
    assert not surely_gone(cluster, KEY)
    assert not surely_gone(cluster, KEY, label="managed")


def test_secret_that_lost_the_label_of_the_watch_is_gone_from_its_sight(cluster):
    put(cluster)
    assert surely_gone(cluster, KEY, label="other")


def test_secret_that_cannot_be_read_is_not_gone(cluster, tmp_path):
    put(cluster)
    (tmp_path / "cluster/shop/secrets/db.yaml").write_text("a: [")
    assert not surely_gone(cluster, KEY)
