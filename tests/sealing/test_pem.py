"""Finding a block in a PEM text."""

from __future__ import annotations

import time

import pytest

from sealing.pem import first_block, pem_blocks

A = b"-----BEGIN A-----\nAA==\n-----END A-----"
B = b"-----BEGIN B-----\nBB==\n-----END B-----"


@pytest.mark.parametrize(
    ("text", "labels", "block"),
    [
        pytest.param(A, ["A"], A, id="alone"),
        pytest.param(b"x\n" + B + b"\n" + A + b"\ny", ["A"], A, id="amid others"),
        pytest.param(B + b"\r\n" + A, ["A", "B"], B, id="the first of two labels"),
        pytest.param(A + A, ["A"], A, id="the first of two"),
        pytest.param(B, ["A"], None, id="another label"),
        pytest.param(A[:-1], ["A"], None, id="cut"),
        pytest.param(b"", ["A"], None, id="empty"),
        pytest.param(A[:-3] + b"\n" + B, ["A", "B"], B, id="cut one before another label"),
        pytest.param(b"-----BEGIN A-------END A-----", ["A"], None, id="shared dashes"),
        pytest.param(b"-----BEGIN A----------END A-----", ["A"], ..., id="nothing between"),
    ],
)
def test_first_block_is_found(text, labels, block):
    block = text if block is ... else block
    assert first_block(text, *labels) == (block and block + b"\n")


def test_search_in_a_hostile_text_takes_linear_time():
    """Many begins without an end make a naive pattern start over at each."""
    started = time.process_time()
    assert first_block(b"-----BEGIN A-----\n" * 500_000, "A") is None
    assert len(list(pem_blocks(b"-----BEGIN B-----\n" * 9 + A * 100_000, "A", "B"))) == 100_000
    assert time.process_time() - started < 2


def test_every_block_is_found_in_order():
    text = b"x" + A + b"\n-----BEGIN C-----\n" + B + A
    assert list(pem_blocks(text, "A", "B", "C")) == [block + b"\n" for block in (A, B, A)]
