"""Batches of SealedSecrets: each its own outcome, and no key used where none is needed."""

from __future__ import annotations

import base64
import copy
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sealing import load_key_ring, seal_value
from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.core.plan import Verb
from secretsync.errors import ClusterUnavailable
from secretsync.refresh.applying import Applier
from secretsync.refresh.outcomes import Progress
from secretsync.sealed.key_order import SEALED_WITH_ANNOTATION
from secretsync.sealed.unsealing import SealedOptions, Unsealer
from tests.core.secret_cases import CANARY, external_secret
from tests.refresh.kit import START
from tests.sealed.kit import Counter, Rig, live, opened_rig, parsed, sealed
from tests.sealing.kit import NOW, certificate, key_object, other_key, vector_key

NK = "no key could decrypt secret"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DirectoryCluster]:
    made = DirectoryCluster(tmp_path / "out", default_namespace="web", now=lambda: START)
    yield made
    made.close()


@pytest.fixture
def rig(cluster: DirectoryCluster) -> Iterator[Rig]:
    with opened_rig(cluster) as made:
        yield made


def _values(secret: dict[str, Any] | None) -> dict[str, str]:
    assert secret is not None
    return {key: base64.b64decode(text).decode() for key, text in secret["data"].items()}


def test_a_sealed_secret_becomes_its_secret(rig: Rig) -> None:
    outcome = rig.one(parsed(sealed({"a": "1", "empty": ""}, labels={"l": "m"})))
    assert (outcome.progress, outcome.reason) == (Progress.APPLIED, "Unsealed")
    assert outcome.message == "SealedSecret unsealed successfully"
    assert outcome.action is not None
    assert outcome.action.verb is Verb.CREATE
    assert _values(rig.secret()) == {"a": "1", "empty": ""}
    assert rig.secret()["metadata"]["labels"] == {"l": "m"}  # type: ignore[index] - it is there


def test_templates_are_rendered_with_the_values(rig: Rig) -> None:
    template = {"data": {"url": "x://{{ .user }}@db", "plain": "as it is", "user": None}}
    rig.one(parsed(sealed({"user": "u", "more": "m"}, template=template)))
    assert _values(rig.secret()) == {"url": "x://u@db", "plain": "as it is", "more": "m"}


def test_templates_of_one_sealed_secret_share_what_they_may_cost(rig: Rig) -> None:
    costly = '{{ repeat 5000000 "x" | len }}'
    rig.one(parsed(sealed({"a": "1"}, name="one", template={"data": {"t": costly}})))
    assert _values(rig.secret("one"))["t"] == "5000000"
    many = {f"t{number}": costly for number in range(6)}
    outcome = rig.one(parsed(sealed({"a": "1"}, name="six", template={"data": many})))
    assert outcome.progress is Progress.FAILED
    assert "t5" in outcome.message
    assert "too much memory" in outcome.message


def test_outcomes_come_in_the_order_of_the_batch_and_each_is_told(rig: Rig) -> None:
    items = [parsed(sealed(name=f"s-{index}")) for index in range(12)]
    heard: list[str] = []
    outcomes = rig.run(*items, done=lambda outcome: heard.append(outcome.item.meta.name))
    assert [outcome.item.ref for outcome in outcomes] == [item.ref for item in items]
    assert sorted(heard) == sorted(item.meta.name for item in items)


def test_an_outcome_is_told_before_slower_ones_are_known(rig: Rig) -> None:
    """The first of the batch waits until the listener has heard of the second."""
    heard = threading.Event()

    def render_by_time(_key: str, text: str, _values: object) -> bytes:
        assert heard.wait(120)
        return text.encode()

    options = SealedOptions(openers=2)
    unsealer = Unsealer(
        Applier(rig.cluster), rig.claims, options=options, rendering=lambda: render_by_time
    )
    waiting = parsed(sealed(name="slow", template={"data": {"t": "x"}}))
    batch = [waiting, parsed(sealed(name="quick"))]
    try:
        unsealer.run(
            batch,
            [vector_key()],
            done=lambda outcome: heard.set() if outcome.item.meta.name == "quick" else None,
        )
    finally:
        unsealer.close()
    assert rig.secret("slow") is not None


def test_a_listener_that_fails_costs_no_outcome(rig: Rig) -> None:
    def deaf(_outcome: object) -> None:
        raise RuntimeError("deaf")

    with pytest.raises(RuntimeError, match="deaf"):
        rig.run(parsed(sealed(name="a")), parsed(sealed(name="b")), done=deaf)
    assert rig.secret("a") is not None
    assert rig.secret("b") is not None


