"""What one stranger's request may cost: it holds up nobody for long, and tells nothing."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass

import pytest

from sealing import KeyRing, load_key_ring, seal_secret
from secretsync.controller import sealing_desk
from secretsync.controller.sealing_desk import SealingDesk
from tests.refresh.kit import FakeClock
from tests.sealing.kit import NOW, certificate, key_object


@dataclass
class Ring:
    """A ring whose private-key operations are counted."""

    ring: KeyRing
    used: list[str]


@pytest.fixture
def source():
    ring = load_key_ring([key_object("k")])
    used: list[str] = []
    (key,) = ring.keys
    observed = key.private_key.observed(lambda: used.append("rsa"))
    return Ring(KeyRing((type(key)(key.name, observed, key.certificate, key.ordering_at),)), used)


@pytest.fixture
def desk(source):
    return SealingDesk(source, FakeClock())


def body(**items):
    secret = {"metadata": {"name": "n", "namespace": "a"}, "stringData": {"good": "v"}}
    sealed = seal_secret(secret, certificate(), now=NOW)
    sealed["spec"]["encryptedData"] |= items
    return json.dumps(sealed).encode()


@pytest.mark.parametrize("path", ["verify", "rotate"])
def test_request_stops_where_its_private_key_operations_are_used_up(
    desk, source, path, monkeypatch
):
    monkeypatch.setattr(sealing_desk, "MAX_KEY_OPERATIONS", 20)
    answer = getattr(desk, path)(body(**{f"k{number}": "" for number in range(200)}))
    assert (answer.status, answer.body) == (413, b"too many values\n")
    assert len(source.used) == 20
    # The next one has operations of its own.
    assert getattr(desk, path)(body()).status == 200


@pytest.mark.parametrize("path", ["verify", "rotate"])
def test_request_with_more_values_than_fit_an_object_uses_no_key(desk, source, path):
    answer = getattr(desk, path)(body(**{f"k{number}": "" for number in range(9000)}))
    assert answer.status in (409, 500)
    assert source.used == []


@pytest.mark.parametrize("path", ["verify", "rotate"])
def test_bodies_are_read_one_at_a_time(desk, path, monkeypatch):
    """Reading three megabytes takes seconds of the interpreter that reconciles share."""
    inside, most, lock = [], [], threading.Lock()
    real = sealing_desk.load_documents

    def watched(*args, **options):
        with lock:
            inside.append(1)
            most.append(len(inside))
        try:
            return real(*args, **options)
        finally:
            inside.pop()

    monkeypatch.setattr(sealing_desk, "load_documents", watched)
    threads = [threading.Thread(target=getattr(desk, path), args=(body(),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert most == [1] * 6


FAILING = {
    "cut": {"b": "AA=="},
    "no base64": {"b": "!"},
    "no text": {"b": 7},
    "another key or place": {"b": None},
}


@pytest.mark.parametrize("path", ["verify", "rotate"])
@pytest.mark.parametrize("items", FAILING.values(), ids=FAILING)
def test_every_failure_gives_the_same_answer(desk, path, items):
    answer = getattr(desk, path)(body(**items))
    expected = {"verify": sealing_desk.DOES_NOT_OPEN, "rotate": sealing_desk.FAILED}
    assert answer == expected[path]
