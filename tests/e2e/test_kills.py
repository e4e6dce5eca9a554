"""SIGKILL at random moments: after the next start everything converges.

The moments are spread by a seeded generator over the time that a whole sync takes, so
that they fall into reading, writing and reporting alike.
"""

from __future__ import annotations

import base64
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.e2e.rig import Rig, eventually
from tests.support.service import aws_environment, clean_environment

#: Fifty starts and more: longer than the limit of a usual test on a busy machine.
pytestmark = pytest.mark.timeout(900)

OBJECTS = 200
KILLS = 50
SHARED_KEYS = 40


def fill(rig: Rig) -> list[str]:
    """Put a store, upstream secrets and ExternalSecrets in; return their names."""
    rig.store()
    for index in range(SHARED_KEYS):
        rig.upstream(f"key-{index}", f"v{index}")
    names = [f"app-{index:03d}" for index in range(OBJECTS)]
    for index, name in enumerate(names):
        rig.external_secret(name, [f"key-{index % SHARED_KEYS}"], refreshInterval="1h")
    return names


def wipe(rig: Rig, names: list[str]) -> None:
    """Delete some Secrets, so that the next start has something to do."""
    there = set(rig.site.names("Secret"))
    for name in names:
        if name in there:
            rig.site.delete("Secret", name)


def assert_whole(rig: Rig, *versions: str) -> None:
    """Every Secret that is there is whole: it parses, and its key has a value that was given."""
    for name, secret in rig.site.secrets().items():
        value = base64.b64decode(secret["data"]["password"]).decode()
        index = int(name[-3:]) % SHARED_KEYS
        given = [rig.value(f"{version}{index}") for version in versions or ("v",)]
        assert value in given, f"{name} is torn"


def assert_all_there(rig: Rig, names: list[str]) -> None:
    """Each Secret exists once, and no other one does."""
    assert sorted(rig.site.secrets()) == names


def test_service_killed_at_random_moments_converges(rig: Rig) -> None:
    names = fill(rig)
    moments = random.Random(50)  # noqa: S311 - the same moments at each run
    began = time.monotonic()
    service = rig.start()
    eventually(lambda: len(rig.site.secrets()) == OBJECTS, within_s=120)
    whole_s = time.monotonic() - began
    service.kill()
    for kill in range(KILLS):
        wipe(rig, moments.sample(names, 8))
        service = rig.start(ready=False)
        time.sleep(moments.uniform(0.3, 1.0) * min(whole_s, 3.0))
        service.kill()
        rig.services.remove(service)
        if kill % 10 == 9:
            assert_whole(rig)
    rig.start()
    eventually(lambda: len(rig.site.secrets()) == OBJECTS, within_s=120)
    assert_whole(rig)
    assert_all_there(rig, names)


def sync_command(manifests: Path, root: Path) -> list[str]:
    """Return the command of a one-shot sync."""
    return [sys.executable, "-m", "secretsync", "sync", str(manifests), "--to", f"dir:{root}"]


def test_sync_killed_at_random_moments_leaves_whole_files(dir_rig: Rig, tmp_path: Path) -> None:
    rig = dir_rig
    rig.store()
    for index in range(SHARED_KEYS):
        rig.upstream(f"key-{index}", f"v{index}")
    objects = [
        rig.external_secret(f"app-{index:03d}", [f"key-{index % SHARED_KEYS}"])
        for index in range(OBJECTS)
    ]
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(yaml.dump_all(objects, Dumper=yaml.CSafeDumper))
    command = sync_command(manifests, Path(rig.site.cluster.removeprefix("dir:")))
    env = {**clean_environment(), **aws_environment(rig.front.url)}
    began = time.monotonic()
    subprocess.run(command, env=env, check=True, capture_output=True)
    whole_s = time.monotonic() - began
    moments = random.Random(50)  # noqa: S311 - the same moments at each run
    names = sorted(rig.site.secrets())
    versions = ["v"]
    for kill in range(KILLS):
        if kill % 5 == 4:
            # Over files that are there, as well as into empty places.
            versions.append(f"w{kill}-")
            for index in range(SHARED_KEYS):
                rig.upstream(f"key-{index}", f"{versions[-1]}{index}")
        else:
            wipe(rig, names)
        child = subprocess.Popen(
            command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0.2, 1.0) * whole_s)
        child.kill()
        child.wait()
        assert_whole(rig, *versions)
    subprocess.run(command, env=env, check=True, capture_output=True)
    assert_whole(rig, versions[-1])
    assert_all_there(rig, names)
    root = Path(rig.site.cluster.removeprefix("dir:"))
    assert [path for path in root.rglob(".secretsync-tmp-*") if path.is_file()] == []
