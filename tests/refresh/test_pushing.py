"""Pushing, against stores that hold values in this process."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from providers.base import SecretBytes, Unavailable
from secretsync.controller.push_items import PushItems
from secretsync.refresh.outcomes import Progress
from secretsync.refresh.push_outcomes import PushVerb
from secretsync.refresh.pushing import CONFIRM_ABSENCE_S
from tests.refresh.kit import START, secret_manifest
from tests.refresh.push_kit import PushRig, fake_store, push_secret, synced

CANARY = "canary-9f1c-must-not-show"


@pytest.fixture
def make(tmp_path, clock):
    """Make rigs, and end them."""
    rigs = []

    def made(*objects, **options):
        rigs.append(PushRig(tmp_path / f"c{len(rigs)}", *objects, clock=clock, **options))
        return rigs[-1]

    yield made
    for rig in rigs:
        rig.close()


@pytest.fixture
def rig(make):
    """A rig with one store and one Secret."""
    made = make()
    made.put(password=CANARY, user="admin")
    return made


def verbs(outcome):
    return {action.place: str(action.verb) for action in outcome.actions}


def test_push_makes_the_store_hold_the_value_and_says_where(rig):
    outcome = rig.pushes.run(push_secret({"db": "password", "app#user": "user"}))
    assert (outcome.progress, outcome.reason) == (Progress.APPLIED, "Synced")
    assert outcome.message == "PushSecret synced successfully"
    assert rig.held("db") == CANARY
    assert rig.held("app") == '{"user": "admin"}'
    assert set(outcome.synced["SecretStore/fake"]) == {"db", "app/user"}
    assert CANARY not in repr(outcome)


def test_second_push_of_the_same_writes_nothing(rig):
    item = synced(rig.pushes.run(push_secret({"db": "password"})))
    outcome = rig.pushes.run(item)
    assert outcome.progress is Progress.UNCHANGED
    assert outcome.refreshed
    assert verbs(outcome) == {"db": "unchanged"}


def test_between_refreshes_nobody_is_asked_until_the_secret_changes(rig, monkeypatch):
    item = synced(rig.pushes.run(push_secret({"db": "password"})))
    provider = rig.provider()
    asked = []
    real = type(provider).push
    monkeypatch.setattr(
        type(provider), "push", lambda self, each: asked.append(each.ref) or real(self, each)
    )
    quiet = rig.pushes.run(item, due=False)
    rig.put(password=CANARY, user="another")  # not one that is pushed
    still = rig.pushes.run(item, due=False)
    assert (quiet.progress, still.progress, asked) == (Progress.UNCHANGED, Progress.UNCHANGED, [])
    assert not quiet.refreshed
    rig.put(password="new")
    assert rig.pushes.run(item, due=False).progress is Progress.APPLIED
    assert rig.held("db") == "new"


def test_place_of_somebody_else_is_left_alone_and_the_others_are_pushed(rig):
    outcome = rig.pushes.run(push_secret({"given": "password", "db": "user"}))
    assert (outcome.progress, outcome.reason) == (Progress.FAILED, "Errored")
    assert outcome.field == "spec.data[0]"
    assert verbs(outcome) == {"given": "failed", "db": "push"}
    assert rig.held("given") == "theirs"
    assert set(outcome.synced["SecretStore/fake"]) == {"db"}
    assert CANARY not in repr(outcome)


def test_what_is_not_pushed_any_more_is_deleted_only_with_the_policy(rig):
    first = synced(rig.pushes.run(push_secret({"db": "password", "app#u": "user"})))
    fewer = push_secret({"db": "password"})
    kept = rig.pushes.run(replace(fewer, status=first.status))
    assert rig.holds("app#u")
    assert set(kept.synced["SecretStore/fake"]) == {"db"}
    deleting = push_secret({"db": "password"}, deletionPolicy="Delete")
    outcome = rig.pushes.run(replace(deleting, status=first.status))
    assert verbs(outcome) == {"db": "unchanged", "app/u": "delete"}
    assert not rig.holds("app#u")
    assert rig.held("db") == CANARY


def test_nothing_is_deleted_while_something_could_not_be_pushed(rig):
    first = synced(rig.pushes.run(push_secret({"db": "password"})))
    item = push_secret({"given": "user"}, deletionPolicy="Delete")
    outcome = rig.pushes.run(replace(item, status=first.status))
    assert outcome.failed
    assert rig.held("db") == CANARY


def test_property_that_moved_into_a_whole_value_is_not_deleted_with_it(rig):
    first = synced(rig.pushes.run(push_secret({"db#p": "password"}, deletionPolicy="Delete")))
    whole = push_secret({"db": ""}, deletionPolicy="Delete")
    outcome = rig.pushes.run(replace(whole, status=first.status))
    assert verbs(outcome) == {"db": "push"}
    assert rig.held("db") == f'{{"password":"{CANARY}","user":"admin"}}'


def test_value_at_a_store_that_is_named_no_more_is_deleted_there(make):
    rig = make(fake_store(), fake_store("other"))
    rig.put(password=CANARY)
    both = push_secret(
        {"db": "password"},
        deletionPolicy="Delete",
        secretStoreRefs=[{"name": "fake"}, {"name": "other"}],
    )
    first = synced(rig.pushes.run(both))
    assert rig.held("db", "other") == CANARY
    one = push_secret({"db": "password"}, deletionPolicy="Delete")
    rig.pushes.run(replace(one, status=first.status))
    assert (rig.held("db"), rig.held("db", "other")) == (CANARY, None)


def test_if_not_exists_leaves_what_is_there_and_never_counts_it_as_pushed(rig):
    item = push_secret(
        {"given": "password", "db": "user"},
        updatePolicy="IfNotExists",
        deletionPolicy="Delete",
    )
    outcome = rig.pushes.run(item)
    assert verbs(outcome) == {"given": "keep", "db": "push"}
    assert set(outcome.synced["SecretStore/fake"]) == {"db"}
    rig.put(password=CANARY, user="changed")
    again = rig.pushes.run(synced(outcome))
    assert verbs(again) == {"given": "keep", "db": "keep"}
    assert rig.held("db") == "admin"
    assert set(again.synced["SecretStore/fake"]) == {"db"}


def test_empty_value_replaces_a_good_one_only_if_that_is_asked_for(rig):
    item = synced(rig.pushes.run(push_secret({"db": "password"})))
    rig.put(password="")
    outcome = rig.pushes.run(item)
    assert outcome.failed
    assert "the value is empty" in outcome.message
    assert rig.held("db") == CANARY
    allowed = push_secret({"db": "password"}, annotations={"secretsync.io/allow-empty": "true"})
    assert rig.pushes.run(replace(allowed, status=item.status)).progress is Progress.APPLIED
    assert rig.held("db") == ""
    assert rig.pushes.run(item).progress is Progress.UNCHANGED


def test_source_that_is_gone_is_an_error_and_deletes_nothing_without_the_policy(rig, clock):
    item = synced(rig.pushes.run(push_secret({"db": "password"})))
    rig.remove()
    for _ in range(3):
        outcome = rig.pushes.run(item)
        clock.advance(CONFIRM_ABSENCE_S)
        assert outcome.reason == "Errored"
        assert outcome.message == "could not get source secret: Secret web/source does not exist"
    assert rig.held("db") == CANARY


def test_source_that_is_gone_for_two_looks_takes_with_it_what_was_pushed(rig, clock):
    item = synced(rig.pushes.run(push_secret({"db": "password"}, deletionPolicy="Delete")))
    rig.remove()
    first = rig.pushes.run(item, due=False)
    assert (first.failed, first.retry_after_s) == (True, CONFIRM_ABSENCE_S)
    assert rig.held("db") == CANARY
    clock.advance(CONFIRM_ABSENCE_S)
    outcome = rig.pushes.run(item, due=False)
    assert (outcome.failed, outcome.reason) == (False, "SourceDeleted")
    assert outcome.synced == {}
    assert rig.held("db") is None


def test_source_that_comes_back_between_two_looks_loses_nothing(rig, clock):
    item = synced(rig.pushes.run(push_secret({"db": "password"}, deletionPolicy="Delete")))
    rig.remove()
    rig.pushes.run(item)
    rig.put(password=CANARY)
    rig.pushes.run(item)
    rig.remove()
    clock.advance(CONFIRM_ABSENCE_S)
    assert rig.pushes.run(item).failed
    assert rig.held("db") == CANARY


def test_secret_that_lost_all_its_keys_deletes_nothing(rig):
    entry = {"dataTo": [{"storeRef": {"name": "fake"}}], "deletionPolicy": "Delete"}
    item = synced(rig.pushes.run(push_secret(**entry)))
    assert rig.held("password") == CANARY
    rig.put()
    outcome = rig.pushes.run(item)
    assert outcome.failed
    assert "the source Secret is empty" in outcome.message
    assert rig.held("password") == CANARY


def test_secrets_and_stores_are_found_by_their_labels(make):
    team = {"labels": {"team": "web"}}
    rig = make(
        fake_store("one", **team),
        fake_store("two"),
        fake_store("all", kind="ClusterSecretStore", **team),
    )
    rig.put("first", {"push": "yes"}, a="1")
    rig.put("second", {"push": "yes"}, b="2")
    rig.put("third", c="3")
    selector = {"matchLabels": {"team": "web"}}
    item = push_secret(
        secretStoreRefs=[
            {"labelSelector": selector},
            {"kind": "ClusterSecretStore", "labelSelector": selector},
        ],
        selector={"secret": {"selector": {"matchLabels": {"push": "yes"}}}},
        dataTo=[{"storeRef": {"labelSelector": selector}}],
    )
    outcome = rig.pushes.run(item)
    assert {(each.store, each.place) for each in outcome.actions} == {
        ("SecretStore/one", "a"),
        ("SecretStore/one", "b"),
    }
    assert (rig.held("a", "one"), rig.held("b", "one")) == ("1", "2")


def test_two_selected_secrets_never_go_to_one_place(make):
    rig = make()
    rig.put("first", {"push": "yes"}, a="1")
    rig.put("second", {"push": "yes"}, a="2")
    item = push_secret(
        {"x": "a"}, selector={"secret": {"selector": {"matchLabels": {"push": "yes"}}}}
    )
    outcome = rig.pushes.run(item)
    assert outcome.failed
    assert "Secrets first and second both go to x" in outcome.message
    assert rig.held("x") is None


def test_older_of_two_push_secrets_keeps_the_place(rig):
    older = push_secret({"db": "password"}, name="b", created_at=START)
    younger = push_secret(
        {"db": "user"}, name="a", created_at=START + timedelta(seconds=1), deletionPolicy="Delete"
    )
    assert not rig.pushes.run(older).failed
    outcome = rig.pushes.run(younger)
    assert outcome.failed
    assert "is pushed by PushSecret web/b, which is older" in outcome.message
    assert rig.held("db") == CANARY
    status = replace(younger, status=synced(rig.pushes.run(older)).status)
    assert not rig.pushes.withdraw(status).failed
    assert rig.held("db") == CANARY


def test_template_makes_what_is_pushed(rig):
    item = push_secret(
        {"url": "url"}, template={"data": {"url": "pg://{{ .user }}:{{ .password }}@db"}}
    )
    assert rig.pushes.run(item).progress is Progress.APPLIED
    assert rig.held("url") == f"pg://admin:{CANARY}@db"


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ({"data": {"url": "{{ .missing }}"}}, "spec.template.data.url"),
        (
            {"templateFrom": [{"configMap": {"name": "no", "items": [{"key": "k"}]}}]},
            "spec.template.templateFrom",
        ),
    ],
)
def test_template_that_fails_pushes_nothing_and_says_where(rig, template, field):
    outcome = rig.pushes.run(push_secret({"url": "url"}, template=template))
    assert outcome.failed
    assert outcome.field == field
    assert rig.held("url") is None
    assert CANARY not in repr(outcome)


def test_path_may_bring_the_secret(make):
    rig = make(fake_store(), secret_manifest("source", password=CANARY))
    assert not rig.pushes.run(push_secret({"db": "password"})).failed
    assert rig.held("db") == CANARY


def test_plan_compares_and_writes_nothing(make):
    objects = fake_store(), secret_manifest("source", password=CANARY)
    rig = make(*objects, writes=False)
    outcome = rig.pushes.run(push_secret({"db": "password", "given": "password"}))
    assert verbs(outcome) == {"db": "push", "given": "push"}
    assert rig.held("db") is None
    assert rig.held("given") == "theirs"


class Counted:
    """A generator that makes other values each time."""

    def __init__(self):
        self.runs = 0

    def require(self, refs, namespace):
        return None

    def run(self, ref, namespace):
        self.runs += 1
        return {"password": SecretBytes(f"made-{self.runs}".encode())}


def test_generator_runs_once_a_refresh_even_if_the_push_has_to_be_repeated(make, monkeypatch):
    runner = Counted()
    rig = make(fake_store(), runner=runner)
    item = push_secret(
        {"db": "password"}, selector={"generatorRef": {"kind": "Password", "name": "new"}}
    )
    provider = type(rig.provider())
    real = provider.push

    def down(self, each):
        raise Unavailable("down")

    monkeypatch.setattr(provider, "push", down)
    outcome = rig.pushes.run(item)
    assert (outcome.failed, outcome.transient) == (True, True)
    monkeypatch.setattr(provider, "push", real)
    done = synced(rig.pushes.run(item))
    assert (runner.runs, rig.held("db")) == (1, "made-1")
    assert rig.pushes.run(done, due=False).progress is Progress.UNCHANGED
    assert runner.runs == 1
    rig.pushes.run(done)
    assert rig.held("db") == "made-2"


def test_store_that_cannot_be_written_to_is_a_clear_error(make):
    files = {**fake_store("files"), "spec": {"provider": {"directory": {"path": "/nowhere"}}}}
    rig = make(files, secret_manifest("source", password=CANARY))
    outcome = rig.pushes.run(push_secret({"db": "password"}, secretStoreRefs=[{"name": "files"}]))
    assert outcome.message == (
        "could not push: SecretStore web/files: provider directory cannot be written to"
    )


def test_cluster_store_that_does_not_admit_the_namespace_is_refused(make):
    store = fake_store("all", kind="ClusterSecretStore")
    store["spec"]["conditions"] = [{"namespaces": ["elsewhere"]}]
    rig = make(store, secret_manifest("source", password=CANARY))
    named = push_secret(
        {"db": "password"}, secretStoreRefs=[{"name": "all", "kind": "ClusterSecretStore"}]
    )
    outcome = rig.pushes.run(named)
    assert "denied by spec.conditions" in outcome.message
    selected = push_secret(
        {"db": "password"},
        secretStoreRefs=[{"kind": "ClusterSecretStore", "labelSelector": {}}],
    )
    assert "no ClusterSecretStore that may be used" in rig.pushes.run(selected).message


def test_withdrawing_deletes_what_was_pushed_and_nothing_else(rig):
    item = synced(
        rig.pushes.run(push_secret({"db": "password", "a#u": "user"}, deletionPolicy="Delete"))
    )
    rig.pushes.run(push_secret({"a#other": "user"}, name="neighbour"))
    outcome = rig.pushes.withdraw(item)
    assert not outcome.failed
    assert set(verbs(outcome).values()) == {str(PushVerb.DELETE)}
    assert rig.held("db") is None
    assert rig.held("a") == '{"other": "admin"}'
    assert rig.held("given") == "theirs"


def test_labels_of_a_secret_decide_who_pushes_it():
    items = PushItems()
    named = push_secret({"a": "x"}, name="named")
    selecting = push_secret(
        {"a": "x"}, name="labels", selector={"secret": {"selector": {"matchLabels": {"p": "y"}}}}
    )
    for each in (named, selecting):
        items.put(each)
    assert items.pushing(("web", "source"), {}) == {named.ref}
    assert items.pushing(("web", "other"), {"p": "y"}) == {selecting.ref}
    assert items.pushing(("shop", "source"), {"p": "y"}) == set()
    assert items.concerns(("web", "any"))
    items.remove(selecting.ref)
    assert not items.concerns(("web", "any"))
    assert items.concerns(("web", "source"))
