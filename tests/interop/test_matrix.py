"""Ours seals and theirs opens, and the other way: every scope, every kind of data."""

from __future__ import annotations

import pytest

from sealing import Scope
from tests.interop.cases import CASES, OPENERS, SEALERS, data_wanted, live, name_of, secrets_of
from tests.support.sealed_objects import data_of

#: What tests/sealing tries already, library against kubeseal, is not tried again.
WAYS = (
    ("library", "controller"),
    ("seal", "controller"),
    ("seal", "kubeseal"),
    ("kubeseal", "our library"),
    ("kubeseal", "seal"),
    ("kubeseal", "sync"),
    ("kubeseal", "sync to the cluster"),
)


@pytest.fixture(scope="module")
def opened(peer, tmp_path_factory):
    """Way and scope → Secrets by name, each way gone once for all cases together."""
    done = {}

    def go(sealer, opener, scope):
        way = (sealer, opener, scope)
        if way not in done:
            secrets = secrets_of(scope, peer.namespace, f"{sealer}-{opener.split()[-1]}")
            sealed = SEALERS[sealer](secrets, scope, peer.cert_file)
            done[way] = OPENERS[opener](sealed, peer, tmp_path_factory.mktemp("way"))
        return done[way]

    return go


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scope", Scope, ids=str)
@pytest.mark.parametrize(("sealer", "opener"), WAYS, ids=[" to ".join(way) for way in WAYS])
def test_what_one_seals_the_other_opens(sealer, opener, scope, case, opened):
    found = opened(sealer, opener, scope)
    check_secret(found, case, name_of(case, scope, f"{sealer}-{opener.split()[-1]}"))


@pytest.fixture(scope="module")
def served(peer, ours):
    """Scope → Secrets that our service makes of what kubeseal sealed, by name."""
    done = {}

    def go(scope):
        if scope not in done:
            secrets = secrets_of(scope, ours.objects.namespace)
            done[scope] = live(SEALERS["kubeseal"](secrets, scope, peer.cert_file), ours.objects)
        return done[scope]

    return go


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scope", Scope, ids=str)
def test_what_kubeseal_seals_our_service_opens(scope, case, served):
    check_secret(served(scope), case, name_of(case, scope))


def check_secret(found, case, name):
    secret = found[name]
    assert data_of(secret) == data_wanted(case)
    assert secret["type"] == "Opaque"
    assert secret["metadata"]["labels"].items() >= {"app": "shop"}.items()
    assert secret["metadata"]["annotations"].items() >= {"note": "für später"}.items()
    assert len(found) == len(CASES)
