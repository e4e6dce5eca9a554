"""What an ExternalSecret reads, and the data that becomes of it."""

from __future__ import annotations

import base64
import traceback
from typing import Any

import pytest

from providers.base import AccessDenied, ProviderError, SecretNotFound
from secretsync.core.errors import CoreError
from secretsync.core.materialize import (
    Materialized,
    Missing,
    SourceError,
    materialize,
    sources,
    version_key,
)
from secretsync.resources.external_secret import ExternalSecret, StoreRef
from tests.core.secret_cases import CANARY, STORE, answer, external_secret, item, source

OTHER = StoreRef("other", "ClusterSecretStore")
DIALECTS = {STORE: "aws", OTHER: "aws"}


def _extract(key: str, **remote: str) -> dict[str, Any]:
    return {"extract": {"key": key, **remote}}


def _made(parent: ExternalSecret, answers: dict[str, Any]) -> Materialized:
    values = {source(key): value for key, value in answers.items()}
    return materialize(parent, values, dialects=DIALECTS)


def _values(made: Materialized) -> dict[str, bytes]:
    return {key: value.reveal() for key, value in made.data.items()}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            {"data": [item("a", "db", property="x"), item("b", "db", property="y")]},
            [source("db")],
            id="properties-of-one-key",
        ),
        pytest.param(
            {"data": [item("a", "db")], "dataFrom": [_extract("db")]},
            [source("db")],
            id="data-and-extract",
        ),
        pytest.param(
            {"data": [item("a", "db"), item("b", "db", version="uuid/1")]},
            [source("db"), source("db", "uuid/1")],
            id="versions-differ",
        ),
        pytest.param(
            {
                "data": [
                    item("a", "db"),
                    {
                        **item("b", "db"),
                        "sourceRef": {"storeRef": {"name": OTHER.name, "kind": OTHER.kind}},
                    },
                ]
            },
            [source("db"), source("db", store=OTHER)],
            id="stores-differ",
        ),
        pytest.param(
            {"data": [item("a", "one")], "dataFrom": [_extract("two"), _extract("three")]},
            [source("two"), source("three"), source("one")],
            id="dataFrom-first",
        ),
    ],
)
def test_sources_are_each_named_once(spec: dict[str, Any], expected: list[Any]) -> None:
    assert list(sources(external_secret({"data": None, **spec}))) == expected


@pytest.mark.parametrize(
    ("spec", "answers", "expected"),
    [
        pytest.param(
            {"data": None, "dataFrom": [_extract("one"), _extract("two")]},
            {"one": '{"a":"1","b":"1"}', "two": '{"b":"2"}'},
            {"a": b"1", "b": b"2"},
            id="later-extract-wins",
        ),
        pytest.param(
            {"data": [item("a", "two")], "dataFrom": [_extract("one")]},
            {"one": '{"a":"1","b":"1"}', "two": "2"},
            {"a": b"2", "b": b"1"},
            id="data-wins-over-dataFrom",
        ),
        pytest.param(
            {"data": [item("a", "one", property="x.y"), item("b", "one", property="n")]},
            {"one": '{"x":{"y":"deep"},"n":7}'},
            {"a": b"deep", "b": b"7"},
            id="property",
        ),
        pytest.param(
            {"data": [item("a", "one", property="x.y")]},
            {"one": '{"x":{"y":"path"},"x.y":"literal"}'},
            {"a": b"literal"},
            id="literal-dotted-key-first",
        ),
        pytest.param(
            {"data": None, "dataFrom": [_extract("one", property="inner")]},
            {"one": '{"inner":{"a":"1"},"b":"2"}'},
            {"a": b"1"},
            id="extract-of-a-property",
        ),
        pytest.param(
            {"data": [item("a", "one", decodingStrategy="Base64")]},
            {"one": base64.b64encode(b"\x00raw").decode()},
            {"a": b"\x00raw"},
            id="decoding-of-data",
        ),
        pytest.param(
            {"data": None, "dataFrom": [_extract("one", decodingStrategy="Auto")]},
            {"one": '{"a":"aGk=","b":"not base64!"}'},
            {"a": b"hi", "b": b"not base64!"},
            id="decoding-of-extract",
        ),
        pytest.param(
            {"data": None, "dataFrom": [_extract("one")]},
            {"one": '{"a/b":"1"}'},
            {"a_b": b"1"},
            id="keys-converted-by-default",
        ),
        pytest.param(
            {"data": None, "dataFrom": [_extract("one", conversionStrategy="Unicode")]},
            {"one": '{"a/b":"1"}'},
            {"a_U002f_b": b"1"},
            id="keys-converted-as-unicode",
        ),
        pytest.param(
            {"data": [item("a", "one")]}, {"one": "x\0y"}, {"a": b"x\0y"}, id="null-byte-ignored"
        ),
    ],
)
def test_materialize_makes_the_data(
    spec: dict[str, Any], answers: dict[str, str], expected: dict[str, bytes]
) -> None:
    made = _made(external_secret(spec), {key: answer(value) for key, value in answers.items()})
    assert _values(made) == expected
    assert made.missing == ()


