"""One bad template stops at its limits, whatever it does, and stops nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from secretsync.core.errors import TemplateProblem
from secretsync.core.templates.limits import Budget, Limits, TemplateLimit, weigh
from secretsync.core.templating import Engine
from tests.core.template_bombs import BOMBS, ESO_BOMBS

#: Each takes less, whatever else the machine does: it is time of the CPU.
CPU_S = 1.0
#: It makes one RSA-4096 key, as any template may; finding primes takes what it takes.
UNTIMED = frozenset({"RSA keys"})
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def outcomes():
    """What became of each bomb, in a process that the kernel holds to 50 MiB more."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.template_bombs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.e2e
@pytest.mark.parametrize("name", [*BOMBS, *(f"ESO: {name}" for name in ESO_BOMBS)])
def test_bomb_is_refused_within_memory_and_time(outcomes, name):
    outcome, cpu_s = outcomes[name]
    assert outcome.startswith("failed: template: k"), outcome
    assert name in UNTIMED or cpu_s < CPU_S


def small(**limits):
    return Engine(Limits(**limits))


@pytest.mark.parametrize(
    ("limits", "text", "said"),
    [
        pytest.param({"steps": 2000}, "{{ range 1000 }}{{ end }}", "too many steps", id="turns"),
        pytest.param({"steps": 2000}, "{{ $x := add 1 2 }}" * 60, "too many steps", id="calls"),
        pytest.param(
            {"output_bytes": 10}, "{{ .foo }}{{ .foo }}", "more than 10 bytes", id="output"
        ),
        pytest.param(
            {"output_bytes": 10}, "{{ .wide }}", "more than 10 bytes", id="output in bytes"
        ),
        pytest.param({"value_bytes": 500}, '{{ repeat 600 "x" }}', "too large", id="one value"),
        pytest.param(
            {"memory_bytes": 2000}, '{{ $x := repeat 900 "x" }}' * 3, "too much memory", id="memory"
        ),
        pytest.param({"slow_chars": 5}, "{{ upper .foo }}", "longer than 5", id="slow functions"),
        pytest.param({"crypto": 1}, "{{ $c := genCA `x` 1 }}" * 2, "too many keys", id="keys"),
        pytest.param(
            {"template_depth": 3},
            '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
            "too deeply",
            id="templates",
        ),
        pytest.param(
            {"data_depth": 2}, "{{ list (list (list 1)) }}", "more than 2 levels", id="data"
        ),
        pytest.param({"source_bytes": 20}, "{{ .foo }}" + "x" * 20, "size limit", id="source"),
        pytest.param({"tokens": 10}, "{{ print 1 2 3 4 5 6 }}", "token limit", id="tokens"),
        pytest.param({"nesting": 3}, "{{ ((((1)))) }}", "nesting limit", id="nesting"),
    ],
)
def test_each_limit_holds_and_says_its_name(limits, text, said):
    values = {"foo": b"barbar", "wide": "ééééééé".encode()}
    with pytest.raises(TemplateProblem, match=said):
        small(**limits).render("k", text, values)


def test_good_template_renders_after_a_bad_one():
    engine = small(steps=2000)
    with pytest.raises(TemplateProblem):
        engine.render("k", "{{ range 1000 }}{{ end }}", {})
    assert engine.render("k", "{{ .foo }}", {"foo": b"bar"}) == b"bar"


def test_costs_do_not_depend_on_the_machine():
    """The same template takes the same number of steps, so it passes everywhere or nowhere."""
    text, values = "{{ range $k, $v := . }}{{ $v | quote }}{{ end }}", {"a": b"x" * 100}

    def passes(steps):
        try:
            small(steps=steps).render("k", text, values)
        except TemplateProblem:
            return False
        return True

    needed = next(steps for steps in range(10, 5000) if passes(steps))
    assert all(passes(steps) for steps in (needed, needed + 1, 10 * needed))
    assert not passes(needed - 1)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{{ .big | b64enc | b64dec | sha256sum }}", id="a large value"),
        pytest.param("{{ .big | quote | len }}{{ .big | indent 4 | len }}", id="large text"),
        pytest.param("{{ range $k, $v := . }}{{ $k }}: {{ len $v }}\n{{ end }}", id="all values"),
        pytest.param("{{ range until 1000 }}{{ . }},{{ end }}", id="a thousand turns"),
        pytest.param("{{ .json | fromJson | toPrettyJson }}", id="JSON of 100 kB"),
        pytest.param("k: {{ .foo }}\n" * 2000, id="a long file"),
        pytest.param('{{ regexReplaceAll "[0-9]+" .lines "#" }}', id="pattern over 10 kB"),
        pytest.param(
            '{{ regexReplaceAll "(\\\\w+) ([0-9]+)" .lines "${2}: $1" | len }}',
            id="groups over 10 kB",
        ),
        pytest.param('{{ regexSplit "\\n" .lines -1 | len }}', id="lines of 10 kB"),
        pytest.param(
            '{{ regexMatch "^([0-9]{1,3}\\\\.){3}[0-9]{1,3}$" "127.0.0.1" }}', id="an address"
        ),
        pytest.param('{{ regexMatch "^\\\\pL+$" "Zürich" }}', id="a class of letters"),
        pytest.param("{{ range until 8 }}{{ htpasswd `a` `b` }}{{ end }}", id="eight users"),
        pytest.param("{{ genPrivateKey `rsa` | len }}", id="one RSA key"),
    ],
)
def test_what_people_write_is_far_from_the_limits(text):
    values = {
        "foo": b"bar",
        "big": b"x" * 300_000,
        "lines": b"line 12\n" * 1250,
        "json": json.dumps({f"key{n}": [n, str(n), None] for n in range(3000)}).encode(),
    }
    assert Engine().render("k", text, values)


def test_weighing_counts_shared_parts_as_often_as_they_show():
    budget = Budget(Limits())
    part = ["x" * 1000]
    assert weigh([part, part], budget) > 2 * weigh(part, budget)
    cycle = []
    cycle.append(cycle)
    with pytest.raises(TemplateLimit, match="levels"):
        weigh(cycle, budget)
