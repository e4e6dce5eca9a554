"""What is remembered of the Secrets of SealedSecrets, and of no others."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.controller.sealed_targets import SealedTargets

KEY = ("web", "db")
OWNER = {"kind": "SealedSecret", "name": "db", "uid": "u", "controller": True}
MANAGED = {"sealedsecrets.bitnami.com/managed": "true"}
PATCH = {"sealedsecrets.bitnami.com/patch": "true"}


def metadata(version: str, **more: Any) -> dict[str, Any]:
    return {"namespace": "web", "name": "db", "resourceVersion": version, **more}


@pytest.fixture
def targets() -> SealedTargets:
    targets = SealedTargets()
    targets.claim(KEY)
    return targets


def test_unclaimed_secret_leaves_no_trace(targets: SealedTargets) -> None:
    for number in range(1000):
        targets.put(("web", f"other-{number}"), metadata("1"))
        targets.touched({"metadata": {**metadata("1"), "name": f"other-{number}"}})
    assert len(targets) == 1
    targets.release(KEY)
    assert len(targets) == 0


def test_own_write_is_no_surprise_whichever_comes_first(targets: SealedTargets) -> None:
    targets.touched({"metadata": metadata("5")})
    assert not targets.surprising(KEY)
    targets.put(KEY, metadata("5"))
    assert not targets.surprising(KEY)
    targets.put(KEY, metadata("6"))
    assert targets.surprising(KEY)
    targets.touched({"metadata": metadata("6")})
    assert not targets.surprising(KEY)


def test_secret_that_nobody_looked_at_yet_is_no_surprise(targets: SealedTargets) -> None:
    targets.put(KEY, metadata("5"))
    assert not targets.surprising(KEY)


@pytest.mark.parametrize(
    ("more", "recreated"),
    [
        pytest.param({"ownerReferences": [OWNER]}, True, id="controlled"),
        pytest.param({"ownerReferences": [{**OWNER, "controller": False}]}, False, id="owned"),
        pytest.param({"ownerReferences": [{**OWNER, "name": "x"}]}, False, id="another"),
        pytest.param({"ownerReferences": [{**OWNER, "kind": "X"}]}, False, id="another-kind"),
        pytest.param({"annotations": MANAGED}, True, id="managed"),
        pytest.param({"annotations": PATCH}, False, id="patch"),
        pytest.param({}, False, id="nothing"),
        pytest.param({"annotations": None, "ownerReferences": None}, False, id="null"),
    ],
)
def test_deleted_secret_is_made_again_by_what_it_was(
    targets: SealedTargets, more: dict[str, Any], *, recreated: bool
) -> None:
    targets.put(KEY, metadata("5", **more))
    assert targets.gone(KEY) == recreated
    assert not targets.gone(("web", "unclaimed"))


def test_secret_missing_from_a_new_list_has_vanished(targets: SealedTargets) -> None:
    targets.claim(("web", "never-made"))
    targets.touched({"metadata": metadata("5")})
    assert targets.vanished({KEY}) == []
    assert targets.vanished(set()) == [KEY]
    targets.gone(KEY)
    assert targets.vanished(set()) == []


def test_created_secret_is_awaited_until_the_watch_shows_it(targets: SealedTargets) -> None:
    targets.touched({"metadata": metadata("5")})
    targets.created(KEY)
    assert targets.awaited() == {KEY}
    targets.put(KEY, metadata("5"))
    assert targets.awaited() == frozenset()


def test_secret_that_the_watch_showed_before_is_not_awaited(targets: SealedTargets) -> None:
    targets.put(KEY, metadata("5"))
    targets.created(KEY)
    assert targets.awaited() == frozenset()


def test_secret_made_again_is_awaited_again(targets: SealedTargets) -> None:
    targets.put(KEY, metadata("5"))
    targets.gone(KEY)
    targets.created(KEY)
    assert targets.awaited() == {KEY}
    targets.gone(KEY)
    assert targets.awaited() == frozenset()
