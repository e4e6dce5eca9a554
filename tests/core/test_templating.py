"""Rendering a template: what goes in comes out, and no error tells a value."""

from __future__ import annotations

import subprocess
import sys
import threading
import traceback

import pytest

from sealing import TemplateFailed
from secretsync.core.errors import TemplateProblem
from secretsync.core.templates.dialect import Dialect
from secretsync.core.templates.engine import function_names
from secretsync.core.templates.kept import Kept
from secretsync.core.templating import Engine, render_sealed_template, render_template

CANARY = "canary-7f3a9"
VALUES = {"foo": b"bar", "password": CANARY.encode(), "binary": bytes(range(256)), "n": b"3"}


def rendered(text, values=None):
    return render_sealed_template("k", text, VALUES if values is None else values)


def error_of(text):
    with pytest.raises(TemplateFailed) as caught:
        rendered(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("plain }} text", b"plain }} text", id="without an action"),
        pytest.param("{{ .binary }}", bytes(range(256)), id="any bytes pass"),
        pytest.param(
            "{{ .binary | b64enc | b64dec }}", bytes(range(256)), id="base64 of any bytes"
        ),
        pytest.param("{{ len .binary }}", b"256", id="length is in bytes"),
        pytest.param("{{ .binary | trunc -2 }}", b"\xfe\xff", id="cut in bytes"),
        pytest.param('{{ index . "foo" }}', b"bar", id="by index"),
        pytest.param("{{ .missing }}", b"<no value>", id="a missing value is said"),
        pytest.param('[{{ index . "missing" }}]', b"[]", id="a missing index is empty"),
        pytest.param("{{ .missing | toJson }}", b"null", id="a missing value is piped"),
        pytest.param(
            "{{ (genCA `x` 1).Cert | trunc 27 }}", b"-----BEGIN CERTIFICATE-----", id="fields"
        ),
        pytest.param("{{ (semver `1.2.3`).Minor }}", b"2", id="fields of a version"),
        pytest.param('{{ fromJson "{\\"a\\":1}" }}', b"map[a:1]", id="numbers of JSON"),
    ],
)
def test_template_renders(text, wanted):
    assert rendered(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("{{", "template: k:1: unclosed action", id="unclosed"),
        pytest.param("a\n{{ nope }}", 'template: k:2: function "nope" not defined', id="unknown"),
        pytest.param(
            '{{ fail "boom" }}',
            'template: k:1:3: executing "k" at <fail "boom">: error calling fail: boom',
            id="fail with a text of the template's own",
        ),
        pytest.param(
            "{{ fail .password }}",
            'template: k:1:3: executing "k" at <fail .password>: error calling fail',
            id="fail with a value",
        ),
        pytest.param(
            "{{ .missing | upper }}",
            'template: k:1:14: executing "k" at <upper>: invalid value; expected string',
            id="nothing to work on",
        ),
        pytest.param(
            '{{ hasKey . "foo" }}',
            'template: k:1:3: executing "k" at <hasKey . "foo">: wrong type for value; '
            "expected map[string]interface {}; got map[string]string",
            id="the values are no dictionary",
        ),
    ],
)
def test_error_says_where_and_what(text, wanted):
    assert error_of(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "{{ fail .password }}",
        '{{ fail (printf "%s!" .password) }}',
        "{{ range .password }}{{ end }}",
        "{{ range $i, $v := atoi .password }}{{ end }}",
        "{{ mustFromJson .password }}",
        "{{ mustToDate `2006` .password }}",
        "{{ semver .password }}",
        "{{ index .foo .password }}",
        "{{ template .password }}",
        "{{ call .password }}",
        "{{ .foo.bar }}",
        '{{ mustRegexMatch (print "(" .password) "x" }}',
        "{{ buildCustomCert .password .password }}",
        "{{ decryptAES .password .password }}",
        "{{ urlParse (print `:` .password) }}",
        "{{ urlJoin (dict `userinfo` (print .password `%zz`)) }}",
        "{{ genSelfSignedCert .password (list .password) nil 1 }}",
        "{{ eq . .password }}",
        "{{ . | eq . }}",
        "{{ len 1 | printf .password | fail }}",
        '{{ fail "boom" .password }}',
        "{{ derivePassword 1 `long` .password .binary `x` }}",
    ],
)
def test_error_never_tells_a_value(text):
    with pytest.raises(TemplateFailed) as caught:
        rendered(text)
    exc = caught.value
    told = "".join(traceback.format_exception(exc)) + repr(exc.args) + str(exc.__dict__)
    assert CANARY not in told
    assert exc.__context__ is None
    assert exc.__cause__ is None


