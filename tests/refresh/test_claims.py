"""Two owners of one target: the older wins, whoever asks, in whatever order they came."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from secretsync.refresh.claims import Claims
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.meta import Parent
from tests.core.sealed_cases import PATCH, sealed_secret
from tests.core.secret_cases import external_secret


def _claimant(
    name: str, day: int, *, policy: str = "Owner", uid: str = "", target: str = "shared"
) -> ExternalSecret:
    return external_secret(
        {"target": {"name": target, "creationPolicy": policy}},
        name=name,
        uid=uid or f"uid-{name}",
        created=f"2026-01-{day:02}T00:00:00Z",
    )


OLD, MIDDLE, NEW = _claimant("old", 1), _claimant("middle", 2), _claimant("new", 3)


@pytest.mark.parametrize("order", list(itertools.permutations([OLD, MIDDLE, NEW])))
def test_the_oldest_wins_in_any_order(order: tuple[ExternalSecret, ...]) -> None:
    claims = Claims(order)
    assert claims.rival(OLD) is None
    assert claims.rival(MIDDLE) is OLD
    assert claims.rival(NEW) is OLD


def test_of_equal_age_the_uid_decides() -> None:
    one, two = _claimant("z", 1, uid="uid-1"), _claimant("a", 1, uid="uid-2")
    claims = Claims([two, one])
    assert claims.rival(one) is None
    assert claims.rival(two) is one


def test_of_path_the_name_decides_and_a_live_one_is_older() -> None:
    spec = {"target": {"name": "shared"}}
    first = external_secret(spec, name="a", uid="")
    second = external_secret(spec, name="b", uid="")
    assert Claims([second, first]).rival(second) is first
    assert Claims([second, first]).rival(first) is None
    assert Claims([first, NEW]).rival(first) is NEW


def test_another_target_or_namespace_is_no_rival() -> None:
    elsewhere = external_secret({"target": {"name": "shared"}}, namespace="other", uid="u")
    claims = Claims([OLD, NEW, _claimant("x", 1, target="another"), elsewhere])
    assert claims.rival(elsewhere) is None
    assert {item.meta.name for item in claims.claimants("web", "shared")} == {"old", "new"}
    assert claims.claimants("web", "nobody's") == ()


@pytest.mark.parametrize(
    ("older", "younger", "clash"),
    [
        pytest.param("Owner", "Owner", True, id="owners"),
        pytest.param("Owner", "Orphan", True, id="owner-and-orphan"),
        pytest.param("Orphan", "Orphan", True, id="orphans"),
        pytest.param("Merge", "Merge", False, id="merging-both"),
        pytest.param("Merge", "CreateOrMerge", False, id="keeping-each-other's-keys"),
        pytest.param("CreateOrMerge", "CreateOrMerge", False, id="creating-or-merging-both"),
        pytest.param("Owner", "Merge", True, id="an-owner-wipes-what-is-merged"),
        pytest.param("Merge", "Owner", True, id="an-owner-would-wipe-what-was-merged"),
        pytest.param("CreateOrMerge", "Orphan", True, id="an-orphan-would-too"),
        pytest.param("None", "Owner", False, id="none-writes-nothing"),
        pytest.param("Owner", "None", False, id="none-loses-nothing"),
    ],
)
def test_who_may_share_a_target(older: str, younger: str, clash: bool) -> None:
    first, second = _claimant("first", 1, policy=older), _claimant("second", 2, policy=younger)
    claims = Claims([first, second])
    assert claims.rival(first) is None
    assert (claims.rival(second) is first) is clash


def test_when_the_winner_goes_or_moves_the_next_one_has_the_target() -> None:
    claims = Claims([OLD, MIDDLE, NEW])
    claims.remove(OLD.ref)
    claims.remove(OLD.ref)
    assert claims.rival(MIDDLE) is None
    assert claims.rival(NEW) is MIDDLE
    claims.put(_claimant("middle", 2, target="another"))
    assert claims.rival(NEW) is None
    assert [item.meta.name for item in claims.claimants("web", "shared")] == ["new"]


def _sealed(day: int, template: dict[str, Any] | None = None) -> Parent:
    created = f"2026-01-{day:02}T00:00:00Z"
    return sealed_secret(
        template=template, name="shared", uid="uid-sealed", creationTimestamp=created
    )


def test_the_older_wins_whatever_its_kind() -> None:
    early, late = _sealed(1), _sealed(3)
    assert Claims([early, MIDDLE]).rival(MIDDLE) is early
    assert Claims([early, MIDDLE]).rival(early) is None
    assert Claims([late, MIDDLE]).rival(late) is MIDDLE


def test_of_path_and_one_name_both_kinds_agree_who_has_it() -> None:
    one = external_secret({"target": {"name": "shared"}}, name="shared", uid="")
    other = sealed_secret(name="shared", uid="")
    for order in ([one, other], [other, one]):
        claims = Claims(order)
        assert (claims.rival(one), claims.rival(other)) == (None, one)


@pytest.mark.parametrize(
    ("policy", "annotations", "clash"),
    [
        pytest.param("Merge", {}, True, id="sealed-replaces"),
        pytest.param("Merge", PATCH, False, id="both-merge"),
        pytest.param("Owner", PATCH, True, id="external-replaces"),
        pytest.param("None", {}, False, id="external-writes-nothing"),
    ],
)
def test_a_sealed_secret_shares_where_its_template_says_patch(
    policy: str, annotations: dict[str, str], clash: bool
) -> None:
    sealed = _sealed(3, template={"metadata": {"annotations": annotations}})
    claims = Claims([_claimant("old", 1, policy=policy), sealed])
    assert (claims.rival(sealed) is not None) is clash
