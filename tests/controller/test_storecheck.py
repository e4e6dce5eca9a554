"""What is said of a store, while the word before is still on its way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from secretsync.controller.storecheck import StoreChecker
from secretsync.refresh.clock import Clock
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.secret_store import SecretStore

VALID = {"status": "True", "reason": "Valid", "message": "store validated"}
REFUSED = {"status": "False", "reason": "ValidationFailed", "message": "not allowed"}


class Noted:
    """Takes statuses and conditions in."""

    def __init__(self) -> None:
        self.put_in: list[str] = []

    def put(self, _ref: ObjectRef, status: dict[str, Any]) -> None:
        """Note the reason of a status."""
        self.put_in.append(status["conditions"][0]["reason"])

    def condition(self, _ref: ObjectRef, *, ready: bool) -> None:
        """Take the metric in."""


@pytest.mark.parametrize("comes_back", [True, False])
def test_last_word_on_a_store_is_said_though_the_one_before_is_not_written_yet(
    *, comes_back: bool
) -> None:
    noted: Any = Noted()
    unused: Any = None
    checker = StoreChecker(unused, unused, noted, noted, Clock(), "default", refused=lambda _: "")
    config: Any = None
    store = SecretStore(
        ObjectMeta("store", "shop"),
        "external-secrets.io/v1",
        "SecretStore",
        "",
        "fake",
        config,
        live=True,
        ready=VALID,
    )

    def say(of: SecretStore, words: dict[str, str]) -> None:
        ready = words["status"] == "True"
        checker._say(of, words["reason"], words["message"], ready=ready)

    say(store, VALID)
    assert noted.put_in == []
    say(store, REFUSED)
    say(replace(store, ready=REFUSED) if comes_back else store, VALID)
    for _ in range(2):
        say(store, VALID)
    assert noted.put_in == ["ValidationFailed", "Valid"]
    checker.close()
