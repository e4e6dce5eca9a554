"""Sparing the dry run is sound: where it is spared, asking would have found nothing.

Random objects, edited by others at random, in both clusters.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from secretsync.gitops.model import FIELD_MANAGER
from secretsync.gitops.objects.field_paths import differences
from secretsync.gitops.objects.normalizing import normalized
from secretsync.gitops.objects.owned_fields import surely_same
from tests.contract.cluster_cases import Arena
from tests.gitops.comparing_kit import deployment, plain_secret

ROUNDS = 30


def some_deployment(chance: random.Random) -> dict[str, Any]:
    """Return a Deployment with some of what people write."""
    obj = deployment("web", image=f"example.com/web:{chance.randint(1, 2)}")
    container = obj["spec"]["template"]["spec"]["containers"][0]
    variables = [{"name": name, "value": str(chance.randint(1, 2))} for name in "ABC"]
    container["env"] = chance.sample(variables, chance.randint(0, 3))
    ports: list[dict[str, Any]] = [{"containerPort": 8080}, {"containerPort": 9090, "name": "m"}]
    container["ports"] = chance.sample(ports, chance.randint(0, 2))
    if chance.random() < 0.5:
        container["ports"] = [{"protocol": "TCP", **port} for port in container["ports"]]
    container["resources"] = chance.choice(
        [{}, {"requests": {"cpu": "100m"}}, {"requests": {"cpu": "0.1"}}]
    )
    container["args"] = chance.choice([[], ["a"], ["a", "b"]])
    if chance.random() < 0.9:
        # An empty list is not stored, and so has to be asked about.
        for name in ("env", "ports", "resources", "args"):
            if not container[name]:
                del container[name]
    obj["metadata"]["labels"] = {
        name: str(chance.randint(1, 2)) for name in "xyz" if chance.random() < 0.5
    }
    if chance.random() < 0.3:
        obj["spec"]["template"]["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    if chance.random() < 0.3:
        del obj["spec"]["replicas"]
    if chance.random() < 0.3:
        obj["spec"][chance.choice(["paused", "replicas", "strategy"])] = None
        obj["spec"]["template"]["metadata"]["creationTimestamp"] = None
    if chance.random() < 0.2:
        obj["spec"]["strategy"] = {"type": "RollingUpdate"}
    return obj


def some_secret(chance: random.Random) -> dict[str, Any]:
    """Return a Secret with some keys."""
    keys = {name: str(chance.randint(1, 2)) for name in "abc" if chance.random() < 0.6}
    obj = normalized(plain_secret("web", **keys))
    if chance.random() < 0.5:
        obj["type"] = "Opaque"
    if chance.random() < 0.3:
        obj["metadata"]["labels"] = {}
    return obj


def some_edit(chance: random.Random, kind: str) -> dict[str, Any]:
    """Return what somebody patches."""
    edits: list[dict[str, Any]] = [
        {"metadata": {"labels": {chance.choice("xyzt"): chance.choice(["1", "2", None])}}},
        {"metadata": {"annotations": {"theirs": str(chance.random())}}},
    ]
    if kind == "Deployment":
        edits += [
            {"spec": {"replicas": chance.randint(1, 3)}},
            {"spec": {"paused": chance.choice([True, False])}},
        ]
    else:
        edits += [{"data": {chance.choice("abcd"): chance.choice(["MQ==", "Mg==", None])}}]
    return chance.choice(edits)


@pytest.mark.parametrize("made", [some_deployment, some_secret], ids=["deployment", "secret"])
@pytest.mark.parametrize("seed", range(3))
def test_where_the_dry_run_is_spared_it_would_have_found_nothing(
    arena: Arena, made: Any, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a table, not a secret
    first = made(chance)
    kind = arena.cluster.resolve(first["apiVersion"], first["kind"])
    where = (kind, arena.namespace, "web")
    spared = 0
    for _ in range(ROUNDS):
        target = made(chance)
        target["metadata"]["namespace"] = arena.namespace
        if chance.random() < 0.7 or arena.cluster.get(*where) is None:
            arena.cluster.apply(kind, target, field_manager=FIELD_MANAGER)
        for _ in range(chance.randint(0, 2)):
            patch = some_edit(chance, first["kind"])
            arena.cluster.merge_patch(*where, patch, field_manager="somebody")
        live = arena.cluster.get(*where)
        assert live is not None
        before = copy.deepcopy(live)
        predicted = arena.cluster.apply(kind, target, field_manager=FIELD_MANAGER, dry_run=True)
        found = differences(normalized(live), normalized(predicted))
        if surely_same(normalized(target), live, FIELD_MANAGER):
            spared += 1
            assert found == [], [each.path for each in found]
        assert live == before
    assert spared > 0
