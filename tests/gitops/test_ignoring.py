from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from secretsync.gitops.model import ObjectKey
from secretsync.gitops.objects.ignoring import ignored_in, respected, rules_of, without_ignored
from secretsync.gitops.objects.jq_paths import JqFailed, JqPaths
from secretsync.resources.application_spec import IgnoreDifference
from tests.gitops.comparing_kit import deployment


@pytest.fixture(scope="module")
def jq() -> Iterator[JqPaths]:
    paths = JqPaths()
    yield paths
    paths.close()


def rule(**fields: Any) -> IgnoreDifference:
    return IgnoreDifference(**{"kind": "*", "group": "*", **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"group": "apps", "kind": "Deployment"}, True),
        ({"group": "", "kind": "Deployment"}, False),
        ({"group": "*", "kind": "*"}, True),
        ({"group": "ap*", "kind": "Deploy*"}, True),
        ({"group": "apps", "kind": "deployment"}, False),
        ({"name": "web"}, True),
        ({"name": "api"}, False),
        ({"namespace": "shop"}, True),
        ({"namespace": "other"}, False),
    ],
)
def test_a_rule_is_about_the_objects_it_names(fields: dict[str, str], *, expected: bool) -> None:
    key = ObjectKey("apps", "Deployment", "shop", "web")
    assert bool(rules_of([rule(**fields)], key)) is expected


@pytest.mark.parametrize(
    ("pointer", "gone"),
    [
        ("/spec/replicas", ("spec", "replicas")),
        ("/metadata/labels/app", ("metadata", "labels", "app")),
        ("/metadata/annotations/a~1b~0c", ("metadata", "annotations", "a/b~c")),
        ("/spec/template/spec/containers/0/image", None),
        ("/spec/template/spec/containers/9/image", ()),
        ("/spec/absent", ()),
        ("spec/replicas", ()),
        ("", ()),
    ],
)
def test_json_pointers_take_one_field(pointer: str, gone: tuple[str, ...] | None) -> None:
    obj = deployment("web")
    obj["metadata"]["annotations"] = {"a/b~c": "x", "kept": "y"}
    found = ignored_in(obj, [rule(json_pointers=(pointer,))], live=None, jq=None)
    if gone == ():
        assert found.paths == ()
    elif gone is not None:
        assert found.paths == (gone,)
    left = without_ignored(obj, found)
    assert (left == obj) is (gone == ())


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (".spec.replicas", [("spec", "replicas")]),
        (
            '.spec.template.spec.containers[] | select(.name == "web") | .image',
            [("spec", "template", "spec", "containers", 0, "image")],
        ),
        (
            '.spec.template.spec.containers[].env[] | select(.name == "B")',
            [("spec", "template", "spec", "containers", 0, "env", 1)],
        ),
        ('.metadata.labels | with_entries(select(.key == "x"))', "wrong"),
        (".spec.absent[]", []),
        (".metadata.name.x", []),
        (".spec.replicas # a comment", [("spec", "replicas")]),
    ],
)
def test_jq_path_expressions_take_what_they_select(
    jq: JqPaths, expression: str, expected: list[tuple[str | int, ...]] | str
) -> None:
    rules = [rule(jq_path_expressions=(expression,))]
    found = ignored_in(deployment("web"), rules, live=None, jq=jq)
    if expected == "wrong":
        assert found.warnings
        return
    assert list(found.paths) == expected
    assert not found.warnings


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(".a | [", id="syntax"),
        pytest.param("1", id="no-path"),
        pytest.param(".a) | (env", id="closed-and-opened"),
        pytest.param(".a) , ($ENV", id="environment"),
        pytest.param('import "x" as $x; .a', id="import"),
        pytest.param("[range(1e9)]", id="memory-or-time"),
        pytest.param("last(range(1e12)) | .a", id="time"),
        pytest.param("[limit(2e8; repeat(.a))]", id="memory"),
        pytest.param("range(200000) as $i | .[$i | tostring]", id="too-many-paths"),
        pytest.param("def f: f; f", id="endless"),
    ],
)
def test_an_expression_that_cannot_be_used_is_told_and_takes_nothing(
    jq: JqPaths, expression: str
) -> None:
    rules = [rule(jq_path_expressions=(expression,)), rule(json_pointers=("/b",))]
    found = ignored_in({"a": "1", "b": "2"}, rules, live=None, jq=jq)
    assert found.paths == (("b",),)
    assert len(found.warnings) == 1
    # The next one is served by a child that is well.
    assert jq.paths(".a", {"a": 1}) == [("a",)]


