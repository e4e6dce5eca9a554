"""What a plan says of a push is what the push then does, at every provider that writes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.base import Credentials, Provider, PushItem, PushRef, SecretBytes
from secretsync.core.push import Planned
from secretsync.refresh.clock import Clock
from secretsync.refresh.limiter import StoreLimiter
from secretsync.refresh.push_calls import PushCalls
from secretsync.refresh.push_stores import OpenStore, PushStores
from secretsync.refresh.sessions import SessionKey, StoreSession
from tests.contract.provider_kit import needs_write, needs_write_property
from tests.refresh.kit import store

VALUE = b'{"user":"canary-9f1c-must-not-show","port":"5432"}'


def opened(provider: Provider) -> tuple[PushCalls, OpenStore]:
    """Return what calls a provider, and it as an open store of its own dialect."""
    module = type(provider).__module__.split(".")[1]
    key = {"gcp": "gcpsm"}.get(module, module)
    given = replace(store(), provider=key)
    clock = Clock()
    session = StoreSession(
        SessionKey(given.ref), given, provider, StoreLimiter(clock), Credentials(), 0.0, 0.0
    )
    stores = PushStores.__new__(PushStores)  # only asked where a login was refused
    return PushCalls(stores, clock), OpenStore(given, session)


class _ReadAndWritten(OpenStore):
    """All providers of the suite read; their configurations are not at hand."""

    @property
    def reads(self) -> bool:
        return True


def planned(key: str, value: bytes, prop: str = "") -> Planned:
    return Planned(PushItem(PushRef(key, prop), SecretBytes(value)), "spec.data[0]", {})


@needs_write
def test_plan_of_a_whole_value_tells_new_equal_and_other(case, provider):
    calls, one = opened(provider)
    there = _ReadAndWritten(one.store, one.session)
    wanted = planned("app/new", VALUE)
    assert calls.differs(there, wanted) is True
    assert calls.push(there, wanted) is True
    assert calls.differs(there, wanted) is False
    assert calls.push(there, wanted) is False
    assert calls.differs(there, planned("app/new", b'{"user":"other"}')) is True


@needs_write_property
@pytest.mark.parametrize("prop", ["user"])
def test_plan_of_a_property_tells_new_equal_and_other(case, provider, prop):
    calls, one = opened(provider)
    there = _ReadAndWritten(one.store, one.session)
    calls.push(there, planned("app/new", b"1", "port"))
    wanted = planned("app/new", b"alice", prop)
    assert calls.differs(there, wanted) is True
    assert calls.holds_value(there, wanted.item.ref) is False
    assert calls.push(there, wanted) is True
    assert calls.differs(there, wanted) is False
    assert calls.holds_value(there, wanted.item.ref) is True
    assert calls.push(there, wanted) is False
    assert calls.differs(there, planned("app/new", b"bob", prop)) is True