@pytest.mark.parametrize("name", sorted(function_names(Dialect.SEALED_SECRETS)))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_function_tells_what_it_was_called_with(name, count):
    """Whatever a function says to three passwords, it does not say which."""
    told = None
    try:
        rendered(f"{{{{ $x := {name} {'.password ' * count}}}}}")
    except TemplateFailed as exc:
        told = exc
    assert CANARY not in str(told)
    assert told is None or told.__context__ is None


def test_literal_of_fail_is_taken_from_the_template_and_not_from_the_value():
    """A value that looks like the literal must not be told from another one."""
    assert error_of('{{ $x := .password }}{{ fail $x }}{{ fail "boom" }}').endswith("calling fail")


@pytest.mark.parametrize(
    "text",
    [
        "{{ .foo.upper }}",
        "{{ .foo.__class__ }}",
        "{{ .foo.encode }}",
        "{{ (list 1).append }}",
        "{{ (genCA `x` 1).__init__ }}",
        "{{ .binary.decode }}",
        "{{ (now).tzinfo }}",
        "{{ (semver `1.2.3`)._original }}",
    ],
)
def test_nothing_of_python_can_be_reached(text):
    assert "can't evaluate field" in error_of(text)


@pytest.mark.parametrize("name", ["env", "expandenv", "getHostByName", "include", "tpl", "lookup"])
def test_function_that_reads_the_surroundings_is_not_there(name):
    assert error_of(f"{{{{ {name} `HOME` }}}}").endswith(f'function "{name}" not defined')


def test_text_without_an_action_loads_no_engine():
    check = (
        "import sys; from secretsync.core.templating import render_sealed_template as r;"
        "assert r('k', 'a }} b', {}) == b'a }} b';"
        "print([name for name in sys.modules if name.startswith('gotpl')])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_engine_raises_a_core_error_of_the_same_text():
    with pytest.raises(TemplateProblem, match=r"^template: k:1: unclosed action$"):
        Engine().render("k", "{{", {})


def test_templates_in_threads_do_not_share_values():
    engine, wrong = Engine(), []
    text = "{{ range until 50 }}{{ $.v | upper | quote }}{{ end }}"

    def work(number):
        value = f"v{number}"
        wanted = f'"{value.upper()}"' * 50
        for _ in range(20):
            got = engine.render("k", text, {"v": value.encode()})
            if got != wanted.encode():
                wrong.append(got)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_kept_templates_hold_no_values():
    engine = Engine()
    engine.render("k", "{{ .password }}", {"password": CANARY.encode()})
    compiled = engine.compiled("k", "{{ .password }}")
    assert engine.compiled("k", "{{ .password }}") is compiled
    assert CANARY not in repr(compiled)


def test_long_unused_templates_are_forgotten_and_large_ones_not_kept():
    kept = Kept(100, 40)
    kept.put("k", "x" * 50, 0)
    assert kept.get("k", "x" * 50) is None
    for number in range(20):
        kept.put(f"{number:02}", "12345678", number)
        assert kept.get("00", "12345678") == 0, "what is used stays"
    assert kept.get("01", "12345678") is None
    assert kept.get("19", "12345678") == 19


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "text",
    [
        "{{ .foo.upper }}",
        "{{ .foo.__class__ }}",
        "{{ $x := list 1 }}{{ $x.append }}",
        "{{ (dict).items }}{{ (now).year }}",
        "{{ (index . `foo`).__len__ }}",
        "{{ (semver `1.2.3`).__dict__ }}",
        "{{ ($.foo).encode }}",
    ],
)
def test_nothing_of_python_is_in_reach(dialect, text):
    with pytest.raises(TemplateProblem):
        Engine(dialect=dialect).render("k", text, VALUES)


def test_maps_in_the_dot_are_maps_of_go():
    values = {"remoteRef": {"key": b"a/b"}, "secret": {"x": b"y"}}
    text = "{{ .remoteRef.key }} {{ .secret.x }} {{ .remoteRef | toJson }}"
    assert render_template("k", text, values) == b'a/b y {"key":"a/b"}'
    with pytest.raises(TemplateProblem, match="no entry"):
        render_template("k", "{{ .remoteRef.none }}", values)
