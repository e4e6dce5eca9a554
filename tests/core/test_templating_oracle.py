"""Templates against Go: text/template and sprig v3, as Sealed Secrets runs them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from sealing import TemplateFailed
from secretsync.core.templates.dialect import Dialect
from secretsync.core.templates.engine import function_names
from secretsync.core.templating import render_sealed_template
from tests.core.template_cases import DATA, DIFFERENT, SAME_ERRORS, TEMPLATES
from tests.oracle.template import oracle as template_oracle
from tests.oracle.template.grammar import random_template
from tests.oracle.template.oracle import Question, ask, build

pytestmark = pytest.mark.built

_RANDOM_TEMPLATES = 2000
_SEED = 20_261_125
#: What is Go's language and not a function of sprig's.
_BUILT_IN = frozenset(
    {"eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not"}
    | {"print", "printf", "println", "urlquery"}
)


@pytest.fixture(scope="module")
def oracle() -> Path:
    return build()


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dates are printed in the local zone, on both sides."""
    monkeypatch.setenv("TZ", "UTC")


def ours(text: str) -> tuple[bytes, str]:
    try:
        return render_sealed_template("k", text, DATA), ""
    except TemplateFailed as exc:
        return b"", str(exc)


def disagreements(oracle: Path, texts: Iterable[str]) -> tuple[list[str], int]:
    """Return what differs, and how many templates render."""
    asked = list(texts)
    answers = ask(oracle, [Question(text, DATA) for text in asked])
    differences, rendered = [], 0
    for text, answer in zip(asked, answers, strict=True):
        output, error = ours(text)
        rendered += not answer.error
        if bool(error) != bool(answer.error) or output != answer.output:
            differences.append(f"{text!r}: ours {output!r} {error}, Go {answer}")
    return differences, rendered


def test_table_renders_as_go_or_fails_as_go(oracle: Path) -> None:
    differences, rendered = disagreements(oracle, TEMPLATES)
    assert len(TEMPLATES) >= 200
    assert not differences
    assert rendered >= 140, "most of the table should render"


def test_random_templates_render_as_go_or_fail_as_go(oracle: Path) -> None:
    rng = Random(_SEED)  # noqa: S311 - test data that must be the same each time
    texts = [random_template(rng) for _ in range(_RANDOM_TEMPLATES)]
    differences, rendered = disagreements(oracle, texts)
    assert not differences, "\n".join(sorted(differences, key=len)[:5])
    assert rendered > _RANDOM_TEMPLATES / 2


@pytest.mark.parametrize("text", SAME_ERRORS)
def test_error_has_go_s_own_words(oracle: Path, text: str) -> None:
    (answer,) = ask(oracle, [Question(text, DATA)])
    assert answer.error
    assert ours(text)[1] == answer.error


@pytest.mark.parametrize(("text", "reason"), DIFFERENT)
def test_known_difference_is_still_one(oracle: Path, text: str, reason: str) -> None:
    """A difference that went away belongs into the table of equals."""
    (answer,) = ask(oracle, [Question(text, DATA)])
    output, error = ours(text)
    assert (output, bool(error)) != (answer.output, bool(answer.error)), reason


def test_functions_are_those_that_sealed_secrets_gives(oracle: Path) -> None:
    names = template_oracle.function_names(oracle)
    assert function_names(Dialect.SEALED_SECRETS) - _BUILT_IN == names
    assert {"env", "expandenv", "getHostByName"}.isdisjoint(names)
