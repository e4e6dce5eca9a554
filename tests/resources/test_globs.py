"""Globs of AppProjects."""

from __future__ import annotations

import pytest

from secretsync.resources.globs import glob_matches, is_glob


@pytest.mark.parametrize(
    ("pattern", "text", "separator", "expected"),
    [
        ("*", "", "", True),
        ("*", "a/b", "", True),
        ("*", "a/b", "/", False),
        ("**", "a/b", "/", True),
        ("a*", "ab", "", True),
        ("a*", "ba", "", False),
        ("https://*/r.git", "https://h/r.git", "/", True),
        ("https://*/r.git", "https://h/o/r.git", "/", False),
        ("https://**/r.git", "https://h/o/r.git", "/", True),
        ("a?c", "abc", "", True),
        ("a?c", "a/c", "/", False),
        ("a?c", "ac", "", False),
        ("[ab]", "b", "", True),
        ("[a-c]x", "bx", "", True),
        ("[a-c]x", "dx", "", False),
        ("[!a-c]x", "dx", "", True),
        ("[!a-c]x", "ax", "", False),
        ("[a-]", "-", "", True),
        ("[]]", "]", "", False),
        ("{a,b}-prod", "b-prod", "", True),
        ("{a,b}-prod", "c-prod", "", False),
        ("{a*,{b,c}d}", "cd", "", True),
        ("{,x}y", "y", "", True),
        ("a,b", "a,b", "", True),
        ("a}", "a}", "", True),
        ("\\*", "*", "", True),
        ("\\*", "a", "", False),
        ("a.b", "axb", "", False),
        ("(a|b)+", "a", "", False),
        ("a\nb", "a\nb", "", True),
        ("a$", "a", "", False),
        ("{a,b", "a", "", False),
        ("[a", "a", "", False),
        ("[c-a]", "b", "", False),
        ("a\\", "a", "", False),
    ],
)
def test_glob_matches_whole_texts(pattern: str, text: str, separator: str, expected: bool) -> None:
    assert glob_matches(text, pattern, separator=separator) is expected


@pytest.mark.parametrize(
    "pattern", ["{a", "[a", "[]", "[c-a]", "a\\", "{" * 20 + "}" * 20, "a" * 2000]
)
def test_text_that_is_no_glob_is_told(pattern: str) -> None:
    assert not is_glob(pattern)
