"""`core` against Go: gjson for paths, Go's own packages for the rest."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from secretsync.core import hashes, json_strict, property_path, values
from tests.core.gjson_cases import DOCUMENTS, PAIRS
from tests.oracle.gjson.grammar import random_document, random_path, walking_path
from tests.oracle.gjson.oracle import Question, ask, build

pytestmark = pytest.mark.built

_RANDOM_PAIRS = 6000
_SEED = 20_240_607


def _random() -> Random:
    return Random(_SEED)  # noqa: S311  # test data that must be the same each time


@pytest.fixture(scope="module")
def oracle() -> Path:
    return build()


def _disagreements(oracle: Path, pairs: Iterable[tuple[str, str]]) -> tuple[list[str], int]:
    """Return what differs, and how many pairs select something."""
    asked = [(document.encode(), path) for document, path in pairs]
    answers = ask(oracle, [Question("get", doc, path.encode()) for doc, path in asked])
    differences, selected = [], 0
    for (document, path), answer in zip(asked, answers, strict=True):
        match = property_path.get(document, path)
        ours = None if match is None else (match.raw, match.text())
        theirs = None if answer is None else (answer.raw, answer.text)
        selected += theirs is not None
        if ours != theirs:
            differences.append(f"{document!r} {path!r}: ours {ours!r}, gjson {theirs!r}")
    return differences, selected


def test_get_over_table_agrees_with_gjson(oracle: Path) -> None:
    differences, selected = _disagreements(
        oracle, [(DOCUMENTS[name], path) for name, path in PAIRS]
    )
    assert len(PAIRS) >= 150
    assert not differences
    assert selected > len(PAIRS) / 2, "most of the table should select something"


def test_get_over_random_paths_agrees_with_gjson(oracle: Path) -> None:
    rng = _random()
    pairs = []
    for _ in range(_RANDOM_PAIRS):
        document = random_document(rng)
        walks = rng.random() < 0.5
        pairs.append((document, walking_path(rng, document) if walks else random_path(rng)))
    differences, selected = _disagreements(oracle, pairs)
    assert not differences
    assert selected > _RANDOM_PAIRS / 5, "too few random paths select something"


_MALFORMED = [
    *(
        b"",
        b" ",
        b"{",
        b"[",
        b"{}x",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
    ),
    *(
        b'{"a":1.}',
        b'{"a":NaN}',
        b'{"a":tru}',
        b'{"a":"\n"}',
        b'{"a":"\\x"}',
        b'{"a":"\\u12"}',
        b'{"a"}',
    ),
    *(
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":[1,]}',
        b'{"a":{]}',
        b'{"a":1]',
        b"[1]",
        b'"a"',
        b"1",
        b'{"a":-}',
    ),
    *(
        b'{"a":1e}',
        b'{"a":"\\ud83d\\u0041"}',
        b'{"a":"\xff\xe2\x82"}',
        b'{"\xff":"\\ud800"}',
        b'{"a":1 2}',
    ),
    *(
        b'{"a":"x","a":"y"}',
        b'{"\\u0061":1,"a":2}',
        b"\x0c{}",
        b"{} \r\n\t",
        b'{"a":"\x7f\\/\\b\\f"}',
    ),
    b'{"a":' + b"[" * 9999 + b"]" * 9999 + b"}",
    b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
]


def _extracted(raw: bytes) -> dict[str, bytes] | None:
    try:
        return property_path.extract_map(raw)
    except values.UnmarshalError:
        return None


def test_extract_map_agrees_with_encoding_json(oracle: Path) -> None:
    rng = _random()
    documents = [random_document(rng).encode() for _ in range(1000)]
    documents += [_damaged(rng, document) for document in documents]
    documents = [doc for doc in documents + _MALFORMED if doc.strip() != b"null"]
    answers = ask(oracle, [Question("extract", document) for document in documents])
    for document, answer in zip(documents, answers, strict=True):
        assert _extracted(document) == (None if answer is None else answer.items), document
    assert 100 < sum(answer is not None for answer in answers) < len(answers) - 100


def _damaged(rng: Random, document: bytes) -> bytes:
    at = rng.randrange(len(document) + 1)
    return (
        document[:at] + rng.choice((b"", b"x", b'"', b"]", b"}", b",", b"\\")) + document[at + 1 :]
    )


def test_valid_agrees_with_gjson(oracle: Path) -> None:
    rng = _random()
    documents = [_damaged(rng, random_document(rng).encode()) for _ in range(1000)]
    documents += [doc for doc in _MALFORMED if len(doc) < json_strict.MAX_NESTING]
    answers = ask(oracle, [Question("get", document, b"@valid") for document in documents])
    for document, answer in zip(documents, answers, strict=True):
        assert json_strict.valid(document) == (answer is not None), document


_BASE64_PIECES = (
    *(b"QUJD", b"QQ==", b"QUI=", b"-_-_", b"+/+/", b"QR==", b"=", b"\r\n"),
    b" ",
    b"A",
    b"\xff",
)


@pytest.mark.parametrize(("op", "strategy"), [("base64", "Base64"), ("base64url", "Base64URL")])
def test_decode_agrees_with_encoding_base64(oracle: Path, op: str, strategy: str) -> None:
    rng = _random()
    texts = [
        b"".join(rng.choice(_BASE64_PIECES) for _ in range(rng.randrange(5))) for _ in range(3000)
    ]
    answers = ask(oracle, [Question(op, text) for text in texts])
    for text, answer in zip(texts, answers, strict=True):
        try:
            ours = values.decode(text, strategy)
        except values.UndecodableValue:
            ours = None
        assert ours == (None if answer is None else answer.text), text


def test_data_hash_agrees_with_go(oracle: Path) -> None:
    rng = _random()
    cases = [
        {
            rng.choice("abcdé-._Z") * rng.randrange(1, 4): rng.randbytes(rng.randrange(40))
            for _ in range(n % 6)
        }
        for n in range(60)
    ]
    encoded = [{k: base64.b64encode(v).decode() for k, v in case.items()} for case in cases]
    answers = ask(oracle, [Question("data-hash", json.dumps(case).encode()) for case in encoded])
    ours = [hashes.data_hash(case) for case in cases]
    assert ours == [answer.text.decode() for answer in answers if answer]


def test_metadata_hash_agrees_with_go(oracle: Path) -> None:
    cases: list[dict[str, dict[str, str]]] = [
        {"labels": {}, "annotations": {}},
        {"labels": {"a": "b"}, "annotations": {}},
        {"labels": {"b": "2", "a": "1"}, "annotations": {"force-sync": "17", "é": "x y [z]"}},
        {
            "labels": {"a": "", "B": "1"},
            "annotations": {"x": "map[]", "\U0001f511": "k", "\uffff": "v"},
        },
    ]
    answers = ask(oracle, [Question("metadata-hash", json.dumps(case).encode()) for case in cases])
    ours = [hashes.metadata_hash(case["labels"], case["annotations"]) for case in cases]
    assert ours == [answer.text.decode() for answer in answers if answer]