def test_an_endless_expression_is_not_tried_again_at_once() -> None:
    jq = JqPaths(timeout_s=0.2)
    try:
        with pytest.raises(JqFailed, match=r"takes more than 0\.2 s"):
            jq.paths("def f: f; f", {})
        assert jq._child is None
        with pytest.raises(JqFailed, match=r"takes more than 0\.2 s"):
            jq.paths("def f: f; f", {})
        assert jq._child is None
    finally:
        jq.close()


def test_the_child_is_told_no_value_of_a_secret() -> None:
    seen: list[object] = []

    class Watching:
        def paths(self, expression: str, obj: object) -> list[Any]:
            del expression
            seen.append(obj)
            return [("data", "a")]

    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": "Y2FuYXJ5", "b": "Y2FuYXJ5"},
    }
    found = ignored_in(secret, [rule(jq_path_expressions=(".data.a",))], live=None, jq=Watching())
    assert "Y2FuYXJ5" not in repr(seen)
    assert without_ignored(secret, found)["data"] == {"b": "Y2FuYXJ5"}


def test_the_child_has_a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "canary")
    jq = JqPaths()
    try:
        expression = "select($ENV.CANARY_TOKEN == null) | .a"
        assert jq.paths(expression, {"a": 1}) == [("a",)]
    finally:
        jq.close()


def test_fields_of_named_managers_do_not_count() -> None:
    live = deployment("web")
    image = {"f:image": {}}
    live["metadata"]["managedFields"] = [
        {
            "manager": "autoscaler",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "fieldsV1": {
                "f:spec": {
                    "f:replicas": {},
                    "f:template": {
                        "f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, **image}}}
                    },
                }
            },
        }
    ]
    rules = [rule(managed_fields_managers=("autoscaler",))]
    found = ignored_in(deployment("web"), rules, live=live, jq=None)
    assert set(found.paths) == {
        ("spec", "replicas"),
        ("spec", "template", "spec", "containers", 0, "image"),
    }


def test_removing_several_items_of_a_list_removes_the_right_ones(jq: JqPaths) -> None:
    obj = {"l": [{"n": index} for index in range(5)]}
    rules = [rule(jq_path_expressions=(".l[] | select(.n == 1 or .n == 3)", ".l[3].n"))]
    found = ignored_in(obj, rules, live=None, jq=jq)
    assert without_ignored(obj, found) == {"l": [{"n": 0}, {"n": 2}, {"n": 4}]}


def test_respected_keeps_what_lives_at_ignored_fields() -> None:
    target, live = deployment("web"), deployment("web", image="example.com/web:live")
    live["spec"]["replicas"] = 7
    live["metadata"]["labels"]["theirs"] = "x"
    del live["metadata"]["labels"]["app"]
    rules = [
        rule(
            json_pointers=(
                "/spec/replicas",
                "/metadata/labels/theirs",
                "/metadata/labels/app",
                "/metadata/name",
            )
        )
    ]
    kept = respected(target, live, rules, jq=None)
    assert kept["spec"]["replicas"] == 7
    assert kept["metadata"] == {"name": "web", "labels": {"theirs": "x"}}
    assert kept["spec"]["template"] == target["spec"]["template"]
    assert target["spec"]["replicas"] == 2
