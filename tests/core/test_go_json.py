"""JSON written again as Go writes it: a table, and random documents against Go itself."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from secretsync.core.go_json import marshal, member_text, unmarshal
from tests.oracle.keys.oracle import Question, ask, build

_SEED = 20_261_125
_RANDOM_DOCUMENTS = 2000


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        pytest.param(b'{ "b": 1, "a": [ true , null ] }', b'{"a":[true,null],"b":1}', id="compact"),
        pytest.param(b'{"a": "<b>&\\u2028"}', rb'{"a":"\u003cb\u003e\u0026\u2028"}', id="html"),
        pytest.param(b'{"a": 1.50, "b": 1e3}', b'{"a":1.50,"b":1e3}', id="numbers-as-they-are"),
        pytest.param(b'{"a": 1, "a": 2}', b'{"a":2}', id="the-last-member-counts"),
        pytest.param(b'"\xff\\ud800"', '"\ufffd\ufffd"'.encode(), id="what-is-not-utf-8"),
    ],
)
def test_json_is_written_as_go_writes_it(raw: bytes, wanted: bytes) -> None:
    assert marshal(unmarshal(raw)) == wanted


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b"9007199254740993", b"9007199254740992"),
        (b"1.50", b"1.5"),
        (b"1e3", b"1000"),
        (b"1e21", b"1e+21"),
        (b"1e-7", b"1e-7"),
        (b"-0", b"-0"),
    ],
)
def test_number_that_went_through_float64_loses_what_it_loses_in_go(
    raw: bytes, wanted: bytes
) -> None:
    assert marshal(unmarshal(raw), floats=True) == wanted


@pytest.mark.parametrize("raw", [b"", b"{", b"{]", b"NaN", b"[1,]", b"01", b'{"a":1}x', b"\xff"])
def test_what_is_no_json_is_refused_without_a_word_of_it(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the value is not valid JSON$"):
        unmarshal(raw)


def test_json_nested_too_deep_is_refused() -> None:
    with pytest.raises(ValueError, match=r"nested too deep|not valid"):
        marshal(unmarshal(b"[" * 9000 + b"]" * 9000))


def test_number_beyond_float64_is_refused() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        member_text(unmarshal(b"1e999"), floats=True)
    assert member_text(unmarshal(b"1e999"), floats=False) == b"1e999"


def _random(rng: Random, depth: int = 0) -> Any:
    kind = rng.randrange(8 if depth < 3 else 5)
    if kind == 0:
        return rng.choice([True, False, None])
    if kind in (1, 2):
        return rng.choice([0, -1, 7.25, 1e21, 1e-7, 123456789012345678, 1.5e300, 1e20, -2.5e-9])
    if kind in (3, 4):
        return "".join(rng.choices('ab<>&"\\/é𝄞\n\t\u2028\x7f\x01', k=rng.randrange(6)))
    if kind == 5:
        return [_random(rng, depth + 1) for _ in range(rng.randrange(4))]
    keys = ["".join(rng.choices("ab.é<", k=rng.randrange(1, 4))) for _ in range(rng.randrange(4))]
    return {key: _random(rng, depth + 1) for key in keys}


def _documents() -> list[bytes]:
    rng = Random(_SEED)  # noqa: S311 - test data that must be the same each time
    texts = [
        json.dumps(_random(rng), ensure_ascii=rng.random() < 0.5).encode()
        for _ in range(_RANDOM_DOCUMENTS)
    ]
    objects = [json.dumps({"k": _random(rng), "l": _random(rng)}).encode() for _ in range(500)]
    return [*texts, *objects]


@pytest.fixture(scope="module")
def oracle() -> Path:
    return build()


@pytest.mark.built
@pytest.mark.parametrize("numbers", [True, False])
@pytest.mark.parametrize("html", [True, False])
def test_random_documents_are_written_as_go_writes_them(
    oracle: Path, numbers: bool, html: bool
) -> None:
    texts = _documents()
    asked = [Question("marshal", text=text, numbers=numbers, html=html) for text in texts]
    for text, answer in zip(texts, ask(oracle, asked), strict=True):
        assert answer is not None, text
        assert marshal(unmarshal(text), floats=not numbers, html=html) == answer.text, text


@pytest.mark.built
@pytest.mark.parametrize("numbers", [True, False])
def test_members_of_random_documents_are_gos(oracle: Path, numbers: bool) -> None:
    texts = _documents()
    asked = [Question("members", text=text, numbers=numbers) for text in texts]
    objects = 0
    for text, answer in zip(texts, ask(oracle, asked), strict=True):
        value = unmarshal(text)
        assert isinstance(value, dict) is (answer is not None), text
        if answer is None:
            continue
        objects += 1
        # Go marshals what is nested by its own rules, whatever numbers were.
        ours = {
            key.encode("utf-8", "surrogatepass").decode(): member_text(each, floats=not numbers)
            for key, each in value.items()
        }
        assert ours == answer.items, text
    assert objects > 500
