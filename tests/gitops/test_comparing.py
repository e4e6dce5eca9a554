"""The laws of comparing, in a directory and against a real API server."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.errors import ClusterUnavailable
from secretsync.gitops.diff.comparing import known_from, without_values
from secretsync.gitops.diff.revision_diff import renders_compared
from secretsync.gitops.model import Health, HealthStatus, ObjectKey, SyncStatus
from secretsync.gitops.objects.normalizing import LAST_APPLIED
from secretsync.gitops.objects.placing import placed
from tests.contract.cluster_cases import Arena
from tests.gitops.comparing_kit import (
    FINGERPRINTS,
    Bench,
    application,
    by_name,
    config_map,
    deployment,
    plain_secret,
)
from tests.gitops.comparing_objects import SECRET_KINDS, USUAL_KINDS


@pytest.fixture
def bench(arena: Arena) -> Iterator[Bench]:
    made = Bench(arena.cluster, arena.namespace, application(namespace=arena.namespace))
    yield made
    made.jq.close()


def changes(bench: Bench, *objects) -> dict[str, tuple[object, object]]:
    """Return what differs, over all objects."""
    return {
        change.path: (change.live, change.target)
        for pair in bench.compare(*objects).pairs
        for change in pair.changes
    }


def test_objects_that_are_not_there_are_out_of_sync_and_missing(bench: Bench) -> None:
    found = bench.compare(config_map("a"), deployment("b"))
    assert [pair.status for pair in found.pairs] == [SyncStatus.OUT_OF_SYNC] * 2
    assert found.status is SyncStatus.OUT_OF_SYNC
    assert found.health == Health(HealthStatus.MISSING)
    assert bench.asked == ["get", "get"]


def test_nothing_wished_and_nothing_there_is_synced(bench: Bench) -> None:
    found = bench.compare()
    assert (found.pairs, found.status) == ((), SyncStatus.SYNCED)
    assert found.health.status is HealthStatus.HEALTHY


def test_what_was_applied_is_synced_without_a_dry_run(bench: Bench) -> None:
    objects = (config_map("a", {"x": "1"}), plain_secret("b", password="p"), deployment("c"))
    bench.apply(*objects)
    found = bench.compare(*objects)
    assert found.status is SyncStatus.SYNCED, found
    assert bench.asked == ["get"] * 3


def test_a_fresh_sync_of_the_usual_kinds_is_clean(bench: Bench) -> None:
    bench.apply(*USUAL_KINDS)
    found = bench.compare(*USUAL_KINDS)
    assert [(str(pair.key), pair.changes) for pair in found.pairs if pair.changes] == []
    assert found.status is SyncStatus.SYNCED
    # For none of them the cluster must be asked again.
    assert bench.asked == ["get"] * len(USUAL_KINDS)


def test_a_fresh_sync_of_secrets_in_git_is_clean_in_a_directory(tmp_path: Path) -> None:
    cluster = DirectoryCluster(tmp_path, now=lambda: datetime.now(UTC))
    bench = Bench(cluster, "web", application(namespace="web"))
    bench.apply(*SECRET_KINDS)
    assert bench.compare(*SECRET_KINDS).status is SyncStatus.SYNCED
    assert bench.asked == ["get"] * len(SECRET_KINDS)
    cluster.close()


def test_a_changed_field_is_shown_with_both_values(bench: Bench) -> None:
    bench.apply(deployment("a"))
    changed = deployment("a", image="example.com/web:2")
    path = "spec.template.spec.containers[0].image"
    assert changes(bench, changed) == {path: ("example.com/web:1", "example.com/web:2")}
    assert bench.compare(changed).status is SyncStatus.OUT_OF_SYNC


def test_the_same_question_is_asked_once(bench: Bench) -> None:
    bench.apply(config_map("a", {"x": "1"}))
    wanted = config_map("a", {"x": "2"})
    assert bench.compare(wanted).status is SyncStatus.OUT_OF_SYNC
    assert bench.asked == ["get", "dry-run"]
    again = bench.compare(wanted)
    assert again.pairs[0].changes
    assert bench.asked == ["get"]


def test_a_field_that_left_the_sources_is_a_change(bench: Bench) -> None:
    bench.apply(config_map("a", {"x": "1", "y": "2"}))
    assert changes(bench, config_map("a", {"x": "1"})) == {"data.y": ("2", None)}


def test_a_field_of_somebody_else_is_no_change(bench: Bench) -> None:
    bench.apply(config_map("a", {"x": "1"}))
    where = (KINDS["ConfigMap"], bench.namespace, "a")
    patch = {"data": {"theirs": "9"}, "metadata": {"labels": {"theirs": "9"}}}
    bench.cluster.merge_patch(*where, patch, field_manager="somebody")
    assert bench.compare(config_map("a", {"x": "1"})).status is SyncStatus.SYNCED


def test_a_field_that_somebody_changed_is_drift(bench: Bench) -> None:
    bench.apply(config_map("a", {"x": "1"}))
    where = (KINDS["ConfigMap"], bench.namespace, "a")
    bench.cluster.merge_patch(*where, {"data": {"x": "9"}}, field_manager="somebody")
    assert changes(bench, config_map("a", {"x": "1"})) == {"data.x": ("9", "1")}


def test_a_status_in_the_sources_is_no_change(bench: Bench) -> None:
    bench.apply(deployment("a"))
    wanted = {**deployment("a"), "status": {"replicas": 9}}
    assert bench.compare(wanted).status is SyncStatus.SYNCED


def test_secrets_are_compared_by_key_and_never_shown(bench: Bench) -> None:
    bench.apply(plain_secret("s", same="canary-0", changed="canary-1", gone="canary-2"))
    wanted = plain_secret("s", same="canary-0", changed="canary-3", added="canary-4")
    found = bench.compare(wanted)
    paths = {change.path: change for change in found.pairs[0].changes}
    assert paths.keys() == {"data.changed", "data.gone", "data.added"}
    assert paths["data.gone"].target is None
    assert paths["data.added"].live is None
    assert paths["data.changed"].live != paths["data.changed"].target
    shown = repr([change for pair in found.pairs for change in pair.changes]) + repr(found)
    assert "canary" not in shown
    assert "Y2FuYXJ5" not in shown


def test_what_left_the_sources_requires_pruning(bench: Bench) -> None:
    gone = config_map("gone")
    bench.apply(config_map("a"), gone)
    bench.app = application(namespace=bench.namespace, status=bench.had(config_map("a"), gone))
    found = bench.compare(config_map("a"))
    extra = by_name(found.pairs)["gone"]
    assert extra.requires_pruning
    assert (extra.status, found.status) == (SyncStatus.OUT_OF_SYNC, SyncStatus.OUT_OF_SYNC)


def test_an_object_of_the_inventory_that_is_gone_is_no_pair(bench: Bench) -> None:
    bench.app = application(namespace=bench.namespace, status=bench.had(config_map("gone")))
    assert bench.compare().pairs == ()


@pytest.mark.parametrize(
    "annotations",
    [
        pytest.param({}, id="none"),
        pytest.param({"argocd.argoproj.io/tracking-id": "other:/ConfigMap:NS/gone"}, id="another"),
        pytest.param({"argocd.argoproj.io/tracking-id": "web:/ConfigMap:NS/source"}, id="copied"),
    ],
)
def test_an_extra_object_without_our_tracking_is_never_pruned(
    bench: Bench, annotations: dict[str, str]
) -> None:
    annotations = {key: value.replace("NS", bench.namespace) for key, value in annotations.items()}
    gone = config_map("gone", annotations=annotations, namespace=bench.namespace)
    bench.cluster.create(KINDS["ConfigMap"], gone, field_manager="somebody")
    bench.app = application(namespace=bench.namespace, status=bench.had(gone))
    found = bench.compare()
    assert (found.pairs, found.status) == ((), SyncStatus.SYNCED)


def test_an_extra_object_that_is_extraneous_does_not_count(bench: Bench) -> None:
    options = {"argocd.argoproj.io/compare-options": "IgnoreExtraneous"}
    gone = config_map("gone", annotations=options)
    bench.apply(gone)
    bench.app = application(namespace=bench.namespace, status=bench.had(gone))
    found = bench.compare()
    assert found.status is SyncStatus.SYNCED
    assert found.pairs[0].requires_pruning


def test_an_object_of_another_application_is_told(bench: Bench) -> None:
    bench.apply(config_map("a"))
    other = Bench(bench.cluster, bench.namespace, application("api", namespace=bench.namespace))
    found = other.compare(config_map("a"))
    assert [kind for kind, _ in found.conditions] == ["SharedResourceWarning"]
    assert not found.pairs[0].ours


def test_an_object_twice_in_the_sources_is_told_and_the_last_counts(bench: Bench) -> None:
    found = bench.compare(config_map("a", {"x": "1"}), config_map("a", {"x": "2"}))
    assert [kind for kind, _ in found.conditions] == ["RepeatedResourceWarning"]
    assert found.pairs[0].target["data"] == {"x": "2"}


def test_hooks_do_not_count(bench: Bench) -> None:
    hook = config_map("h", annotations={"argocd.argoproj.io/hook": "PreSync"})
    nameless = config_map("", annotations={"helm.sh/hook": "pre-install"})
    nameless["metadata"] = {**nameless["metadata"], "generateName": "job-"}
    del nameless["metadata"]["name"]
    found = bench.compare(hook, nameless)
    assert found.status is SyncStatus.SYNCED
    assert [pair.hook for pair in found.pairs] == [True, True]


def test_scopes_are_mended(bench: Bench) -> None:
    wide = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"role-{bench.namespace}", "namespace": "wrong"},
        "rules": None,
    }
    found = bench.compare(wide, config_map("a"))
    assert [pair.key.namespace for pair in found.pairs] == ["", bench.namespace]


def test_tracking_is_written_as_argo_cd_writes_it(bench: Bench) -> None:
    wide = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"role-{bench.namespace}"},
        "rules": [],
    }
    pairs = bench.compare(wide, config_map("a"), deployment("b")).pairs
    ids = [
        pair.target["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] for pair in pairs
    ]
    here = bench.namespace
    assert ids == [
        f"web:rbac.authorization.k8s.io/ClusterRole:{here}/role-{here}",
        f"web:/ConfigMap:{here}/a",
        f"web:apps/Deployment:{here}/b",
    ]
    bench.apply(wide)
    (pair,) = bench.compare(wide).pairs
    assert (pair.status, pair.ours) == (SyncStatus.SYNCED, True)


def test_a_custom_resource_beside_its_definition_is_missing_not_unknown(bench: Bench) -> None:
    group = "new.example.com"
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"mice.{group}"},
        "spec": {"group": group, "names": {"kind": "Mouse"}, "scope": "Cluster"},
    }
    mouse = {"apiVersion": f"{group}/v1", "kind": "Mouse", "metadata": {"name": "m"}}
    found = bench.compare(definition, mouse)
    assert [pair.status for pair in found.pairs] == [SyncStatus.OUT_OF_SYNC] * 2
    if bench.cluster.collects_garbage:
        assert found.pairs[1].key.namespace == ""


def test_a_cluster_that_does_not_answer_makes_it_unknown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = config_map("gone")
    bench.apply(config_map("a"), gone)
    bench.app = application(namespace=bench.namespace, status=bench.had(gone))

    def down(*_args: object, **_options: object) -> None:
        raise ClusterUnavailable("it does not answer")

    monkeypatch.setattr(bench.cluster, "get", down)
    found = bench.compare(config_map("a"))
    assert found.status is SyncStatus.UNKNOWN
    assert not any(pair.requires_pruning for pair in found.pairs)
    assert {kind for kind, _ in found.conditions} == {"ComparisonError"}


def test_a_kind_that_cannot_be_resolved_makes_it_unknown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_args: object, **_options: object) -> None:
        raise ClusterUnavailable("it does not answer")

    monkeypatch.setattr(bench.cluster, "resolve", down)
    assert bench.compare(config_map("a")).status is SyncStatus.UNKNOWN


def test_a_target_that_the_cluster_refuses_is_out_of_sync_and_says_why(bench: Bench) -> None:
    bench.apply({**plain_secret("s", a="canary"), "immutable": True})
    wanted = {**plain_secret("s", a="canary-2"), "immutable": True}
    found = bench.compare(wanted)
    assert found.status is SyncStatus.OUT_OF_SYNC
    assert "immutable" in found.pairs[0].message
    assert [change.path for change in found.pairs[0].changes] == ["data.a"]
    assert "canary" not in repr(found)


def test_health_is_the_worst_of_what_lives(bench: Bench) -> None:
    told = {
        "good": Health(HealthStatus.HEALTHY),
        "bad": Health(HealthStatus.DEGRADED, "it broke"),
        "ignored": Health(HealthStatus.UNKNOWN),
    }
    bench.health_of = lambda obj: told.get(obj["metadata"]["name"])
    ignore = {"argocd.argoproj.io/ignore-healthcheck": "true"}
    objects = [config_map("good"), config_map("bad"), config_map("ignored", annotations=ignore)]
    bench.apply(*objects)
    found = bench.compare(*objects, config_map("missing"))
    assert found.health.status is HealthStatus.DEGRADED
    assert "it broke" in found.health.message


def test_known_live_objects_are_not_read_again(bench: Bench) -> None:
    bench.apply(config_map("a", {"x": "1"}))
    live = bench.compare(config_map("a", {"x": "1"})).pairs[0]
    known = {live.key: copy.deepcopy(live.live)}
    found = bench.compare(config_map("a", {"x": "1"}), known=known)
    assert found.status is SyncStatus.SYNCED
    assert bench.asked == []


def test_many_objects_are_asked_for_side_by_side(bench: Bench) -> None:
    object.__setattr__(bench.comparer, "parallel", 4)
    objects = [config_map(f"c{index}", {"x": "1"}) for index in range(12)]
    found = bench.compare(*objects)
    assert [pair.key.name for pair in found.pairs] == [obj["metadata"]["name"] for obj in objects]
    assert bench.asked == ["get"] * 12


def test_ignored_fields_do_not_count_on_either_side(bench: Bench) -> None:
    bench.apply(config_map("a", {"x": "1", "y": "1"}))
    where = (KINDS["ConfigMap"], bench.namespace, "a")
    bench.cluster.merge_patch(*where, {"data": {"x": "9"}}, field_manager="somebody")
    for rule in (
        {"jsonPointers": ["/data/x"]},
        {"jqPathExpressions": [".data.x"]},
        {"managedFieldsManagers": ["somebody"]},
    ):
        ignore = [{"group": "", "kind": "ConfigMap", **rule}]
        bench.app = application(namespace=bench.namespace, ignoreDifferences=ignore)
        assert changes(bench, config_map("a", {"x": "1", "y": "1"})) == {}, rule
        assert changes(bench, config_map("a", {"x": "1", "y": "2"})) == {"data.y": ("1", "2")}


def test_a_rule_that_does_not_work_makes_it_unknown(bench: Bench) -> None:
    bench.apply(config_map("a", {"x": "1"}))
    ignore = [{"group": "", "kind": "ConfigMap", "jqPathExpressions": [".data | ["]}]
    bench.app = application(namespace=bench.namespace, ignoreDifferences=ignore)
    found = bench.compare(config_map("a", {"x": "2"}))
    assert found.status is SyncStatus.UNKNOWN
    assert ".data | [" in found.conditions[0][1]


def test_an_application_inside_itself_counts_for_no_health(bench: Bench) -> None:
    bench.app = application(namespace=bench.namespace)
    own = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": {},
    }
    key = ObjectKey.of(own)
    bench.health_of = lambda _: Health(HealthStatus.DEGRADED)
    found = bench.compare(own, known={key: own})
    assert found.health.status is HealthStatus.MISSING


def test_local_diff_asks_nothing(bench: Bench) -> None:
    options = {"argocd.argoproj.io/compare-options": "ServerSideDiff=false"}
    bench.apply(config_map("a", {"x": "1"}))
    bench.app = application(namespace=bench.namespace, annotations=options)
    assert changes(bench, config_map("a", {"x": "2"})) == {"data.x": ("1", "2")}
    assert bench.asked == ["get"]


def test_only_what_changed_is_read_again_and_secrets_always(bench: Bench) -> None:
    objects = (config_map("a", {"x": "1"}), config_map("b", {"x": "1"}), plain_secret("s", k="v"))
    bench.apply(*objects)
    earlier = bench.compare(*objects)
    changed = {by_name(earlier.pairs)["a"].key}
    found = bench.compare(*objects, known=known_from(earlier, changed))
    assert found.status is SyncStatus.SYNCED
    assert bench.asked == ["get", "get"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"team": "shop"}, SyncStatus.SYNCED),
        ({"team": "other"}, SyncStatus.OUT_OF_SYNC),
        ({"more": "x"}, SyncStatus.OUT_OF_SYNC),
    ],
)
def test_metadata_of_a_managed_namespace_counts(
    bench: Bench, labels: dict[str, str], expected: SyncStatus
) -> None:
    patch = {"metadata": {"labels": {"team": "shop"}}}
    where = (KINDS["Namespace"], "", bench.namespace)
    bench.cluster.merge_patch(*where, patch, field_manager="creator")
    policy = {
        "syncOptions": ["CreateNamespace=true"],
        "managedNamespaceMetadata": {"labels": labels},
    }
    bench.app = application(namespace=bench.namespace, syncPolicy=policy)
    found = bench.compare()
    assert (found.status, found.pairs) == (expected, ())
    assert found.namespace_differs is (expected is SyncStatus.OUT_OF_SYNC)


@pytest.mark.parametrize(
    ("obj", "says"),
    [
        ({"kind": "ConfigMap", "metadata": {"name": "a"}}, "apiVersion is missing"),
        ({"apiVersion": "v1", "metadata": {"name": "a"}}, "kind is missing"),
        ({"apiVersion": "v1", "kind": "ConfigMap"}, "metadata is missing"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}, "metadata.name is missing"),
        (config_map("a", namespace=5), "metadata.namespace is no text"),
        (config_map("a", annotations=["x"]), "metadata.annotations is no map"),
        (config_map("a", labels={"on": True}), "the value of on is no text"),
        ({**config_map("a"), "apiVersion": "a/b/c"}, "no apiVersion"),
        (config_map("", generateName="a-"), "generateName is for hooks"),
    ],
)
def test_what_is_no_object_makes_it_unknown_and_is_named(
    bench: Bench, obj: dict[str, object], says: str
) -> None:
    bench.apply(config_map("good"))
    found = bench.compare(config_map("good"), obj)
    assert found.status is SyncStatus.UNKNOWN
    ((kind, message),) = found.conditions
    assert (kind, says in message) == ("ComparisonError", True), message


def test_a_value_looks_the_same_in_a_comparison_and_between_revisions(bench: Bench) -> None:
    bench.apply(plain_secret("s", a="1"))
    (pair,) = bench.compare(plain_secret("s", a="2")).pairs
    where = {"namespace": bench.namespace, "resolve": bench.cluster.resolve}
    before, after = (placed([plain_secret("s", a=value)], **where) for value in "12")
    (other,) = renders_compared(before, after, FINGERPRINTS)
    assert (other.key, other.changes) == (pair.key, pair.changes)


def test_what_is_kept_of_a_comparison_holds_no_values(bench: Bench) -> None:
    bench.apply(plain_secret("s", a="1"), config_map("a", {"x": "1"}))
    found = bench.compare(plain_secret("s", a="2"), config_map("a", {"x": "2"}))
    kept = without_values(found)
    secret, other = kept.pairs
    assert "data" not in {**secret.live, **secret.target}
    copied = {"annotations": {LAST_APPLIED: "{}", "kept": "x"}}
    live = {**secret.live, "metadata": copied}
    again = without_values(replace(found, pairs=(replace(secret, live=live),)))
    assert again.pairs[0].live["metadata"]["annotations"] == {"kept": "x"}
    assert (secret.changes, secret.status) == (found.pairs[0].changes, SyncStatus.OUT_OF_SYNC)
    assert other == found.pairs[1]
