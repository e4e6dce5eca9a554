"""However many renew at once, and wherever one of them dies: one key is made."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from secretsync.cluster.directory import DirectoryCluster
from secretsync.cluster.kubernetes import open_kubernetes
from secretsync.errors import ClusterError, ClusterUnavailable, Forbidden
from secretsync.refresh.clock import Clock
from secretsync.sealed.key_lease import RenewalLease
from secretsync.sealed.key_store import KeyStore
from tests.keys.kit import NOW, SMALL, DyingCluster, ThroughCluster, put_key, store
from tests.keys.test_key_lease import HandClock
from tests.support.kube_waits import granted

REPLICAS = 6
#: Fresh interpreters: a fork of a process with threads and connections may hang.
PROCESSES = multiprocessing.get_context("spawn")
WAIT_S = 200
LEASE_S = 1


def made_by(results):
    return [key.name for _ring, key in results if key is not None]


def test_threads_with_stores_of_their_own_make_one_key(arena):
    put_key(arena, "old", start=datetime(2020, 1, 1, tzinfo=UTC))
    together = threading.Barrier(REPLICAS)

    def renew(_number):
        together.wait(WAIT_S)
        return store(arena).ensure(now=NOW, options=SMALL)

    with ThreadPoolExecutor(REPLICAS) as pool:
        results = list(pool.map(renew, range(REPLICAS)))
    (name,) = made_by(results)
    for ring, _key in results:
        assert ring.sealing_key(NOW).name == name
    assert {key.name for key in store(arena).load().keys} == {"old", name}


def test_threads_with_one_store_make_one_key(directory):
    keys = store(directory)
    with ThreadPoolExecutor(REPLICAS) as pool:
        calls = [pool.submit(keys.ensure, now=NOW, options=SMALL) for _ in range(REPLICAS)]
        assert len(made_by(call.result() for call in calls)) == 1


def renew_there(together, place, namespace, said):
    """One replica in its own process, with its own connections."""
    together.wait(WAIT_S)
    try:
        if place:
            cluster = DirectoryCluster(place, now=lambda: datetime.now(UTC))
        else:
            cluster = open_kubernetes()
        ring, key = KeyStore(cluster, namespace).ensure(now=NOW, options=SMALL)
        said.put((key.name if key else "", ring.sealing_key(NOW).name))
        cluster.close()
    except ClusterError as exc:
        said.put(("", f"refused: {exc.message}"))


def replicas(place, namespace):
    """What each of several processes that start to renew at the same moment says."""
    said, together = PROCESSES.Queue(), PROCESSES.Barrier(REPLICAS)
    arguments = (together, place, namespace, said)
    children = [PROCESSES.Process(target=renew_there, args=arguments) for _ in range(REPLICAS)]
    for child in children:
        child.start()
    answers = [said.get(timeout=WAIT_S) for _ in children]
    for child in children:
        child.join(WAIT_S)
        assert child.exitcode == 0
    return answers


def test_processes_on_one_api_server_make_one_key(kubernetes):
    answers = replicas(None, kubernetes.namespace)
    (name,) = [made for made, _sealing in answers if made]
    assert {sealing for _made, sealing in answers} == {name}
    assert [key.name for key in store(kubernetes).load().keys] == [name]


@pytest.mark.e2e
def test_processes_on_one_directory_make_one_key(tmp_path):
    """The others are refused by the directory's lock, or come after it."""
    answers = replicas(tmp_path / "cluster", "keys")
    (name,) = [made for made, _sealing in answers if made]
    for made, sealing in answers:
        assert name in (made, sealing) or "written by another process" in sealing
    cluster = DirectoryCluster(tmp_path / "cluster", read_only=True, now=lambda: NOW)
    assert [key.name for key in KeyStore(cluster, "keys").load().keys] == [name]


def renew_and_die(place, namespace, at_call, after):
    """Renew until the n-th call to the cluster, where the process is killed."""
    cluster = DirectoryCluster(place, now=lambda: datetime.now(UTC)) if place else open_kubernetes()
    dying = DyingCluster(cluster, at_call=at_call, after=after)
    KeyStore(dying, namespace, lease_s=LEASE_S).ensure(now=NOW, options=SMALL)


def die_at(place, namespace, at_call, *, after):
    """Whether the process came as far as that call."""
    child = PROCESSES.Process(target=renew_and_die, args=(place, namespace, at_call, after))
    child.start()
    child.join(WAIT_S)
    assert child.exitcode in (0, -9)
    return child.exitcode == -9


@pytest.mark.e2e
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at_call", range(1, 15))
def test_replica_killed_at_any_call_leaves_a_ring_that_the_next_one_completes(
    tmp_path, at_call, after
):
    place = tmp_path / "cluster"
    died = die_at(place, "keys", at_call, after=after)
    cluster = DirectoryCluster(place, now=lambda: datetime.now(UTC))
    keys = KeyStore(cluster, "keys", lease_s=LEASE_S)
    left = {key.name for key in keys.load().keys}
    ring, made = keys.ensure(now=NOW, options=SMALL)
    cluster.close()
    assert len(ring.keys) == 1
    assert (made is None) is bool(left)
    # The last numbers lie behind the end of the work: all calls before were tried.
    assert died or (left and at_call > 10)


