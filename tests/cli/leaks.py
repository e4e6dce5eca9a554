"""A value that must never be seen, and where it could be: streams and files."""

from __future__ import annotations

import base64
from collections.abc import Collection
from pathlib import Path

import yaml

from tests.cli.kit import Ended

__all__ = ["CANARY", "assert_not_in_files", "assert_not_in_output"]

#: Stands for every secret value; nothing else of a test holds it.
CANARY = "cAnArY-0f3b9c-vALuE"


def _needles() -> list[str]:
    """The value as it is, and as base64 at each of the three alignments."""
    shifted = [base64.b64encode(b"x" * shift + CANARY.encode()) for shift in range(3)]
    return [CANARY, *(text.decode()[4:-4] for text in shifted), CANARY.encode().hex()]


def _holds(text: str) -> bool:
    return any(needle in text for needle in _needles())


def assert_not_in_output(*runs: Ended) -> None:
    """Fail where a stream shows the value."""
    for run in runs:
        for stream in (run.out, run.err):
            assert not _holds(stream), f"the value is shown: {stream}"


def assert_not_in_files(root: Path, *, given: Collection[Path] = ()) -> None:
    """Fail where a file below `root` holds the value outside a Secret's data.

    Args:
        given: files that the test itself put there with the value in them.
    """
    for path in root.rglob("*"):
        if not path.is_file() or path in given:
            continue
        text = path.read_bytes().decode(errors="replace")
        if path.parent.name == "secrets" and path.suffix == ".yaml":
            obj = yaml.safe_load(text)
            del obj["data"]
            text = yaml.safe_dump(obj)
        assert not _holds(text), f"{path} holds the value: {text}"
