"""Stores without a service under the contract suite: `fake`, and a directory of files."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from providers.base import Credentials
from providers.directory import DirectoryConfig
from providers.fake.config import FakeConfig
from providers.registry import load
from tests.contract.provider_cases import Ability

__all__ = ["opened_directory_case", "opened_fake_case"]


class _LocalCase:
    #: There is nobody who could fail, throttle or deny.
    local = True
    batch_size = 100
    batch_calls = 1

    def __init__(self) -> None:
        self.observed: list[tuple[str, str]] = []

    def _observe(self, operation: str, outcome: str) -> None:
        self.observed.append((operation, outcome))

    def payload(self, value: str) -> bytes:
        return value.encode()

    def found_name(self, key: str) -> str:
        return key

    def delay_lists(self, seconds: int) -> None:
        """Nothing is late."""

    def pass_time(self, seconds: int) -> None:
        """No time plays a part."""

    def calls(self) -> int:
        return len(self.observed)

    def _nobody(self, *_: object) -> NoReturn:
        raise NotImplementedError

    tag = deny = throttle = fail = garble = cut_off = heal = _nobody


class FakeCase(_LocalCase):
    abilities = Ability.CHANGES | Ability.FIND | Ability.WRITE | Ability.WRITE_PROPERTY

    def open(self) -> Any:
        self._store: Any = load("fake").open_provider(
            FakeConfig(), Credentials(), observe=self._observe
        )
        return self._store

    def put(self, key: str, value: str) -> None:
        # What the manifest holds is there when a session opens; the laws put later.
        self._store._given[key] = {"": value.encode()}

    def delete(self, key: str) -> None:
        del self._store._given[key]


class DirectoryCase(_LocalCase):
    abilities = Ability.CHANGES | Ability.FIND

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def open(self) -> Any:
        credentials = Credentials(context={"directory_roots": str(self._root)})
        return load("directory").open_provider(
            DirectoryConfig(str(self._root)), credentials, observe=self._observe
        )

    def put(self, key: str, value: str) -> None:
        file = self._root / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value)

    def delete(self, key: str) -> None:
        (self._root / key).unlink()


@contextlib.contextmanager
def opened_fake_case() -> Iterator[FakeCase]:
    """A store of its own."""
    yield FakeCase()


@contextlib.contextmanager
def opened_directory_case() -> Iterator[DirectoryCase]:
    """A folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        yield DirectoryCase(Path(folder))
