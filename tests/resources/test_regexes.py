"""Go expressions: what matches, what is refused, and that time stays linear."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretsync.resources.regexes import RegexError, compile_regex

#: A busy machine is slow; what is checked here is the answer, not the time.
LAW = settings(deadline=None)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("", "web", True),
        ("", "", True),
        ("eb", "web", True),
        ("^team-[a-z]+$", "team-web", True),
        ("^team-[a-z]+$", "team-web-1", False),
        ("(?i)^WEB$", "web", True),
        ("^w(?i)EB$", "web", True),
        ("^(?i:W)EB$", "web", False),
        ("^(?i:W)eb$", "web", True),
        ("(?i)w(?-i)EB", "web", False),
        ("^(?:dev|test)-", "test-a", True),
        ("^(?P<team>a|b)$", "b", True),
        ("^(?<team>a|b)$", "c", False),
        (r"^\w+\-\d{1,3}$", "web-12", True),
        (r"^\w+\-\d{1,3}$", "web-1234", False),
        ("[^-]+?-x", "a-x", True),
        ("^[]a]$", "]", True),
        ("^[^]a]$", "]", False),
        ("^[a-c[]+$", "ab[", True),
        ("^[&|~]$", "|", True),
        (r"^[\d.]+$", "1.2", True),
        (r"^a\.b", "axb", False),
        ("^(ab)?c*$", "abcc", True),
        ("^(app|api)(-[a-z]+)*$", "api-a-b", True),
        ("^(app|api)(-[a-z]+)*$", "api-a-", False),
        ("^(a+)+$", "aaa", True),
        ("^(a{2}){3}$", "aaaaaa", True),
        ("^(a{2}){3}$", "aaaaa", False),
        ("^a{2,}$", "a", False),
        ("^a{0,2}$", "aaa", False),
        ("a{,2}", "a{,2}", True),
        ("a{x", "a{x", True),
        ("^a.c$", "a\nc", False),
        ("(?s)^a.c$", "a\nc", True),
        ("^c$", "a\nc", False),
        ("(?m)^c$", "a\nc", True),
        (r"\Ac\z", "c", True),
        ("a$", "a\n", False),
        (r"\bteam\b", "my-team-a", True),
        (r"\Bteam", "my-team", False),
        ("(|a)b", "b", True),
        ("(U|V)", "V", True),
        ("(?U)a+", "a", True),
    ],
)
def test_go_expression_is_searched(pattern, text, matches):
    assert compile_regex(pattern).search(text) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", r"(a)\1", "(?P<n>a)(?P=n)", "(?>a)"),
        *("(a)(?(1)b|c)", "(?#c)", "(?x)a", "(?u)a", "(?a)a", "(?P<n>a", "(?P<>a)", "(?"),
        *("(", ")", "a)", "[", "[a", "[]", "*a", "a|*", "(*a)", "a**", "a++", "a{1}{2}"),
        *("a{1001}", "a{1001,}", "a{2,1}", "[z-a]", r"\Z", r"\u0041", r"\C", r"a\C", "\\"),
        *("[\\", r"[\b]", "\\é", "a" * 1001, "[a--b]", "\ud800"),
        *("((a{1000}){1000}){1000}", "(((){1000}){1000}){1000}"),
    ],
)
def test_expression_that_go_refuses_is_refused(pattern):
    with pytest.raises(RegexError) as caught:
        compile_regex(pattern)
    assert len(str(caught.value)) > 8


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("[[:alpha:]]+", "é1a"), (r"\p{Greek}", "aλ"), (r"^\Qa.b\E$", "a.b"), ("(?P<1>a)", "a")],
)
def test_expression_that_go_takes_is_taken(pattern, text):
    assert compile_regex(pattern).search(text)


def test_refusal_tells_the_reason_and_nothing_of_the_pattern(capfd):
    with pytest.raises(RegexError, match=r"^missing \)$"):
        compile_regex("(canary-8d1f")
    assert "canary" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("pattern", "text", "template", "wanted"),
    [
        pytest.param("(.*)", "foo", "my_$1", "my_foo", id="the-guide's"),
        pytest.param("e2e_(.*)", "e2e_a", "$1", "a", id="a-prefix-goes"),
        pytest.param("(.*)", "foo", "$1_x", "", id="a-name-is-as-long-as-it-can-be"),
        pytest.param("(.*)", "foo", "${1}_x", "foo_x", id="braces"),
        pytest.param("(?P<n>o)", "foo", "<$n>", "f<o><o>", id="a-name"),
        pytest.param("(?<n>o)", "foo", "${n}${m}", "foo", id="an-unknown-name-is-nothing"),
        pytest.param("o", "foo", "$0$0", "foooo", id="the-whole-match"),
        pytest.param("o", "foo", "$5", "f", id="a-group-there-is-not"),
        pytest.param("(a)|(o)", "foo", "[$1$2]", "f[o][o]", id="a-group-that-took-no-part"),
        pytest.param("o", "foo", "$$1", "f$1$1", id="two-dollars"),
        pytest.param("o", "foo", "$", "f$$", id="a-dollar-at-the-end"),
        pytest.param("o$", "foo", "$(1)", "fo$(1)", id="a-dollar-before-no-name"),
        pytest.param("o$", "foo", "${1", "fo${1", id="a-brace-that-is-not-closed"),
        pytest.param("o$", "foo", "${}", "fo${}", id="empty-braces"),
        pytest.param("(o)$", "foo", "$01", "fo", id="a-leading-zero-makes-a-name"),
        pytest.param("x*", "abc", "-", "-a-b-c-", id="empty-matches"),
        pytest.param("x*", "axxb", "-", "-a-b-", id="no-empty-match-after-another"),
        pytest.param("", "é€𝄞", "-", "-é-€-𝄞-", id="empty-matches-between-characters"),
        pytest.param("^a", "aaa", "b", "baa", id="the-beginning-comes-once"),
        pytest.param(r"\b", "ab cd", "|", "|ab| |cd|", id="word-boundaries"),
        pytest.param("[^a-z]", "a/b-c", "_", "a_b_c", id="a-class"),
        pytest.param("(?i)A", "aA", "x", "xx", id="a-flag"),
        pytest.param("(o)$", "foo", "$1é", "fo", id="a-letter-beyond-ascii-is-of-the-name"),
    ],
)
def test_replacement_is_gos(pattern, text, template, wanted):
    assert compile_regex(pattern).replace_all(text, template) == wanted


def test_replacement_out_of_proportion_is_refused():
    with pytest.raises(RegexError, match="too long"):
        compile_regex(".").replace_all("a" * 253, "$0" * 500)


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|a)*$", "^(a?){60}a{60}$", "^(?:a|aa){0,99}$", "^a*a*a*a*a*a*a*$"]
)
def test_hostile_expression_takes_linear_time(pattern):
    started_s = time.process_time()
    assert not compile_regex(pattern).search("a" * 252 + "!")
    assert time.process_time() - started_s < 5


@LAW
@given(st.text("ab|*+?(){}[]^$.\\-1,:", max_size=12), st.text("ab-\n", max_size=8))
def test_compile_is_total_and_agrees_with_python_where_both_understand(pattern, text):
    try:
        compiled = compile_regex(pattern)
    except RegexError:
        return
    if "\\" in pattern or "[" in pattern or "{," in pattern:
        return  # the two spell these in different ways
    try:
        reference = re.compile(pattern.replace("$", "\\Z"))
    except re.error:
        return  # Python repeats no conditions, such as ^?
    assert compiled.search(text) is bool(reference.search(text))