def test_a_plan_writes_nothing(cluster: DirectoryCluster) -> None:
    with opened_rig(cluster, writes=False) as rig:
        outcome = rig.one(parsed(sealed()))
    assert outcome.action is not None
    assert outcome.action.verb is Verb.CREATE
    assert rig.secret() is None


# What goes wrong with one object, and only that one


def _changed(change: Callable[[bytes], bytes]) -> dict[str, Any]:
    made = sealed({"good": "x", "password": CANARY})
    raw = base64.b64decode(made["spec"]["encryptedData"]["password"])
    made["spec"]["encryptedData"]["password"] = base64.b64encode(change(raw)).decode()
    return made


def _written(text: str) -> dict[str, Any]:
    made = sealed({"good": "x", "password": CANARY})
    made["spec"]["encryptedData"]["password"] = text
    return made


def _moved(**metadata: str) -> dict[str, Any]:
    made = sealed()
    made["metadata"] |= metadata
    return made


def _flip(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def _failing(text: str) -> dict[str, Any]:
    return sealed(template={"data": {"t": text}})


CLUSTER_WIDE = {"sealedsecrets.bitnami.com/cluster-wide": "true"}
NK_PASSWORD = f"{NK} (password)"
FAULTS = [
    pytest.param(_changed(lambda raw: raw[:-1]), NK_PASSWORD, id="truncated"),
    pytest.param(_changed(lambda raw: raw[:100]), NK_PASSWORD, id="cut-in-the-key"),
    pytest.param(_changed(lambda raw: raw + b"\0"), NK_PASSWORD, id="one-byte-more"),
    pytest.param(_changed(lambda raw: _flip(raw, 50)), NK_PASSWORD, id="key-flipped"),
    pytest.param(_changed(lambda raw: _flip(raw, -1)), NK_PASSWORD, id="tag-flipped"),
    pytest.param(_changed(lambda raw: _flip(raw, 0)), NK_PASSWORD, id="length-flipped"),
    pytest.param(_written(""), NK_PASSWORD, id="empty"),
    pytest.param(_written("AA=="), NK_PASSWORD, id="two-bytes"),
    pytest.param(_written("NOTVALIDBASE64"), "input byte 12 (password)", id="not-base64"),
    pytest.param(_written("a b"), "input byte 1 (password)", id="blank"),
    pytest.param(sealed(key=other_key()), NK_PASSWORD, id="wrong-key"),
    pytest.param(_moved(annotations=CLUSTER_WIDE), NK_PASSWORD, id="wrong-scope"),
    pytest.param(_moved(name="other"), NK_PASSWORD, id="wrong-name"),
    pytest.param(_moved(namespace="other"), NK_PASSWORD, id="wrong-namespace"),
    pytest.param(_failing("{{ unclosed"), "(t)", id="template-unclosed"),
    pytest.param(_failing("{{ fail .password }}"), "(t)", id="template-fails"),
]


def _previous(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {"sealedsecrets.bitnami.com/managed": "true"},
        },
        "data": {"password": base64.b64encode(b"previous").decode()},
    }


