"""Faults 1 and 2: the store fails, throttles or hangs; nothing is lost, others go on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.endpoints import RegionalFront, TlsRelay, hanging
from tests.e2e.rig import Rig, eventually, settled, steady
from tests.e2e.sites import DirectorySite
from tests.support.aws import AwsApi, shared_moto
from tests.support.aws_faults import Fault, dropped, server_error, throttled

NAMES = [f"app-{index}" for index in range(5)]
ELSEWHERE = "us-east-1"
#: What hangs does so until shortly before the SDK would give up.
HANGS_S = 14.0
#: Far less than that: who waits for what hangs comes too late.
SOON_S = 9.0


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        pytest.param(server_error(500), "InternalServiceError", id="500"),
        pytest.param(dropped(), "ConnectionClosedError", id="dropped"),
    ],
)
def test_fault_1_outage_keeps_secrets_says_why_and_recovers(
    rig: Rig, fault: Fault, cause: str
) -> None:
    service = rig.scene(*NAMES)
    before = rig.site.secrets()
    rig.front.inject(fault)
    for name in NAMES:
        rig.wait_condition(name, "False", "could not get secret data from provider", cause)
    assert rig.site.secrets() == before
    assert service.total("externalsecret_status_condition", status="False") == len(NAMES)
    eventually(lambda: service.total("secretsync_store_age_seconds") > 4)
    rig.front.heal()
    rig.upstream(NAMES[0], "v2")
    healed_s = time.monotonic()
    rig.wait_synced(NAMES[0], "v2")
    for name in NAMES:
        rig.wait_condition(name, "True")
    # The next tick finds it; a store that is merely looked at again takes half a minute.
    passed_s = time.monotonic() - healed_s
    assert passed_s < 20
    # Each further tick lists, and may read.
    assert rig.front.count() <= max(8, 2 + passed_s), "a stampede after the outage"
    eventually(lambda: service.total("secretsync_store_age_seconds") < 4)
    service.assert_alive()


def test_fault_1_outage_is_probed_with_few_calls(dir_rig: Rig) -> None:
    """What was synced waits for its tick, what was not backs off."""
    service = dir_rig.scene(*NAMES)
    dir_rig.front.inject(server_error())
    for index in range(20):
        dir_rig.external_secret(f"new-{index}", refreshInterval="1h")
    for index in range(20):
        dir_rig.wait_condition(f"new-{index}", "False", "InternalServiceError")
    dir_rig.front.calls.clear()
    time.sleep(6)
    # A tick every 2 s is 3 lists. The new ones come in one batch or two, which are tried
    # 3 times each at about 1, 2 and 4 s; one by one they would be 20 times as many.
    assert dir_rig.front.count("ListSecrets") <= 4
    assert dir_rig.reads() <= 24
    assert service.writes(kind="Secret") == len(NAMES)


def test_fault_1_one_lost_answer_is_no_outage(rig: Rig) -> None:
    service = rig.scene(*NAMES)
    rig.wait_condition("aws", "True", kind="ClusterSecretStore")
    written = settled(service.writes, for_s=2)
    rig.front.inject(dropped(), operation="ListSecrets", times=1)
    eventually(lambda: "store not compared" in service.log_text())
    steady(service.writes, for_s=3)
    assert service.writes() == written


def test_fault_1_untrusted_certificate_keeps_secrets_and_recovers(
    dir_rig: Rig, tmp_path: Path
) -> None:
    with TlsRelay(dir_rig.front.url, tmp_path) as relay:
        dir_rig.store()
        dir_rig.upstream("one")
        dir_rig.external_secret("one")
        dir_rig.start(AWS_ENDPOINT_URL=relay.url, AWS_CA_BUNDLE=str(relay.ca))
        dir_rig.wait_synced("one")
        relay.present(trusted=False)
        dir_rig.wait_condition("one", "False", "SSLError")
        assert dir_rig.holds("one")
        relay.present(trusted=True)
        dir_rig.wait_condition("one", "True")


@pytest.mark.parametrize("retry_after", ["", "4"], ids=["silent", "retry-after"])
def test_fault_2_throttling_is_honoured(dir_rig: Rig, retry_after: str) -> None:
    dir_rig.scene("one")
    dir_rig.front.inject(throttled(retry_after))
    dir_rig.front.calls.clear()
    time.sleep(8)
    # A tick every 2 s; with Retry-After one call in 4 s, without one it is 1 s and more.
    assert 1 <= dir_rig.front.count() <= (3 if retry_after else 6)
    dir_rig.front.heal()
    dir_rig.upstream("one", "v2")
    dir_rig.wait_synced("one", "v2")


@pytest.fixture
def regional(dir_site: DirectorySite, tmp_path: Path) -> Iterator[Rig]:
    """A rig with a second store in a region that can be in trouble alone."""
    with RegionalFront(shared_moto().url) as front:
        api = AwsApi(front.url)
        rig = Rig(dir_site, front, api, tmp_path)
        rig.store()
        rig.store("bad", aws={"region": ELSEWHERE})
        yield rig
        rig.close()
        api.close()


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(throttled("30"), id="throttled"),
        pytest.param(hanging(HANGS_S), id="hanging"),
        pytest.param(server_error(), id="failing"),
    ],
)
def test_fault_2_trouble_of_one_store_does_not_slow_another(regional: Rig, trouble: Fault) -> None:
    assert isinstance(regional.front, RegionalFront)
    regional.front.troubled[ELSEWHERE] = trouble
    bad = {"name": "bad", "kind": "ClusterSecretStore"}
    regional.start()
    for index in range(12):
        # One after the other, so that they are not one batch.
        regional.external_secret(f"bad-{index}", secretStoreRef=bad)
        time.sleep(0.3)
    for name in NAMES:
        regional.upstream(name)
        regional.external_secret(name)
        regional.wait_holds(name, within_s=SOON_S)
    regional.upstream(NAMES[0], "v2")
    regional.wait_holds(NAMES[0], "v2", within_s=SOON_S)
    regional.site.delete("ExternalSecret", NAMES[1])
    eventually(lambda: regional.site.get("Secret", NAMES[1]) is None, within_s=SOON_S)
    assert regional.front.arrivals[ELSEWHERE] <= 60
