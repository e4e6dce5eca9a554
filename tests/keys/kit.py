"""What the tests of key rings share: both clusters, key Secrets in them, faulty clusters."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta

from secretsync.cluster.base import KINDS
from secretsync.sealed.key_store import KeyOptions, KeyStore
from tests.sealing.kit import key_object

__all__ = [
    "DAY",
    "LABEL",
    "NOW",
    "SECRET",
    "SMALL",
    "DyingCluster",
    "ThroughCluster",
    "put_key",
    "store",
]

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET = KINDS["Secret"]
LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
#: Keys that are made in a fraction of a second.
SMALL = KeyOptions(key_bits=2048)


def store(arena, **options):
    return KeyStore(arena.cluster, arena.namespace, **options)


def put_key(arena, name, key=None, *, labels=None, data=None, **options):
    """Put a key Secret into the cluster as another installation left it there."""
    secret = key_object(name, key, **options)
    secret["metadata"]["namespace"] = arena.namespace
    secret["metadata"].pop("creationTimestamp")
    if labels is not None:
        secret["metadata"]["labels"] = labels
    secret["data"] |= data or {}
    return arena.cluster.create(SECRET, secret, field_manager="controller")


class ThroughCluster:
    """A cluster that hands on every call; subclasses get in the way of some."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        value = getattr(self.inner, name)
        if not callable(value):
            return value

        def call(*args, **kwargs):
            return self.around(name, lambda: value(*args, **kwargs), *args)

        return call

    def around(self, verb, call, *args):
        del verb, args
        return call()


class DyingCluster(ThroughCluster):
    """The process that uses it is killed at the n-th call: before it or after it."""

    def __init__(self, inner, *, at_call, after):
        super().__init__(inner)
        self.at_call = at_call
        self.after = after
        self.calls = 0

    def around(self, verb, call, *args):
        del verb, args
        self.calls += 1
        if self.calls == self.at_call and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call()
        if self.calls == self.at_call:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