@pytest.mark.parametrize(("obj", "said"), FAULTS)
def test_a_fault_is_told_by_object_and_key_and_stops_only_itself(
    rig: Rig, obj: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = (obj["metadata"]["name"], obj["metadata"]["namespace"])
    before = copy.deepcopy(obj)
    rig.cluster.create(KINDS["Secret"], _previous(*place), field_manager="kubectl")
    caplog.set_level(logging.DEBUG)
    bad, good = rig.run(parsed(obj), parsed(sealed(name="neighbour")))
    assert (bad.progress, bad.reason) == (Progress.FAILED, "ErrUnsealFailed")
    assert said in bad.message
    assert bad.remedy
    assert bad.field.split(".")[-1] in ("password", "t")
    assert good.progress is Progress.APPLIED
    assert _values(rig.secret(*place)) == {"password": "previous"}
    assert obj == before
    assert CANARY not in repr(bad) + bad.condition_message + caplog.text


def test_every_decryption_failure_reads_the_same(rig: Rig) -> None:
    said = set()
    for param in FAULTS[:8]:
        outcome = rig.one(parsed(param.values[0]))  # type: ignore[arg-type] - the table's object
        said.add((outcome.message, outcome.remedy, outcome.reason, outcome.transient))
    assert len(said) == 1


def test_items_are_grouped_by_cause(rig: Rig) -> None:
    made = sealed({"a": "1", "b": "2", "c": "3"})
    made["spec"]["encryptedData"] |= {"a": "AA==", "b": "!", "c": "AA=="}
    outcome = rig.one(parsed(made))
    assert outcome.message == f"{NK} (a, c)\nillegal base64 data at input byte 0 (b)"


def test_a_value_wrapped_over_lines_opens(rig: Rig) -> None:
    made = sealed()
    text = made["spec"]["encryptedData"]["password"]
    made["spec"]["encryptedData"]["password"] = "\n".join([text[:76], text[76:]])
    assert rig.one(parsed(made)).progress is Progress.APPLIED


def test_a_secret_that_is_too_large_is_refused_and_the_previous_one_stays(rig: Rig) -> None:
    rig.one(parsed(sealed({"a": "1"})))
    outcome = rig.one(parsed(sealed({"a": "x" * (1 << 20), "b": "y"})))
    assert (outcome.progress, outcome.reason) == (Progress.FAILED, "ErrUpdateFailed")
    assert _values(rig.secret()) == {"a": "1"}


def test_the_old_form_opens(rig: Rig) -> None:
    blob = json.dumps({"kind": "Secret", "metadata": {"labels": {"l": "m"}}, "data": {"a": "MQ=="}})
    text = seal_value(blob.encode(), certificate(), now=NOW, namespace="web", name="db")
    old = sealed({}) | {"spec": {"data": text}}
    for _ in range(2):
        assert not rig.one(parsed(old)).failed
    assert _values(rig.secret()) == {"a": "1"}
    assert rig.secret()["metadata"]["labels"] == {"l": "m"}  # type: ignore[index] - it is there


def test_the_old_form_may_be_switched_off(cluster: DirectoryCluster) -> None:
    with opened_rig(cluster, accept_v1_data=False) as rig:
        outcome = rig.one(parsed(sealed({}) | {"spec": {"data": "AgA="}}))
    assert "deprecated" in outcome.message


# Keys


def test_without_a_key_each_object_says_so(rig: Rig) -> None:
    outcomes = rig.run(parsed(sealed(name="a")), parsed(sealed(name="b")), keys=())
    assert {outcome.message for outcome in outcomes} == {
        f"{NK}: there is no private key to unseal with"
    }
    assert "--sealing-key" in outcomes[0].remedy
    assert {outcome.progress for outcome in outcomes} == {Progress.FAILED}


def test_a_broken_key_beside_good_ones_does_no_harm_and_is_named_where_it_may_matter(
    rig: Rig,
) -> None:
    broken = key_object("broken")
    broken["data"]["tls.key"] = base64.b64encode(b"-----BEGIN nonsense").decode()
    ring = load_key_ring([broken, key_object("good")])
    good, bad = rig.run(
        parsed(sealed(name="a")), parsed(sealed(name="b", key=other_key())), keys=ring
    )
    assert good.progress is Progress.APPLIED
    assert bad.message == NK_PASSWORD
    assert "not usable: key Secret broken: " in bad.remedy
    (alone,) = rig.run(parsed(sealed(name="c")), keys=load_key_ring([broken]))
    assert "not usable: key Secret broken: " in alone.remedy


def test_trouble_with_keys_is_told_with_the_failure(rig: Rig) -> None:
    outcome = rig.one(parsed(sealed()), keys=(), trouble=("the cluster's keys: forbidden",))
    assert outcome.remedy.endswith("not usable: the cluster's keys: forbidden")


@pytest.mark.parametrize(("noted", "operations"), [(False, 5), (True, 4)], ids=["last", "noted"])
def test_the_key_that_opens_is_tried_first(rig: Rig, noted: bool, operations: int) -> None:
    """Four values cost four operations, and one more where the key must be found."""
    counter = Counter()
    keys = counter.watch(other_key(), vector_key())
    note = {SEALED_WITH_ANNOTATION: vector_key().fingerprint} if noted else {}
    made = sealed(dict.fromkeys("abcd", "v"))
    made["metadata"]["annotations"] = note
    assert not rig.one(parsed(made), keys=keys).failed
    assert counter.count == operations


def test_the_last_key_that_opened_is_tried_first_on_the_next_object(
    cluster: DirectoryCluster,
) -> None:
    counter = Counter()
    with opened_rig(cluster, workers=1) as rig:
        items = [parsed(sealed(name=f"s-{index}")) for index in range(6)]
        rig.run(*items, keys=counter.watch(other_key(), vector_key()))
    assert counter.count == 7


def test_values_for_several_keys_open_in_one_object(rig: Rig) -> None:
    made, other = sealed({"a": "1"}), sealed({"b": "2"}, key=other_key())
    made["spec"]["encryptedData"] |= other["spec"]["encryptedData"]
    assert not rig.one(parsed(made), keys=[vector_key(), other_key()]).failed
    assert _values(rig.secret()) == {"a": "1", "b": "2"}


# The digest


def test_a_restart_over_unchanged_objects_uses_no_key_and_writes_nothing(
    cluster: DirectoryCluster,
) -> None:
    items = [live(sealed({"a": "1", "b": "2"}, name=f"s-{index}")) for index in range(8)]
    with opened_rig(cluster) as rig:
        rig.run(*items)
        assert rig.operations.count == 16
    versions = [rig.version(item.meta.name) for item in items]
    with opened_rig(cluster) as again:
        outcomes = again.run(*items)
        assert (again.operations.count, again.unsealer.opened) == (0, 0)
    assert {outcome.progress for outcome in outcomes} == {Progress.UNCHANGED}
    assert versions == [again.version(item.meta.name) for item in items]


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"data": {"a": "ZWRpdGVk"}}, id="value"),
        pytest.param({"data": {"a": None}}, id="key-removed"),
        pytest.param({"data": {"by": "aGFuZA=="}}, id="key-added"),
        pytest.param({"metadata": {"annotations": {"secretsync.io/sealed-digest": "a.b"}}}, id="x"),
    ],
)
def test_an_edit_by_hand_is_noticed_and_repaired(rig: Rig, patch: dict[str, Any]) -> None:
    item = live(sealed({"a": "1", "b": "2"}))
    rig.one(item)
    rig.edit(patch)
    rig.one(item)
    assert rig.operations.count == 4
    assert _values(rig.secret()) == {"a": "1", "b": "2"}


