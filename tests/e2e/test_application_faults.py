"""What goes wrong at the source: nothing is pruned, the condition says why, and it heals.

One service serves an application a fault, each with a repository of its own. All are
broken at once and mended at once; the tests look at what was seen in between.
"""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.application_faults import CANARY, CASES, Case, prepare
from tests.e2e.rig import eventually
from tests.support.app_world import AppWorld
from tests.support.git_server import git_server

pytestmark = [
    pytest.mark.xdist_group("application-faults"),
    pytest.mark.built,
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppWorld]:
    """All applications after they were synced, broken, mended and synced again."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "repositories").mkdir()
    found = AppWorld(folder)
    with git_server(folder / "repositories") as server:
        prepare(found, folder / "repositories", server)
        service = found.serve("--loglevel", "debug")
        for case in CASES:
            eventually(lambda c=case: c.synced(), within_s=120, what=f"{case.name}: not synced")
            eventually(lambda c=case: c.secret() == CANARY, within_s=120, what=case.name)
        for case in CASES:
            case.breaks(case)
        for case in CASES:
            # What is not told of fails the test of its case, not those of all.
            with contextlib.suppress(AssertionError):
                eventually(lambda c=case: c.told(), within_s=120)
        for case in CASES:
            case.found = case.conditions()
            case.values = {name: case.value(name) for name in ("a", "b")}
            case.values["secret"] = case.secret()
        for case in CASES:
            if case.mends is not None:
                case.mends(case)
            case.good("2")
        for case in CASES:
            eventually(
                lambda c=case: c.value() == "2", within_s=120, what=f"{case.name}: not healed"
            )
            eventually(lambda c=case: c.synced(), within_s=120, what=f"{case.name}: not healed")
        service.assert_alive()
        yield found
    found.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_source_that_is_broken_prunes_nothing_and_says_why(world: AppWorld, case: Case) -> None:
    assert case.values == {"a": "1", "b": "1", "secret": CANARY}
    assert case.said in case.found
    assert case.found.startswith(("ComparisonError", "InvalidSpecError", "SyncError"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_source_that_is_mended_converges(world: AppWorld, case: Case) -> None:
    assert (case.value("a"), case.value("b"), case.secret()) == ("2", "2", CANARY)
    assert case.conditions() == ""


def test_no_value_is_to_be_read_but_where_it_belongs(world: AppWorld) -> None:
    """Not in the caches of Git and of renders, history, status, events and logs."""
    needles = [CANARY.encode(), base64.b64encode(CANARY.encode())[:-4]]
    searched = set()
    for path in files_below(world.folder):
        if not path.is_file() or path.is_symlink() or "repositories" in path.parts:
            continue
        if path.parent.name == "secrets" or path.parent.name.startswith("clustersecretstores"):
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # The service runs: a draft of its has become the file since.
        if "cache" in path.parts:
            # The value of the telling chart is in Git, and so in the cache of Git.
            content = content.replace(CANARY.encode() + b"-chart", b"")
        shown = [needle for needle in needles if needle in content]
        assert shown == [], f"a value is shown in {path}"
        searched.add(path.name)
    assert {"service.log", "events.jsonl", "gone.yaml"} <= searched


def files_below(folder: Path) -> Iterator[Path]:
    """Yield what is below a folder, from which the service removes what it needs no more."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)


def test_branch_that_was_pushed_over_is_followed(world: AppWorld) -> None:
    """Its old commits are gone from the repository."""
    case = next(case for case in CASES if case.name == "no-yaml")
    repository = case.repository
    repository.git("checkout", "--quiet", "--orphan", "anew")
    case.good("3")
    repository.git("branch", "--force", "--move", "anew", "main")
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "--quiet", "--prune=now")
    # Git may fail while the repository is cleared; it is asked again, a minute later at most.
    eventually(lambda: case.value() == "3", within_s=180)
    eventually(case.synced, within_s=120)
    assert (case.value("b"), case.secret()) == ("3", CANARY)
