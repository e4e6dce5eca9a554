"""The decoder, on classes made for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from providers.spec import wire
from secretsync.resources.decode import closest, decode, walk_dataclasses
from secretsync.resources.documents import Origin
from secretsync.resources.findings import Findings, field_path
from tests.resources.builders import found


@dataclass(frozen=True, slots=True)
class Inner:
    key: str = field(metadata=wire(required=True))
    size: int | None = field(default=None, metadata=wire(minimum=7, maximum=30))


@dataclass(frozen=True, slots=True)
class Outer:
    first_name: str = "none"
    external_id: str = field(default="", metadata=wire(name="externalID"))
    enabled: bool = True
    ratio: float = 1.0
    every: int | str = 0
    mode: str = field(
        default="Fast",
        metadata=wire(choices=("Fast", "Slow", "Odd"), unsupported_choices=("Odd",)),
    )
    code: str = field(default="", metadata=wire(pattern="[a-z]+", hint="lower case letters"))
    names: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    later: Any = field(default=None, metadata=wire(unsupported="later is not supported yet"))
    old: str = field(default="", metadata=wire(deprecated="old is deprecated: use firstName"))
    raw: Any = None


def run(value: Any) -> tuple[Outer, Findings]:
    findings = Findings(Origin("f", {("spec",): 3, ("spec", "names"): 5}), "Thing a")
    return decode(Outer, value, ("spec",), findings), findings


def test_everything_is_decoded():
    value, findings = run(
        {
            "firstName": "a",
            "externalID": "b",
            "enabled": False,
            "ratio": 2,
            "every": "1h",
            "mode": "Slow",
            "code": "abc",
            "names": ["x", "y"],
            "labels": {"k": "v"},
            "inner": {"key": "k", "size": 7},
            "inners": [{"key": "1"}, {"key": "2", "size": 30}],
            "raw": {"any": [1]},
        }
    )
    assert findings.problems == ()
    assert value == Outer(
        first_name="a",
        external_id="b",
        enabled=False,
        ratio=2,
        every="1h",
        mode="Slow",
        code="abc",
        names=("x", "y"),
        labels=(("k", "v"),),
        inner=Inner("k", 7),
        inners=(Inner("1"), Inner("2", 30)),
        raw={"any": [1]},
    )


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({}, id="absent"),
        pytest.param(dict.fromkeys(("firstName", "mode", "inner", "names", "later")), id="null"),
        pytest.param({"mode": ""}, id="empty-choice"),
        pytest.param({"later": []}, id="empty-unsupported"),
    ],
)
def test_absent_null_and_empty_choice_mean_the_default(value):
    assert run(value)[0] == Outer()
    assert run(value)[1].problems == ()


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"firstName": 1}, "spec.firstName", "expected a string, found an integer"),
        ({"firstName": True}, "spec.firstName", "expected a string, found a boolean"),
        ({"firstName": ["x"]}, "spec.firstName", "expected a string, found a list"),
        ({"enabled": "yes"}, "spec.enabled", "expected a boolean, found a string"),
        ({"every": 1.5}, "spec.every", "expected an integer or a string, found a number"),
        ({"every": True}, "spec.every", "expected an integer or a string, found a boolean"),
        ({"ratio": "1"}, "spec.ratio", "expected a number, found a string"),
        ({"mode": "Medium"}, "spec.mode", "must be one of Fast, Slow, Odd"),
        ({"mode": "Odd"}, "spec.mode", "mode Odd is not supported yet"),
        ({"code": "abc1"}, "spec.code", "the value is not valid"),
        ({"names": "x"}, "spec.names", "expected a list, found a string"),
        ({"names": ["x", None]}, "spec.names[1]", "expected a string, found null"),
        ({"labels": ["x"]}, "spec.labels", "expected an object, found a list"),
        ({"labels": {"a/b": 1}}, 'spec.labels["a/b"]', "expected a string, found an integer"),
        ({"inner": "x"}, "spec.inner", "expected an object, found a string"),
        ({"inner": {}}, "spec.inner.key", "key is required"),
        ({"inner": {"key": ""}}, "spec.inner.key", "key must not be empty"),
        ({"inner": {"key": "k", "size": 6}}, "spec.inner.size", "must be at least 7"),
        ({"inner": {"key": "k", "size": 31}}, "spec.inner.size", "must be at most 30"),
        ({"inners": [{"key": "k"}, 1]}, "spec.inners[1]", "expected an object, found an integer"),
        ({"later": {"x": 1}}, "spec.later", "later is not supported yet"),
        ([], "spec", "expected an object, found a list"),
        (None, "spec", "expected an object, found null"),
    ],
)
def test_fault_is_one_error_at_its_field(value, path, message):
    _, findings = run(value)
    assert found(findings.problems) == [("error", path, message)]
    assert findings.failed


def test_all_faults_are_found_at_once_and_know_their_lines():
    _, findings = run({"firstName": 1, "names": 2, "inner": {"size": "x"}, "inners": [{}]})
    assert [(item.field, item.line) for item in findings.problems] == [
        ("spec.firstName", 3),
        ("spec.names", 5),
        ("spec.inner.key", 3),
        ("spec.inner.size", 3),
        ("spec.inners[0].key", 3),
    ]
    assert {item.object for item in findings.problems} == {"Thing a"}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("firstname", "did you mean firstName?"),
        ("first_name", "did you mean firstName?"),
        ("externalId", "did you mean externalID?"),
        ("zzz", "remove it: it has no effect"),
    ],
)
def test_unknown_field_is_a_warning_with_the_one_that_may_be_meant(name, remedy):
    _, findings = run({name: "x"})
    assert found(findings.problems) == [("warning", f"spec.{name}", f'unknown field "{name}"')]
    assert findings.problems[0].remedy == remedy
    assert not findings.failed


def test_deprecated_field_is_a_warning():
    value, findings = run({"old": "x"})
    assert value.old == "x"
    assert found(findings.problems) == [("warning", "spec.old", "old is deprecated: use firstName")]


def test_wrong_type_never_shows_the_value():
    _, findings = run({"enabled": "hunter2", "names": "hunter2", "mode": "hunter2"})
    assert len(findings.problems) == 3
    assert "hunter2" not in repr(findings.problems)


def test_walk_yields_every_dataclass_with_its_path_in_the_manifest():
    value, _ = run({"inner": {"key": "a"}, "inners": [{"key": "b"}]})
    paths = {field_path(path): item for path, item in walk_dataclasses(value, ("spec",))}
    assert paths == {"spec": value, "spec.inner": Inner("a"), "spec.inners[0]": Inner("b")}


def test_unknown_annotation_is_a_mistake_of_the_programmer():
    @dataclass
    class Odd:
        value: bytes = b""

    with pytest.raises(TypeError, match="does not know the type"):
        decode(Odd, {}, (), Findings(Origin("f")))


def test_closest_ignores_case_and_gives_nothing_for_strangers():
    assert closest("PARAMETERSTORE", ("SecretsManager", "ParameterStore")) == "ParameterStore"
    assert closest("quite else", ("SecretsManager", "ParameterStore")) == ""