def test_metadata_edited_by_hand_is_repaired_without_a_key(rig: Rig) -> None:
    item = live(sealed(labels={"l": "m"}))
    rig.one(item)
    rig.edit({"metadata": {"labels": {"l": "edited", "more": "x"}, "ownerReferences": []}})
    outcome = rig.one(item)
    assert outcome.action is not None
    assert outcome.action.metadata == ("label l", "label more", "ownerReferences")
    assert rig.secret()["metadata"]["labels"] == {"l": "m"}  # type: ignore[index] - it is there
    assert rig.operations.count == 1
    rig.one(item)
    assert rig.operations.count == 1


def test_a_changed_spec_is_opened(rig: Rig) -> None:
    rig.one(live(sealed({"a": "1"})))
    rig.one(live(sealed({"a": "1"}, template={"data": {"t": "{{ .a }}"}})))
    assert _values(rig.secret()) == {"a": "1", "t": "1"}


def test_without_the_install_key_every_look_opens(cluster: DirectoryCluster) -> None:
    with opened_rig(cluster, digest_key=None) as rig:
        for _ in range(2):
            rig.one(live(sealed()))
        assert rig.operations.count == 2
        assert not rig.secret()["metadata"]["annotations"]  # type: ignore[index] - it is there


# Two owners of one Secret


@pytest.mark.parametrize(
    ("created", "wins"),
    [("2025-01-01T00:00:00Z", False), ("2027-01-01T00:00:00Z", True)],
    ids=["older", "younger"],
)
def test_of_two_owners_the_older_wins(cluster: DirectoryCluster, created: str, wins: bool) -> None:
    rival = external_secret({"target": {"name": "db"}}, name="es", created=created)
    with opened_rig(cluster, rival) as rig:
        outcome = rig.one(live(sealed()))
    assert outcome.failed is not wins
    if not wins:
        assert outcome.reason == "ErrUpdateFailed"
        assert "owned by another ExternalSecret: ExternalSecret web/es" in outcome.message
        assert rig.secret() is None


def test_a_patched_secret_is_shared_with_one_that_merges(cluster: DirectoryCluster) -> None:
    target = {"name": "db", "creationPolicy": "CreateOrMerge"}
    rival = external_secret({"target": target}, name="es", created="2025-01-01T00:00:00Z")
    patch = {"sealedsecrets.bitnami.com/patch": "true"}
    with opened_rig(cluster, rival) as rig:
        assert not rig.one(live(sealed(annotations=patch))).failed


# Faults of the cluster


class _Down(DirectoryCluster):
    def get(self, *_arguments: Any) -> Any:
        raise ClusterUnavailable("the API server does not answer", retry_after_s=7.0)


def test_a_cluster_that_fails_is_each_objects_outcome_and_worth_another_try(tmp_path: Path) -> None:
    with opened_rig(_Down(tmp_path / "out", now=lambda: START)) as rig:
        outcomes = rig.run(live(sealed(name="a")), live(sealed(name="b")))
    for outcome in outcomes:
        assert (outcome.progress, outcome.reason) == (Progress.FAILED, "ErrUpdateFailed")
        assert (outcome.transient, outcome.retry_after_s) == (True, 7.0)


def test_a_fault_of_ours_is_an_outcome_that_shows_its_type_alone(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise KeyError(CANARY)

    monkeypatch.setattr("secretsync.sealed.unsealing.desired_from_sealed", broken)
    outcome = rig.one(live(sealed()))
    assert outcome.message == "could not unseal: internal error (KeyError)"
    assert CANARY not in repr(outcome)
