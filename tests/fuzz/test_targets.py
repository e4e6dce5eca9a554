"""The fuzz targets without a fuzzer: real inputs, altered ones, and what was found."""

from __future__ import annotations

import base64
import random
import zlib

import pytest

from tests.fuzz.findings import FINDINGS
from tests.fuzz.targets import TARGETS

#: Altered inputs a target; some seconds for all of them.
INPUTS = 400

# The library's warning about a serial number that an altered byte has made negative.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")


def altered(seeds, words, rng):
    """One seed with some of its bytes changed, moved, left out or joined by others."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randint(0, len(data)), rng.randint(0, 8)
        other = rng.choice(seeds)
        start = rng.randint(0, len(other))
        data[at : at + rng.choice([0, length])] = rng.choice(
            [rng.randbytes(length), other[start : start + length], rng.choice(words or [b""]), b""]
        )
    return bytes(data)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_parser_keeps_its_properties_on_real_and_altered_inputs(target):
    seeds = target.seeds()
    for seed in seeds:
        target.run(seed)
    rng = random.Random(zlib.crc32(target.name.encode()))  # noqa: S311 - repeatable
    for number in range(INPUTS):
        data = altered(seeds, target.words, rng)
        try:
            target.run(data)
        except Exception:
            print(number, base64.b64encode(data).decode())  # noqa: T201 - what to keep
            raise


@pytest.mark.parametrize(
    ("name", "text"),
    [pytest.param(name, text, id=f"{name}: {said}") for name, text, said in FINDINGS],
)
def test_parser_keeps_its_properties_on_what_fuzzing_found(name, text):
    TARGETS[name].run(base64.b64decode(text))