@pytest.mark.parametrize(("at_call", "after"), [(4, True), (7, False), (7, True), (8, True)])
def test_replica_killed_on_an_api_server_leaves_a_ring_that_the_next_one_completes(
    kubernetes, at_call, after
):
    assert die_at(None, kubernetes.namespace, at_call, after=after)
    keys = store(kubernetes, lease_s=LEASE_S)
    ring, _made = keys.ensure(now=NOW, options=SMALL)
    assert len(ring.keys) == 1


class Frozen(ThroughCluster):
    """Stands still just before it writes the key, while somebody else goes on."""

    def __init__(self, inner, meanwhile):
        super().__init__(inner)
        self.meanwhile = meanwhile

    def create(self, kind, obj, *, field_manager):
        if kind.kind == "Secret":
            self.meanwhile()
        return self.inner.create(kind, obj, field_manager=field_manager)


def test_replica_that_stood_still_beyond_its_lease_makes_no_second_key(arena):
    """The Lease cannot help here: the name of the key does."""
    others = []

    def somebody_else():
        clock = HandClock(ahead_s=3 * 365 * 86400)
        later = store(arena, clock=clock)
        others.append(later.ensure(now=NOW, options=SMALL)[1])

    slow = KeyStore(Frozen(arena.cluster, somebody_else), arena.namespace)
    ring, made = slow.ensure(now=NOW, options=SMALL)
    assert made is None
    assert [key.name for key in ring.keys] == [others[0].name]


class Deaf(ThroughCluster):
    """Stores the key, and the answer is lost on its way back."""

    def around(self, verb, call, *args):
        answer = call()
        if verb == "create" and args[0].kind == "Secret":
            raise ClusterUnavailable("the connection was lost")
        return answer


def test_key_whose_confirmation_was_lost_is_found_and_not_made_again(arena):
    deaf = KeyStore(Deaf(arena.cluster), arena.namespace)
    with pytest.raises(ClusterUnavailable, match="connection was lost"):
        deaf.ensure(now=NOW, options=SMALL)
    ring, made = deaf.ensure(now=NOW, options=SMALL)
    assert made is None
    assert len(ring.keys) == 1


def test_renewal_that_another_holds_and_never_ends_is_an_error(directory):
    class BusyClock(HandClock):
        """Whenever one waits, the other one shows that it lives."""

        def wait(self, seconds):
            super().wait(seconds)
            assert other.keep()
            return True

    clock = BusyClock()
    other = RenewalLease(
        directory.cluster, directory.namespace, "sealed-secrets-key-renewal", clock=clock
    )
    assert other.take()
    keys = store(directory, clock=clock, lease_s=LEASE_S)
    with pytest.raises(ClusterUnavailable, match="another replica has begun that"):
        keys.ensure(now=NOW, options=SMALL)
    assert keys.load().keys == ()


def test_renewal_does_not_wait_longer_than_the_process_lives(directory):
    other = RenewalLease(
        directory.cluster, directory.namespace, "sealed-secrets-key-renewal", clock=Clock()
    )
    assert other.take()
    stop = threading.Event()
    stop.set()
    with pytest.raises(ClusterUnavailable, match="another replica"):
        store(directory, clock=Clock(stop)).ensure(now=NOW, options=SMALL)


RULES = [
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "create"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["get", "create", "patch"],
    },
]


@pytest.mark.parametrize("rules", [RULES, RULES[:1]], ids=["with leases", "without"])
def test_renewal_needs_these_rights_and_no_others(kube_server, kubernetes, monkeypatch, rules):
    account = {"kind": "User", "name": f"keeper-{len(rules)}-{kubernetes.namespace}"}
    granted(kube_server.admin, account, rules, kubernetes.namespace)
    file = kube_server.user_kubeconfig(account["name"])
    monkeypatch.setenv("KUBECONFIG", str(file))
    cluster = open_kubernetes()
    keys = KeyStore(cluster, kubernetes.namespace)
    if rules == RULES:
        assert keys.ensure(now=NOW, options=SMALL)[1] is not None
    else:
        with pytest.raises(Forbidden, match="leases"):
            keys.ensure(now=NOW, options=SMALL)
        assert keys.load().keys == ()
    cluster.close()


def test_list_of_all_rings_that_is_forbidden_says_how_to_list_one(
    kube_server, kubernetes, monkeypatch, seal
):
    account = {"kind": "User", "name": f"reader-{kubernetes.namespace}"}
    granted(kube_server.admin, account, RULES[:1], kubernetes.namespace)
    monkeypatch.setenv("KUBECONFIG", str(kube_server.user_kubeconfig(account["name"])))
    everywhere = seal("keys", "list", "--to", "kube")
    assert everywhere.code == 1
    assert "seal: hint: name one ring with -n NAMESPACE" in everywhere.err
    assert seal("keys", "list", "--to", "kube", "-n", kubernetes.namespace).code == 0


def test_ring_that_needs_nothing_takes_no_lease(directory, tmp_path):
    put_key(directory, "good")
    store(directory).ensure(now=NOW, period=NOW - datetime(1, 1, 1, tzinfo=UTC), options=SMALL)
    folders = (tmp_path / "cluster" / directory.namespace).iterdir()
    assert [folder.name for folder in folders] == ["secrets"]
