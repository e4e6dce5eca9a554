"""Expressions and schedules against Go's regexp and the cron that ESO uses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from secretsync.resources.cron import parse_schedule
from secretsync.resources.regexes import RegexError, compile_regex
from tests.oracle.keys.oracle import Question, ask, build

pytestmark = pytest.mark.built

_SEED = 20_261_125
_RANDOM_PATTERNS = 4000
_RANDOM_SCHEDULES = 2000
_PIECES = (
    *("a", "b", "é", ".", "-", "/", "_", "x*", "a+?", "(", ")", "(?:", "(?P<n>", "|", "^", "$"),
    *("[a-c]", "[^a]", "[[:digit:]]", r"\d", r"\w+", r"\b", r"\B", r"\.", r"\p{L}", "{2}"),
    *("(?i)", "(?s)", "(a)", "(.*)", "(b|é)?", "*", "+", "?", "{1,2}", r"\Q.\E", r"\C", r"\1"),
)
_TEMPLATES = (
    *("$1", "${1}_x", "$1_x", "<$0>", "$n", "${n}$", "$$1", "${", "my_$1-$2", "", "é$0", "$01"),
)
_TEXTS = ("", "a", "abc", "aab-é/b_a", "ééb", "a.b.c", "xx1x", "\n", "a\nb", "𝄞a")
_FIELDS = (
    *("*", "0", "*/5", "1-4", "2,7", "1-6/2", "3/2", "?", "*/1", "59", "0-59/7", "60", "x", "5-2"),
    *(
        "mon",
        "MON-FRI",
        "jan",
        "sun,wed",
        "7",
        "31",
        "1-31/10",
        "*/0",
        "-1",
        "",
        "1,,2",
        "feb",
        ",",
    ),
)


@pytest.fixture(scope="module")
def oracle() -> Path:
    return build()


def _random_patterns() -> Sequence[tuple[str, str, str]]:
    rng = Random(_SEED)  # noqa: S311 - test data that must be the same each time
    return [
        (
            "".join(rng.choices(_PIECES, k=rng.randint(1, 6))),
            rng.choice(_TEXTS),
            rng.choice(_TEMPLATES),
        )
        for _ in range(_RANDOM_PATTERNS)
    ]


def test_replacements_are_gos(oracle: Path) -> None:
    asked = [each for each in _random_patterns() if each[0].count("(?P<n>") < 2]
    answers = ask(oracle, [Question("replace", p, t.encode(), r) for p, t, r in asked])
    differences, taken = [], 0
    for (pattern, text, template), answer in zip(asked, answers, strict=True):
        try:
            compiled = compile_regex(pattern)
            ours = (compiled.search(text), compiled.replace_all(text, template).encode())
        except RegexError:
            ours = None
        wanted = None if answer is None else (answer.match, answer.text)
        taken += wanted is not None
        if ours != wanted:
            differences.append(f"{pattern!r} {text!r} {template!r}: {ours}, Go {wanted}")
    assert not differences, "\n".join(sorted(differences, key=len)[:5])
    assert taken > len(asked) / 4


def _random_schedules() -> Sequence[tuple[str, int]]:
    rng = Random(_SEED)  # noqa: S311 - as above
    common = ("@daily", "@hourly", "@weekly", "@monthly", "@yearly", "@every 90s", "@every x")
    schedules: list[tuple[str, int]] = []
    for _ in range(_RANDOM_SCHEDULES):
        text = " ".join(rng.choices(_FIELDS[:9], weights=[6, 2, 2, 1, 1, 1, 1, 1, 1], k=5))
        if rng.random() < 0.4:
            fields = text.split()
            fields[rng.randrange(5)] = rng.choice(_FIELDS)
            text = " ".join(fields)
        if rng.random() < 0.1:
            text = rng.choice(common)
        schedules.append((text, 1_700_000_000 + rng.randrange(200_000_000)))
    return schedules


def test_schedules_fire_when_cron_fires(oracle: Path) -> None:
    asked = _random_schedules()
    answers = ask(oracle, [Question("next", text, at=at) for text, at in asked])
    differences, taken = [], 0
    for (text, at), answer in zip(asked, answers, strict=True):
        schedule = parse_schedule(text)
        if schedule is None or answer is None:
            if (schedule is None) != (answer is None):
                differences.append(f"{text!r}: ours {schedule}, Go {answer}")
            continue
        taken += 1
        moment = datetime.fromtimestamp(at, UTC)
        # Cron gives the first time after a moment, here it is the first from it on.
        late = timedelta() if schedule.every_s else timedelta(seconds=1)
        ours = schedule.first_from(moment + late)
        if (int(ours.timestamp()) if ours else 0) != answer.at:
            differences.append(f"{text!r} at {at}: ours {ours}, Go {answer.at}")
    assert not differences, "\n".join(sorted(differences, key=len)[:5])
    assert taken > len(asked) / 3
