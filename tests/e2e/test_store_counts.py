"""What the whole service asks of each store: calls at a first sync, in a cycle, at a restart."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.rig import eventually, settled, steady
from tests.support.service import RunningService
from tests.support.store_scenes import NAMESPACE, SCENES, StoreScene, external_secret

OBJECTS = 60
KEYS = 12
#: Short, so that several cycles fit in.
INTERVAL = "3s"
CYCLES_S = 7.0
#: Calls of a first sync that read the KEYS: the least that each service allows.
FIRST_READS = {"parameter-store": 2, "gcp": KEYS, "openbao": KEYS}
#: Calls of CYCLES_S in which nothing changes, logins left out.
CYCLE_CALLS = {"parameter-store": 4, "gcp": 4 * KEYS, "openbao": 8}


@pytest.fixture(params=SCENES)
def scene(request) -> Iterator[StoreScene]:
    with SCENES[request.param](KEYS) as made:
        yield made


@pytest.fixture
def cluster(scene, tmp_path) -> Path:
    """Write the objects of a scene into a directory cluster."""
    folder = tmp_path / "cluster"
    wanted = [
        external_secret(
            f"app-{index:02}", scene.name, scene.keys[index % KEYS], refresh_interval=INTERVAL
        )
        for index in range(OBJECTS)
    ]
    places = {
        "ClusterSecretStore": "_cluster/clustersecretstores.external-secrets.io",
        "Secret": f"{NAMESPACE}/secrets",
        "ExternalSecret": f"{NAMESPACE}/externalsecrets.external-secrets.io",
    }
    for obj in (*scene.objects, *wanted):
        path = folder / places[obj["kind"]] / f"{obj['metadata']['name']}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_text(yaml.safe_dump(obj))
    scene.forget()
    return folder


@pytest.fixture
def start(cluster, scene, tmp_path):
    """Start the service; the end of the test ends it."""
    running: list[RunningService] = []

    def started() -> RunningService:
        arguments = ["--to", f"dir:{cluster}"]
        running.append(RunningService(arguments, env=scene.env, log=tmp_path / "log"))
        running[-1].wait_ready()
        return running[-1]

    yield started
    for service in running:
        service.kill()


def test_store_is_read_by_key_and_logged_in_to_once(scene, cluster, start):
    service = start()
    made = cluster / NAMESPACE / "secrets"
    eventually(lambda: len([*made.glob("app-*.yaml")]) == OBJECTS, within_s=180)
    assert scene.reads() == FIRST_READS[scene.name], scene.counts()
    # The first cycles learn versions, and statuses follow the Secrets.
    time.sleep(CYCLES_S)
    settled(service.writes, for_s=4)
    before, written = Counter(scene.counts()), service.writes()
    steady(scene.reads, for_s=CYCLES_S)
    asked = scene.counts() - before
    assert asked.total() <= CYCLE_CALLS[scene.name], asked
    assert service.writes() == written
    assert scene.login_count() == 1
    service.stop()
    scene.forget()
    again = start()
    avoided = "secretsync_provider_reads_avoided_total"
    eventually(lambda: again.total(avoided) >= OBJECTS, within_s=180)
    assert scene.reads() == 0, scene.counts()
    assert again.writes() == 0
    assert scene.login_count() == 1
