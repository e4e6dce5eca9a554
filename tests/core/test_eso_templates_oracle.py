"""Templates of ExternalSecrets against Go: text/template, sprig, and what ESO adds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

import pytest

from secretsync.core.errors import TemplateProblem
from secretsync.core.templates.dialect import Dialect
from secretsync.core.templates.engine import function_names
from secretsync.core.templates.yaml import YamlProblem, string_map
from secretsync.core.templating import render_template
from tests.core.eso_template_cases import DIFFERENT, MAPS, REPRESENTATIVE, TEMPLATES
from tests.core.eso_template_data import data, text_data
from tests.core.template_cases import DIFFERENT as SEALED_DIFFERENT
from tests.core.template_cases import TEMPLATES as SEALED_TEMPLATES
from tests.oracle.eso.grammar import random_template, random_yaml
from tests.oracle.eso.oracle import ask, ask_maps, build
from tests.oracle.eso.oracle import function_names as oracle_names
from tests.oracle.template.oracle import Answer

pytestmark = pytest.mark.built

_RANDOM_TEMPLATES = 1500
_SEED = 20_261_125
_NO_YAML = b"error converting yaml to json"
#: What is Go's language and not a function.
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


def ours(text: str, values: Mapping[str, bytes] | None = None) -> tuple[bytes, str]:
    try:
        return render_template("k", text, values or data()), ""
    except TemplateProblem as exc:
        return b"", str(exc)


def our_map(text: str) -> tuple[bytes, str]:
    rendered, error = ours(text, text_data())
    if error:
        return b"", error
    try:
        found = string_map(rendered.decode(), lambda _steps: None)
    except YamlProblem as exc:
        return b"", str(exc)
    return json.dumps(found, sort_keys=True).encode(), ""


def disagreements(
    texts: Iterable[str], answers: Iterable[Answer], values: Mapping[str, bytes] | None = None
) -> tuple[list[str], int]:
    """Return what differs, and how many templates render."""
    differences, rendered = [], 0
    for text, answer in zip(texts, answers, strict=True):
        output, error = ours(text, values)
        rendered += not answer.error
        if bool(error) != bool(answer.error) or _told(output) != _told(answer.output):
            differences.append(f"{text!r}: ours {output!r} {error}, Go {answer}")
    return differences, rendered


def _told(output: bytes) -> bytes:
    """The output, but for why a text is not YAML: the two say it in their own words."""
    return b"" if _NO_YAML in output.lower() else output


def test_table_renders_as_go_or_fails_as_go(oracle: Path) -> None:
    differences, rendered = disagreements(TEMPLATES, ask(oracle, TEMPLATES, data()))
    assert len({*TEMPLATES, *SEALED_TEMPLATES}) >= 500, "the two tables together"
    assert not differences, "\n".join(differences[:5])
    assert rendered >= 150, "about half of the table should render"


@pytest.mark.parametrize("number", REPRESENTATIVE)
def test_representative_template_renders_as_go(oracle: Path, number: str) -> None:
    text = REPRESENTATIVE[number]
    (answer,) = ask(oracle, [text], data())
    assert not answer.error
    assert ours(text) == (answer.output, "")


def test_templates_of_sealed_secrets_render_as_go_or_fail_as_go(oracle: Path) -> None:
    known = {text for text, _ in SEALED_DIFFERENT}
    texts = [text for text in SEALED_TEMPLATES if text not in known]
    values = text_data()
    differences, _ = disagreements(texts, ask(oracle, texts, values), values)
    assert not differences, "\n".join(differences[:5])


def test_random_templates_render_as_go_or_fail_as_go(oracle: Path) -> None:
    rng = Random(_SEED)  # noqa: S311 - test data that must be the same each time
    texts = [random_template(rng) for _ in range(_RANDOM_TEMPLATES)]
    differences, rendered = disagreements(texts, ask(oracle, texts, data()))
    assert not differences, "\n".join(sorted(differences, key=len)[:5])
    assert rendered > _RANDOM_TEMPLATES / 4


def test_rendered_maps_are_read_as_go_reads_them(oracle: Path) -> None:
    rng = Random(_SEED)  # noqa: S311 - as above
    texts = [*MAPS, *(random_yaml(rng) for _ in range(500))]
    for text, answer in zip(texts, ask_maps(oracle, texts, text_data()), strict=True):
        output, error = our_map(text)
        assert bool(error) == bool(answer.error), (text, error, answer)
        if not error:
            assert json.loads(output) == json.loads(answer.output), text


@pytest.mark.parametrize(("text", "reason"), DIFFERENT)
def test_known_difference_is_still_one(oracle: Path, text: str, reason: str) -> None:
    """A difference that went away belongs into the table of equals."""
    (answer,) = ask(oracle, [text], data())
    output, error = ours(text)
    assert (output, bool(error)) != (answer.output, bool(answer.error)), reason


def test_functions_are_those_of_the_operator(oracle: Path) -> None:
    names = function_names(Dialect.EXTERNAL_SECRETS) - _BUILT_IN
    assert names == oracle_names(oracle) | {"hexdec"}
    assert {"env", "expandenv", "getHostByName"}.isdisjoint(names)
