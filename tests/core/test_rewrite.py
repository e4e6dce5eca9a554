"""`rewrite`: keys renamed by expression or template, values merged."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.core.errors import CoreError, KeyCollision, RewriteProblem, TemplateProblem
from secretsync.core.rewrite import rewrite
from secretsync.resources.rewrite_spec import (
    MergeRewrite,
    RegexpRewrite,
    Rewrite,
    TransformRewrite,
)
from tests.core.secret_cases import CANARY

BOTH = {"a": b'{"x":1,"y":"one"}', "b": b'{"y":"two","z":null}'}
EXTRACT = MergeRewrite(conflict_policy="Ignore")


@pytest.mark.parametrize(
    ("values", "rules", "wanted"),
    [
        pytest.param({"a": b"1"}, [], {"a": b"1"}, id="no-rule"),
        pytest.param(
            {"foo": b"1", "bar": b"2"},
            [RegexpRewrite("(.*)", "my_$1")],
            {"my_foo": b"1", "my_bar": b"2"},
            id="regexp",
        ),
        pytest.param(
            {"e2e_find_and_rewrite_a": b"1"},
            [RegexpRewrite("e2e_find_and_rewrite_(.*)", "$1")],
            {"a": b"1"},
            id="regexp-takes-a-prefix-off",
        ),
        pytest.param(
            {"a/b": b"1"},
            [RegexpRewrite("/", "-"), RegexpRewrite("^", "x-")],
            {"x-a-b": b"1"},
            id="one-rule-after-the-other",
        ),
        pytest.param(
            {"my-key": b"1"},
            [TransformRewrite('ENV_{{ .value | upper | replace "-" "_" }}')],
            {"ENV_MY_KEY": b"1"},
            id="transform",
        ),
        pytest.param(
            BOTH, [EXTRACT], {"x": b"1", "y": b"two", "z": b""}, id="merge-the-last-by-name-wins"
        ),
        pytest.param(
            BOTH,
            [MergeRewrite(priority=("a",), conflict_policy="Ignore")],
            {"x": b"1", "y": b"one", "z": b""},
            id="merge-a-priority-key-wins",
        ),
        pytest.param(
            BOTH,
            [MergeRewrite("all", conflict_policy="Ignore", strategy="JSON")],
            {**BOTH, "all": b'{"x":1,"y":"two","z":null}'},
            id="merge-into-a-key-keeps-the-others",
        ),
        pytest.param(
            BOTH,
            [
                MergeRewrite(
                    priority=("no", "a"), priority_policy="IgnoreNotFound", conflict_policy="Ignore"
                )
            ],
            {"x": b"1", "y": b"one", "z": b""},
            id="merge-a-priority-key-may-be-missing",
        ),
        pytest.param(
            {"a": b'{"n":9007199254740993,"o":{"f":1.50,"h":"<"},"t":true}'},
            [MergeRewrite()],
            {"n": b"9007199254740992", "o": rb'{"f":1.5,"h":"\u003c"}', "t": b"true"},
            id="merge-numbers-go-through-float64-as-in-ESO",
        ),
        pytest.param(
            {"a": b'{"h":"<&>"}'},
            [MergeRewrite("all", strategy="JSON")],
            {"a": b'{"h":"<&>"}', "all": b'{"h":"<&>"}'},
            id="merge-into-a-key-escapes-no-html",
        ),
        pytest.param(
            {"a": b"same", "b": b"same"},
            [RegexpRewrite("a|b", "x")],
            {"x": b"same"},
            id="equal-values-may-become-one-key",
        ),
    ],
)
def test_rules_make_the_keys(
    values: dict[str, bytes], rules: list[Rewrite], wanted: dict[str, bytes]
) -> None:
    assert rewrite(values, rules) == wanted


@pytest.mark.parametrize(
    ("values", "rule", "error", "message"),
    [
        pytest.param(
            {"a": CANARY.encode(), "b": b"2"},
            RegexpRewrite(".", "x"),
            KeyCollision,
            "two keys with different values",
            id="collision",
        ),
        pytest.param(BOTH, MergeRewrite(), RewriteProblem, "conflicts: y", id="conflict"),
        pytest.param(
            BOTH,
            MergeRewrite(priority=("no",)),
            RewriteProblem,
            "the priority key no is not there",
            id="priority",
        ),
        pytest.param(
            {"a": CANARY.encode()}, MergeRewrite(), RewriteProblem, "not valid JSON", id="no-json"
        ),
        pytest.param(
            {"a": f'["{CANARY}"]'.encode()},
            MergeRewrite(),
            RewriteProblem,
            "not an object",
            id="no-object",
        ),
        pytest.param(
            {"a": b'{"x":1e999}'}, MergeRewrite(), RewriteProblem, "64 bits", id="huge-number"
        ),
        pytest.param(
            {"a": b"1"},
            TransformRewrite("{{ .nothing }}"),
            TemplateProblem,
            "nothing",
            id="template",
        ),
        pytest.param(
            {"a": b"1"},
            TransformRewrite('{{ repeat 100000000 "x" }}'),
            TemplateProblem,
            "template",
            id="bomb",
        ),
        pytest.param(
            {"a" * 250: b"1"}, RegexpRewrite(".", "$0" * 400), RewriteProblem, "too long", id="long"
        ),
    ],
)
def test_rule_that_does_not_fit_is_an_error_without_a_value(
    values: dict[str, bytes], rule: Rewrite, error: type[CoreError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        rewrite(values, [rule])
    assert CANARY not in f"{caught.value!s}{caught.value.remedy}"


def test_costly_template_costs_that_once_and_not_for_each_key() -> None:
    template = "{{ range until 400 }}{{ end }}{{ .value }}"
    few: Any = {f"k{i}": b"" for i in range(3)}
    assert rewrite(few, [TransformRewrite(template)]) == few
    many: Any = {f"k{i}": b"" for i in range(3000)}
    with pytest.raises(TemplateProblem):
        rewrite(many, [TransformRewrite(template)])
