"""Statuses of SealedSecrets that the API server does not take."""

from __future__ import annotations

import pytest

from tests.e2e.kube_front import Before, KubeFront, api_error
from tests.e2e.rig import Rig, eventually
from tests.e2e.sealed_rig import SealedRig
from tests.support.service import RunningService

pytestmark = pytest.mark.built

ERRORS = "sealed_secrets_controller_unseal_errors_total"


def refused(kube_rig: Rig, reply: Before) -> KubeFront:
    """Have every status write of a SealedSecret answered so."""
    front = kube_rig.kube.front
    assert front is not None
    front.inject(reply, match=lambda call: call.resource == "sealedsecrets/status")
    return front


def counted(kube_rig: Rig, service: RunningService) -> int:
    labels = {"reason": "status", "namespace": kube_rig.site.namespace}
    return int(service.total(ERRORS, **labels))


def test_status_that_is_refused_is_counted_once_and_its_secret_is_there(kube_rig: Rig) -> None:
    world = SealedRig(kube_rig)
    refused(kube_rig, api_error(403, "Forbidden"))
    service = world.start()
    world.put("db")
    eventually(lambda: counted(kube_rig, service) == 1)
    eventually(lambda: kube_rig.holds("db"))
    assert service.total(ERRORS) == 1


def test_status_that_meets_an_outage_is_counted_and_written_after_it(kube_rig: Rig) -> None:
    world = SealedRig(kube_rig)
    front = refused(kube_rig, api_error(503, "ServiceUnavailable"))
    service = world.start()
    world.put("db")
    eventually(lambda: counted(kube_rig, service) > 0)
    front.heal()
    world.wait_unsealed("db")
    before = counted(kube_rig, service)
    world.put("db", {"password": "v2"})
    world.wait_unsealed("db", "v2")
    assert counted(kube_rig, service) == before
