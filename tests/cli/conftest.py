"""The command under test: in this process, with AWS behind a strict front of the test's own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from secretsync.cli import main
from tests.cli.kit import Ended, store, write
from tests.support.aws import AwsApi
from tests.support.aws_front import StrictFront
from tests.support.aws_process import aws_of_this_process, owner_of


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictFront]:
    """AWS, to which every SDK of this process and its children talks."""
    with aws_of_this_process(monkeypatch) as made:
        yield made


@pytest.fixture
def api(front: StrictFront) -> Iterator[AwsApi]:
    """Writes secrets through the front, as the owner of the account."""
    with owner_of(front) as made:
        yield made


@pytest.fixture
def _logging() -> Iterator[None]:
    """Put the root logger back as it was: `--debug` points it at standard error."""
    root, ours = logging.getLogger(), logging.getLogger("secretsync")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], _logging: None) -> Callable[..., Ended]:
    """Run the command in this process."""

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        assert "internal error" not in captured.err, captured.err
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the directory cluster goes; it is not there yet."""
    return tmp_path / "out"


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A folder for PATH, with the store in it."""
    folder = tmp_path / "manifests"
    write(folder / "store.yaml", store())
    return folder
