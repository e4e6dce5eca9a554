"""Generators in the running service: when values are made, and when they never are."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from tests.controller.live import serving
from tests.e2e.rig import Rig, eventually, steady

GENERATORS = "generators.external-secrets.io/v1alpha1"
ONCE = pytest.mark.parametrize(
    "spec",
    [{"refreshPolicy": "CreatedOnce"}, {"refreshInterval": "0s"}],
    ids=["created-once", "interval-zero"],
)


def password(rig: Rig, name: str = "new", **spec: Any) -> None:
    rig.site.put(
        {
            "apiVersion": GENERATORS,
            "kind": "Password",
            "metadata": {"name": name, "namespace": rig.site.namespace},
            "spec": {"length": 20, **spec},
        }
    )


def wanting(rig: Rig, name: str = "db", generator: str = "new", **spec: Any) -> None:
    ref = {"generatorRef": {"kind": "Password", "name": generator}}
    rig.external_secret(
        name,
        **{
            "data": None,
            "secretStoreRef": None,
            "dataFrom": [{"sourceRef": ref}],
            "refreshInterval": "1h",
            **spec,
        },
    )


def value(rig: Rig, name: str = "db") -> bytes:
    return rig.data(name).get("password", b"")


def made(rig: Rig, name: str = "db") -> bytes:
    """Wait until the object says that it is synced; returns the value."""
    rig.wait_condition(name, "True")
    found = value(rig, name)
    assert len(found) == 20
    return found


def await_followed(rig: Rig, generator: str, user: str) -> None:
    """Edit a generator until the service notices: it begins to watch a kind on first use."""
    for length in range(21, 41):
        password(rig, generator, length=length)
        with contextlib.suppress(AssertionError):
            eventually(lambda wanted=length: len(value(rig, user)) == wanted, within_s=3)
            return
    raise AssertionError("no edit is noticed")


def looked_at(rig: Rig) -> None:
    """Wait until the service has dealt with everything that came before."""
    name = f"marker-{len(rig.site.names('ExternalSecret'))}"
    wanting(rig, name, refreshPolicy="CreatedOnce")
    made(rig, name)


@ONCE
def test_value_made_once_survives_restarts_lost_statuses_and_edits(
    rig: Rig, spec: dict[str, Any]
) -> None:
    password(rig)
    wanting(rig, **spec)
    with serving(rig.site.root) as (_, clock):
        first = made(rig)
        rig.site.patch("ExternalSecret", "db", {"metadata": {"annotations": {"force-sync": "1"}}})
        password(rig, length=40)
        password(rig, length=20)
        clock.ahead_s += 1e6
        looked_at(rig)
        assert value(rig) == first
    rig.site.patch("ExternalSecret", "db", {"status": None})
    secret = rig.site.get("Secret", "db")
    with serving(rig.site.root):
        assert made(rig) == first
        looked_at(rig)
        assert rig.site.get("Secret", "db") == secret


@ONCE
@pytest.mark.parametrize("status", [True, False], ids=["with-status", "status-lost"])
def test_secret_that_is_deleted_is_made_anew(rig: Rig, spec: dict[str, Any], status: bool) -> None:
    password(rig)
    wanting(rig, **spec)
    with serving(rig.site.root):
        first = made(rig)
    if not status:
        rig.site.patch("ExternalSecret", "db", {"status": None})
    with serving(rig.site.root):
        made(rig)
        rig.site.delete("Secret", "db")
        eventually(lambda: value(rig) not in (b"", first))


@ONCE
def test_change_of_a_secret_made_once_stays_and_is_reported(rig: Rig, spec: dict[str, Any]) -> None:
    password(rig)
    wanting(rig, **spec)
    with serving(rig.site.root):
        made(rig)
        rig.site.patch("Secret", "db", {"data": {"password": "aGFja2Vk"}})
        rig.wait_condition("db", "True", "generated values are in no other place")
        assert value(rig) == b"hacked"


def test_refreshed_value_stays_until_its_interval_is_over_whatever_else_happens(
    rig: Rig,
) -> None:
    password(rig)
    wanting(rig)
    with serving(rig.site.root) as (_, clock):
        first = made(rig)
        rig.site.patch("Secret", "db", {"metadata": {"annotations": {"mine": "yes"}}})
        rig.site.patch(
            "Secret",
            "db",
            {"metadata": {"labels": {"reconcile.external-secrets.io/created-by": None}}},
        )
        clock.ahead_s += 3000
        looked_at(rig)
        assert value(rig) == first
    rig.site.patch("ExternalSecret", "db", {"status": None})
    with serving(rig.site.root) as (_, clock):
        looked_at(rig)
        assert made(rig) == first
        clock.ahead_s += 3700
        looked_at(rig)  # wakes the queue, which sleeps by the machine's clock
        second = eventually(lambda: value(rig) != first and value(rig))
        steady(lambda: value(rig) == second, for_s=1)


def test_change_of_a_refreshed_value_makes_a_new_one(rig: Rig) -> None:
    password(rig)
    wanting(rig)
    with serving(rig.site.root):
        first = made(rig)
        rig.site.patch("Secret", "db", {"data": {"password": "aGFja2Vk"}})
        second = eventually(lambda: value(rig) not in (first, b"hacked") and value(rig))
        steady(lambda: value(rig) == second, for_s=1)


def test_generator_that_comes_late_or_is_edited_is_used_at_once(rig: Rig) -> None:
    wanting(rig)
    wanting(rig, "once", refreshPolicy="CreatedOnce")
    with serving(rig.site.root):
        rig.wait_condition("db", "False", "Password shop/new does not exist")
        password(rig)
        made(rig)
        once = made(rig, "once")
        password(rig, length=32)
        eventually(lambda: len(value(rig)) == 32)
        rig.site.patch("Password", "new", {"metadata": {"labels": {"mine": "yes"}}})
        longer = value(rig)
        looked_at_again = steady(lambda: (value(rig), value(rig, "once")), for_s=1)
        assert looked_at_again == (longer, once)


def test_one_bad_generator_leaves_the_others_and_its_own_secret_alone(rig: Rig) -> None:
    password(rig)
    password(rig, "bad", length=20)
    wanting(rig)
    wanting(rig, "other", generator="bad")
    with serving(rig.site.root):
        made(rig)
        made(rig, "other")
        await_followed(rig, "bad", "other")
        kept = value(rig, "other")
        password(rig, "bad", length=-5)
        rig.wait_condition("other", "False", "Password shop/bad is invalid: spec.length")
        assert value(rig, "other") == kept
        looked_at(rig)


def test_generator_of_another_controller_is_not_run(rig: Rig) -> None:
    rig.site.put(
        {
            "apiVersion": GENERATORS,
            "kind": "Fake",
            "metadata": {"name": "theirs", "namespace": rig.site.namespace},
            "spec": {"controller": "other", "data": {"password": "x"}},
        }
    )
    password(rig)
    ref = {"generatorRef": {"kind": "Fake", "name": "theirs"}}
    wanting(rig, dataFrom=[{"sourceRef": ref}])
    with serving(rig.site.root):
        looked_at(rig)
        assert rig.site.get("Secret", "db") is None
        assert rig.condition("db") == {}


def test_key_of_a_store_moves_without_the_generated_one(rig: Rig) -> None:
    password(rig)
    rig.upstream("db")
    user = {"secretKey": "user", "remoteRef": {"key": "db", "property": "password"}}
    store = {"kind": "ClusterSecretStore", "name": "aws"}
    wanting(rig, data=[user], secretStoreRef=store)
    with serving(rig.site.root):
        first = made(rig)
        assert rig.holds("db", key="user")
    rig.upstream("db", "v2")
    with serving(rig.site.root):
        eventually(lambda: rig.holds("db", "v2", key="user"))
        assert value(rig) == first
