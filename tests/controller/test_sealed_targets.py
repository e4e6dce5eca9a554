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


def listed(targets: SealedTargets, *keys: tuple[str, str]) -> None:
    targets.listing()
    targets.listed(set(keys))


def test_secret_that_a_whole_list_lacks_is_absent(targets: SealedTargets) -> None:
    assert not targets.absent(*KEY)
    targets.listing()
    assert not targets.absent(*KEY)
    targets.listed(set())
    assert targets.absent(*KEY)
    assert not targets.absent("web", "unclaimed")


def test_secret_that_a_list_has_is_not_absent(targets: SealedTargets) -> None:
    listed(targets, KEY)
    assert not targets.absent(*KEY)


def test_claim_that_came_while_a_list_was_on_its_way_proves_nothing(
    targets: SealedTargets,
) -> None:
    late = ("web", "late")
    targets.listing()
    targets.claim(late)
    targets.listed(set())
    assert targets.absent(*KEY)
    assert not targets.absent(*late)
    listed(targets)
    assert targets.absent(*late)


def test_claim_that_was_released_and_made_again_meanwhile_proves_nothing(
    targets: SealedTargets,
) -> None:
    targets.listing()
    targets.release(KEY)
    targets.claim(KEY)
    targets.listed(set())
    assert not targets.absent(*KEY)


def test_list_that_broke_off_proves_nothing(targets: SealedTargets) -> None:
    targets.listing()
    late = ("web", "late")
    targets.claim(late)
    listed(targets, KEY)
    assert not targets.absent(*KEY)
    assert targets.absent(*late)


@pytest.mark.parametrize("when", ["before-the-end-of-the-list", "after-it"])
@pytest.mark.parametrize("how", ["shown", "read", "written-and-gone", "deleted"])
def test_news_of_a_secret_ends_its_absence(targets: SealedTargets, when: str, how: str) -> None:
    def hear() -> None:
        if how == "shown":
            targets.put(KEY, metadata("5"))
        elif how == "deleted":
            targets.gone(KEY)
        else:
            targets.touched({"metadata": metadata("5")})
        if how == "written-and-gone":
            targets.gone(KEY)

    targets.listing()
    if when == "before-the-end-of-the-list":
        hear()
        targets.listed(set())
    else:
        targets.listed(set())
        hear()
    assert not targets.absent(*KEY)


def test_relist_proves_absence_of_what_is_not_known_and_of_nothing_else(
    targets: SealedTargets,
) -> None:
    """A list is older than a write of ours that it does not show."""
    targets.touched({"metadata": metadata("5")})
    listed(targets)
    assert not targets.absent(*KEY)
    targets.gone(KEY)
    assert not targets.absent(*KEY)
    listed(targets)
    assert targets.absent(*KEY)


def test_absence_is_no_surprise(targets: SealedTargets) -> None:
    listed(targets)
    targets.touched({"metadata": metadata("5")})
    targets.created(KEY)
    assert not targets.surprising(KEY)
    targets.put(KEY, metadata("5"))
    assert not targets.surprising(KEY)