def test_versions_are_recorded_per_source() -> None:
    parent = external_secret(
        {"data": [item("a", "one"), item("b", "one", version="uuid/7"), item("c", "two")]}
    )
    values = {
        source("one"): answer("1", "v-1"),
        source("one", "uuid/7"): answer("1", "v-7"),
        source("two"): answer("2", "v-2"),
    }
    assert materialize(parent, values, dialects=DIALECTS).versions == {
        "SecretStore/aws:one": "v-1",
        "SecretStore/aws:one@uuid/7": "v-7",
        "SecretStore/aws:two": "v-2",
    }
    assert version_key(source("two", store=OTHER)) == "ClusterSecretStore/other:two"


@pytest.mark.parametrize(
    ("policy", "definite"),
    [
        pytest.param("Delete", True, id="delete-definite"),
        pytest.param("Delete", False, id="delete-uncertain"),
        pytest.param("Merge", True, id="merge-definite"),
        pytest.param("Merge", False, id="merge-uncertain"),
    ],
)
def test_absence_is_reported_where_the_policy_tolerates_it(policy: str, definite: bool) -> None:
    parent = external_secret(
        {
            "data": [item("a", "here"), item("b", "gone")],
            "target": {"deletionPolicy": policy},
        }
    )
    gone = SecretNotFound("no", definite=definite)
    made = _made(parent, {"here": answer("1"), "gone": gone})
    assert _values(made) == {"a": b"1"}
    assert made.missing == (Missing("spec.data[1].remoteRef", "gone", definite),)
    assert made.versions == {"SecretStore/aws:here": "v1"}


@pytest.mark.parametrize("policy", ["Retain", "Delete", "Merge"])
def test_an_error_is_no_absence_whatever_the_policy(policy: str) -> None:
    parent = external_secret(
        {"data": [item("a", "here"), item("b", "bad")], "target": {"deletionPolicy": policy}}
    )
    denied = AccessDenied("denied", remedy="grant it")
    with pytest.raises(SourceError, match=r"spec.data\[1\].remoteRef: denied") as caught:
        _made(parent, {"here": answer("1"), "bad": denied})
    assert caught.value.field == "spec.data[1].remoteRef"
    assert caught.value.cause is caught.value.__cause__ is denied
    assert caught.value.remedy == "grant it"


def test_absence_under_retain_is_an_error() -> None:
    with pytest.raises(SourceError, match=r"^spec.data\[0\].remoteRef: no$"):
        _made(external_secret(), {"db": SecretNotFound("no", definite=True)})


@pytest.mark.parametrize(
    ("spec", "value", "field"),
    [
        pytest.param(
            {"data": [item("a", "db", property="nope")]},
            f'{{"p":"{CANARY}"}}',
            "spec.data[0].remoteRef",
            id="property-missing",
        ),
        pytest.param(
            {"data": [item("a", "db", decodingStrategy="Base64")]},
            f"{CANARY}!",
            "spec.data[0].remoteRef",
            id="not-base64",
        ),
        pytest.param(
            {"data": [item("a", "db", nullBytePolicy="Fail")]},
            f"{CANARY}\0",
            "spec.data[0].remoteRef",
            id="null-byte",
        ),
        pytest.param(
            {"data": None, "dataFrom": [_extract("db")]},
            f'["{CANARY}"]',
            "spec.dataFrom[0].extract",
            id="not-an-object",
        ),
        pytest.param(
            {"data": None, "dataFrom": [_extract("db")]},
            f'{{"p":"{CANARY}',
            "spec.dataFrom[0].extract",
            id="cut-json",
        ),
        pytest.param(
            {"data": None, "dataFrom": [_extract("db", nullBytePolicy="Fail")]},
            f'{{"p":"{CANARY}\\u0000"}}',
            "spec.dataFrom[0].extract",
            id="null-byte-in-extract",
        ),
        pytest.param(
            {"data": None, "dataFrom": [_extract("db")]},
            f'{{"a/b":"{CANARY}","a_b":"2"}}',
            "spec.dataFrom[0].extract",
            id="keys-collide",
        ),
        pytest.param(
            {"data": None, "dataFrom": [_extract("db")]},
            f'{{"schlüssel":"{CANARY}"}}',
            "spec.dataFrom[0].extract",
            id="key-kubernetes-refuses",
        ),
    ],
)
def test_a_value_that_does_not_fit_names_the_field_and_shows_nothing(
    spec: dict[str, Any], value: str, field: str
) -> None:
    with pytest.raises(SourceError) as caught:
        _made(external_secret(spec), {"db": answer(value)})
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
    assert isinstance(caught.value.cause, CoreError)
    assert not isinstance(caught.value.cause, ProviderError)
    shown = (
        f"{caught.value!r}{caught.value.remedy}{''.join(traceback.format_exception(caught.value))}"
    )
    assert CANARY not in shown


def test_no_repr_shows_a_value() -> None:
    made = _made(external_secret(), {"db": answer(CANARY)})
    assert CANARY in made.data["password"].reveal().decode()
    assert CANARY not in repr(made)
    assert CANARY not in f"{made}"
