"""The form of `seal edit`: what it shows is what it reads."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secretsync.cli.seal.edit_form import parse_form, render_form
from secretsync.errors import ConfigError

keys = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,8}", fullmatch=True)
texts = st.text(" \t\n:#'\"-|>&*!%@`{}[],?~abc\u2028\x85é😀\r\x00").map(str.encode)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(keys, st.none() | texts | st.binary(max_size=20), max_size=5))
@example({"a": b"\n", "b": b"", "c": b" x\n", "d": b"x\n\n", "e": b"\n\nx", "f": b"---\na: b\n"})
def test_form_gives_back_every_value_it_shows(values):
    assert parse_form(render_form(values, comments=["a", ""])) == values


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(keys, texts, min_size=1, max_size=4))
def test_form_is_yaml_that_others_read_alike(values):
    shown = yaml.load(render_form(values, comments=[]), yaml.BaseLoader)  # noqa: S506 - it builds text only
    for key, value in values.items():
        assert shown[key] == value.decode() or "!!binary" in render_form({key: value}, comments=[])


@pytest.mark.parametrize("word", ["yes", "no", "null", "~", "0x10", "1.50", "010", "2001-01-01"])
def test_plain_words_are_text(word):
    assert parse_form(f"k: {word}\n") == {"k": word.encode()}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(b"word", "k: word\n", id="word"),
        pytest.param(b"two words", "k: 'two words'\n", id="words"),
        pytest.param(b"a\nb\n", "k: |\n  a\n  b\n", id="lines"),
        pytest.param(b"a\nb", "k: |-\n  a\n  b\n", id="no-last-break"),
        pytest.param(b"\xff", "k: !!binary /w==\n", id="binary"),
        pytest.param(None, "k:\n", id="unseen"),
    ],
)
def test_values_are_shown_as_readable_as_can_be(text, shown):
    assert render_form({"k": text}, comments=[]) == shown


@given(st.text(max_size=60))
def test_any_text_is_values_or_one_clear_error(text):
    with contextlib.suppress(ConfigError):  # anything else would be a traceback
        parse_form(text)


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ("{a: ", "}"), ("- ", "")])
def test_deep_text_is_refused_before_it_is_composed(opens, closes):
    """Composing it would end the process, not raise."""
    depth = 5_000
    with pytest.raises(ConfigError, match="nests deeper than 50 levels"):
        parse_form(f"k:\n {opens * depth}{closes * depth}\n")
