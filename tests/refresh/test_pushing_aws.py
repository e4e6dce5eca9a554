"""Pushing to AWS: what is called, counted at the service's own door."""

from __future__ import annotations

import pytest

from tests.refresh.kit import secret_manifest, store_manifest
from tests.refresh.push_kit import PushRig, push_secret, synced
from tests.support.aws import AwsApi

CANARY = "canary-9f1c-must-not-show"
WRITES = {
    "CreateSecret",
    "PutSecretValue",
    "TagResource",
    "DeleteSecret",
    "PutParameter",
    "AddTagsToResource",
    "DeleteParameter",
}
SERVICES = ["SecretsManager", "ParameterStore"]


@pytest.fixture
def make(tmp_path, front, clock):
    """Make a rig over one service."""
    rigs = []

    def made(service, **options):
        objects = store_manifest(service=service), secret_manifest("source", a="1", password=CANARY)
        rigs.append(PushRig(tmp_path / f"c{len(rigs)}", *objects, clock=clock, **options))
        return rigs[-1]

    yield made
    for rig in rigs:
        rig.close()


def item(service, **spec):
    return push_secret(
        {f"/push/{service}/one": "password", f"/push/{service}/two": "a"},
        secretStoreRefs=[{"name": "aws"}],
        **spec,
    )


def written(front):
    """Return the writes since the last look."""
    found = sorted(call.operation for call in front.calls if call.operation in WRITES)
    front.calls.clear()
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_equal_values_cost_no_write_and_between_refreshes_no_call(make, front, service):
    rig = make(service)
    done = synced(rig.pushes.run(item(service)))
    assert len(written(front)) >= 2
    assert str(rig.pushes.run(done).progress) == "unchanged"
    assert written(front) == []
    assert str(rig.pushes.run(done, due=False).progress) == "unchanged"
    assert front.calls == []


@pytest.mark.parametrize("service", SERVICES)
def test_plan_writes_nothing_and_tells_new_from_equal(make, front, service):
    planning = make(service, writes=False)
    assert {str(each.verb) for each in planning.pushes.run(item(service)).actions} == {"push"}
    assert written(front) == []
    make(service).pushes.run(item(service))
    written(front)
    assert {str(each.verb) for each in planning.pushes.run(item(service)).actions} == {"unchanged"}
    assert written(front) == []


@pytest.mark.parametrize("service", SERVICES)
def test_values_never_show_in_an_outcome_that_failed(make, front, api, service):
    rig = make(service)
    if service == "SecretsManager":
        api.create("/push/SecretsManager/one", "theirs")
    else:
        parameters = AwsApi(front.url, service="ssm")
        parameters.put_parameter("/push/ParameterStore/one", "theirs")
        parameters.close()
    outcome = rig.pushes.run(item(service))
    assert outcome.failed
    assert CANARY not in repr(outcome) + outcome.condition_message
    assert "managed-by" in outcome.condition_message


def test_withdrawing_deletes_at_the_service(make, front):
    rig = make("SecretsManager")
    done = synced(rig.pushes.run(item("SecretsManager", deletionPolicy="Delete")))
    written(front)
    assert not rig.pushes.withdraw(done).failed
    assert written(front) == ["DeleteSecret", "DeleteSecret"]
