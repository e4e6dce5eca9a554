"""The tour behind `make run`: it works, says what it did, and leaves no process behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.examples.kit import MARK, alive, copied

#: One worker runs them all: they share two runs of the tour.
pytestmark = pytest.mark.xdist_group("tour")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def runs(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Run the tour twice, from other folders; return each one's mark and output."""
    found = []
    for _ in range(2):
        mark = uuid.uuid4().hex
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTEST"))}
        ended = subprocess.run(
            [sys.executable, str(checkout / "examples" / "tour.py")],
            capture_output=True,
            text=True,
            cwd=tmp_path_factory.mktemp("elsewhere"),
            env={**environment, MARK: mark, "PYTHONPATH": str(checkout)},
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        found.append((mark, ended.stdout))
    return found


def test_tour_says_what_it_did(runs):
    for _, text in runs:
        headings = [line for line in text.splitlines() if line.startswith("== ")]
        assert re.match(r"== An embedded AWS .* listens on http://127\.0\.0\.1:\d+$", headings[0])
        assert headings[-1] == "== Done: one value rotated, one Secret written"
        commands = re.findall(r"^\$ secretsync (\w+) ", text, re.MULTILINE)
        assert commands == ["plan", "sync", "sync"]
        assert "3 create, 0 update, 0 unchanged, 0 delete, 0 blocked" in text
        assert "0 create, 1 update, 2 unchanged, 0 delete, 0 blocked" in text
        written = re.findall(r"^out/quickstart/(\S+) +written again$", text, re.MULTILINE)
        assert written == ["shop/secrets/database-credentials.yaml"]


def test_second_tour_works_like_the_first(runs):
    def constant(text: str) -> str:
        return re.sub(r"127\.0\.0\.1:\d+|\b[0-9a-f]{12}\b", "X", text)

    assert constant(runs[0][1]) == constant(runs[1][1])


def test_tour_leaves_no_process_behind(runs):
    assert alive(os.environ.get("PATH", "")), "processes can be told by their environment"
    for mark, _ in runs:
        assert alive(mark) == []


def test_tour_that_is_ended_leaves_no_process_behind_either(tmp_path):
    checkout = copied(tmp_path)
    mark = uuid.uuid4().hex
    with subprocess.Popen(
        [sys.executable, str(checkout / "examples" / "tour.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, MARK: mark, "PYTHONPATH": str(checkout)},
    ) as tour:
        while b"listens on" not in tour.stdout.readline():
            assert tour.poll() is None, "the tour ended before its endpoint was ready"
        assert len(alive(mark)) >= 2, "the tour and its endpoint"
        tour.terminate()
        assert tour.wait(timeout=120) == 128 + signal.SIGTERM
    assert alive(mark) == []


def test_tour_writes_private_files_below_its_own_folder(runs, checkout):
    made = sorted((checkout / "out" / "quickstart").glob("*/secrets/*.yaml"))
    assert [path.name for path in made] == [
        "registry-login.yaml",
        "database-credentials.yaml",
        "payments-api.yaml",
    ]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_commands_that_the_tour_suggests_work(runs, checkout):
    suggested = re.findall(r"^  \.venv/bin/secretsync (.*)$", runs[0][1], re.MULTILINE)
    assert len(suggested) == 3
    for arguments in suggested:
        ended = subprocess.run(
            [sys.executable, "-m", "secretsync", *arguments.split()],
            capture_output=True,
            cwd=checkout,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, b"")
