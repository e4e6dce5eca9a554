"""`result.jsonPath`, by the cases of External Secrets Operator's tests and beyond."""

from __future__ import annotations

import time

import pytest

from providers.webhook.jsonpath import MAX_FOUND, JsonPathError, evaluate

DOCUMENT = {
    "result": {"thesecret": "secret-value", "a.b": 1, "with space": True, "nothing": None},
    "secrets": [
        {"name": "thesecret", "value": "secret-value", "rank": 1},
        {"name": "alsosecret", "value": "another-value", "rank": 2.5},
        {"value": "nameless"},
    ],
    "deep": {"name": "inner", "list": [[1, 2], [3]]},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", DOCUMENT),
        ("$.result.thesecret", "secret-value"),
        ("result.thesecret", "secret-value"),
        ("$['result']['thesecret']", "secret-value"),
        ('$["result"]["a.b"]', 1),
        ("$.result['with space']", True),
        ("$.result.nothing", None),
        ("$.secrets[0].value", "secret-value"),
        ("$.secrets[-1].value", "nameless"),
        ("$.secrets[0:2].name", ["thesecret", "alsosecret"]),
        ("$.secrets[1:].value", ["another-value", "nameless"]),
        ("$.secrets[*].name", ["thesecret", "alsosecret"]),
        ("$.result.*", ["secret-value", 1, True, None]),
        ("$..name", ["thesecret", "alsosecret", "inner"]),
        ("$.secrets..rank", [1, 2.5]),
        ("$..['name','rank']", ["thesecret", 1, "alsosecret", 2.5, "inner"]),
        ('$.secrets[?@.name=="thesecret"].value', ["secret-value"]),
        ('$.secrets[?(@.name == "thesecret")].value', ["secret-value"]),
        ("$.secrets[?(@.name != 'thesecret')].value", ["another-value"]),
        ("$.secrets[?(@.rank > 1)].name", ["alsosecret"]),
        ("$.secrets[?(@.name)].value", ["secret-value", "another-value"]),
        ('$.secrets[?(@.name == "thebadsecret")].value', []),
        ("$.deep.list[0][1]", 2),
        ("$.deep.list[*][0]", [1, 3]),
    ],
)
def test_path_finds(path, expected):
    assert evaluate(path, DOCUMENT) == expected


@pytest.mark.parametrize(
    "path",
    ["$.nothing", "$.result.thesecret.more", "$.secrets[9]", "$.secrets.name", "$['x']"],
)
def test_path_that_names_what_is_missing_is_an_error(path):
    with pytest.raises(JsonPathError, match="does not have"):
        evaluate(path, DOCUMENT)


@pytest.mark.parametrize(
    "path",
    [
        "$.",
        "$[",
        "$['a'",
        "$[a]",
        "$.a b",
        "$...a",
        "$..a..b",
        "$[?(1+1)]",
        "$.a]",
        "$" + ".a" * 999,
    ],
)
def test_path_that_is_not_served_is_an_error(path):
    with pytest.raises(JsonPathError):
        evaluate(path, DOCUMENT)


def test_path_that_doubles_at_every_step_ends():
    value: dict[str, object] = {}
    for _ in range(60):
        value = {"a": value}
    began = time.monotonic()
    with pytest.raises(JsonPathError, match=str(MAX_FOUND)):
        evaluate("$" + "['a','a']" * 60, value)
    assert time.monotonic() - began < 10


def test_filter_of_many_values_is_linear():
    rows = [{"name": str(number)} for number in range(50_000)]
    assert evaluate('$[?(@.name == "49999")].name', rows) == ["49999"]
