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
        *("(a)(?(1)b|c)", "(?#c)", "(?x)a", "(?u)a", "(?a)a", "(?P<n>a", "(?P<1>a)", "(?"),
        *("(", ")", "a)", "[", "[a", "[]", "*a", "a|*", "(*a)", "a**", "a++", "a{1}{2}"),
        *("a{1001}", "a{1001,}", "a{2,1}", "[[:alpha:]]", "[a--b]", "[z-a]", r"\Z", r"\u0041"),
        *(
            r"\p{Greek}",
            r"\Qa\E",
            "\\",
            "[\\",
            r"[\b]",
            "\\é",
            "a" * 1001,
            "(" * 51 + ")" * 51,
        ),
        *("((a{1000}){1000}){1000}", "(((){1000}){1000}){1000}"),
    ],
)
def test_expression_that_is_not_understood_is_refused(pattern):
    with pytest.raises(RegexError) as caught:
        compile_regex(pattern)
    assert len(str(caught.value)) > 10


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
