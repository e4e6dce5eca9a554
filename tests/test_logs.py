"""Log lines that cannot show a value by accident, nor pass for several lines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from providers.base import SecretBytes, Unavailable
from secretsync.errors import ConfigError
from secretsync.logs import configure_logging, safe_traceback

CANARY = "c4n4ry-hunter2"

log = logging.getLogger("secretsync.test")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Put the process's logging back as it was."""
    root, ours = logging.getLogger(), logging.getLogger("secretsync")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


def _configured(style: str, level: str = "debug") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(stream, style=style, level=level)
    return stream


def _raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


def test_json_is_one_object_a_line() -> None:
    stream = _configured("json")
    log.warning("store not %s", "compared", extra={"store": "a\nb", "count": 3})
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry.pop("ts").endswith("Z")
    assert entry == {
        "level": "warning",
        "logger": "secretsync.test",
        "msg": "store not compared",
        "store": "a\nb",
        "count": 3,
    }


def test_text_is_one_line_with_fields() -> None:
    stream = _configured("text")
    log.info("ready", extra={"objects": 3, "name_of_it": "a b"})
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(' INFO    ready objects=3 name_of_it="a b"')


@pytest.mark.parametrize("style", ["json", "text"])
@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\x00b", "a\x85b"],
    ids=["newline", "crlf", "escape", "line-separator", "null", "next-line"],
)
def test_no_text_ends_the_line_or_steers_a_terminal(style: str, text: str) -> None:
    stream = _configured(style)
    log.info("got %s", text, extra={"field": text})
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()


@pytest.mark.parametrize("style", ["json", "text"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(SecretBytes(CANARY.encode()), id="SecretBytes"),
        pytest.param(CANARY.encode(), id="bytes"),
        pytest.param(bytearray(CANARY.encode()), id="bytearray"),
        pytest.param(ValueError(CANARY), id="foreign-error"),
        pytest.param([ValueError(CANARY)], id="foreign-error-in-a-list"),
        pytest.param({"a": SecretBytes(CANARY.encode())}, id="nested"),
    ],
)
def test_fields_that_may_hold_a_value_are_not_quoted(style: str, value: Any) -> None:
    stream = _configured(style)
    log.info("something", extra={"cause": value})
    assert "cause" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def test_our_own_error_is_quoted_as_a_field() -> None:
    stream = _configured("json")
    log.info("something", extra={"cause": ConfigError("no such store")})
    assert json.loads(stream.getvalue())["cause"] == "ConfigError: no such store"


def test_no_field_passes_for_the_level_or_the_time() -> None:
    stream = _configured("json")
    log.info("real", extra={"level": "error", "ts": "never", "logger": "x"})
    entry = json.loads(stream.getvalue())
    assert (entry["level"], entry["logger"]) == ("info", "secretsync.test")
    assert entry["ts"] != "never"


@pytest.mark.parametrize("style", ["json", "text"])
def test_tracebacks_hide_foreign_texts_and_show_ours(style: str) -> None:
    stream = _configured(style)
    error = _raised(ConfigError("our text"), ValueError(CANARY))
    log.error("failed", exc_info=error)
    written = stream.getvalue()
    assert "ConfigError: our text" in written
    assert "ValueError" in written
    assert "test_logs.py" in written
    assert CANARY not in written


def test_safe_traceback_follows_causes_to_the_end() -> None:
    inner = _raised(Unavailable("timed out"), KeyError(CANARY))
    text = safe_traceback(_raised(ConfigError("outer"), inner))
    parts = text.split("\ncaused by:\n")
    assert [part.splitlines()[-1] for part in parts] == [
        "ConfigError: outer",
        "Unavailable: timed out",
        "KeyError",
    ]
    assert ", in _raised" in parts[0]


def test_safe_traceback_shows_the_context_unless_it_is_suppressed() -> None:
    def fail(*, suppressed: bool) -> None:
        try:
            int(CANARY)
        except ValueError:
            if suppressed:
                raise ConfigError("ours") from None
            raise ConfigError("ours")  # noqa: B904 - the implicit context is the subject

    for suppressed in (False, True):
        with pytest.raises(ConfigError) as caught:
            fail(suppressed=suppressed)
        text = safe_traceback(caught.value)
        assert ("ValueError" in text) is not suppressed
        assert CANARY not in text


def test_safe_traceback_ends_where_causes_go_in_a_circle() -> None:
    one, two = ValueError("1"), KeyError("2")
    one.__cause__, two.__cause__ = two, one
    assert safe_traceback(one).count("caused by") == 1


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        pytest.param("debug", ["d", "i", "w", "e"], id="debug"),
        pytest.param("info", ["i", "w", "e"], id="info"),
        pytest.param("warn", ["w", "e"], id="warn"),
        pytest.param("error", ["e"], id="error"),
    ],
)
def test_level_is_ours_and_libraries_speak_from_warning_on(level: str, shown: list[str]) -> None:
    stream = _configured("json", level)
    foreign = logging.getLogger("some.library")
    foreign.setLevel(logging.DEBUG)  # as libraries do that think their own words matter
    for logger, names in ((log, "diwe"), (foreign, "DIWE")):
        logger.debug(names[0])
        logger.info(names[1])
        logger.warning(names[2])
        logger.error(names[3])
    written = [json.loads(line)["msg"] for line in stream.getvalue().splitlines()]
    assert written == [*shown, "W", "E"]


def test_configuring_again_replaces_the_stream() -> None:
    first = _configured("text")
    second = _configured("text")
    log.info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1
