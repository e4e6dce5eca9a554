"""Structured logs that cannot show a value by accident.

Messages are constants with named fields; exceptions are shown by type and place, and
by text only where the text is our own (foreign exceptions may quote their input).
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

from providers.base import ProviderError
from secretsync.errors import SecretSyncError

__all__ = ["configure_logging", "safe_traceback"]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_OWN = (ProviderError, SecretSyncError)
#: Attributes of every LogRecord; what else is on one was given as `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def safe_traceback(error: BaseException) -> str:
    """Return the frames of an exception and its causes, without foreign texts."""
    parts = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.extract_tb(current.__traceback__)
        lines = [
            f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}' for frame in frames
        ]
        parts.append("\n".join([*lines, _shown_error(current)]))
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    return "\ncaused by:\n".join(parts)


def _shown_error(error: BaseException) -> str:
    text = f": {error}" if isinstance(error, _OWN) else ""
    return f"{type(error).__name__}{text}"


def _shown(value: object) -> str:
    """Return a field that JSON has no type for; what may hold a value is not quoted."""
    if isinstance(value, BaseException):
        return _shown_error(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{type(value).__name__}(***)"
    return str(value)


def _one_line(text: str) -> str:
    """Escape what would end the line or steer a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _stamp(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, Any] = {
            "ts": _stamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        # No field may pass for one of these; they come first in the line.
        entry |= {key: value for key, value in _fields(record).items() if key not in entry}
        if record.exc_info and record.exc_info[1]:
            entry["traceback"] = safe_traceback(record.exc_info[1])
        return json.dumps(entry, default=_shown, ensure_ascii=True)


class TextFormatter(logging.Formatter):
    """One line a person reads; new lines in fields are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback below it."""
        fields = " ".join(
            f"{key}={json.dumps(value, default=_shown)}" for key, value in _fields(record).items()
        )
        message = _one_line(record.getMessage())
        line = f"{_stamp(record)} {record.levelname:<7} {message} {fields}".rstrip()
        if record.exc_info and record.exc_info[1]:
            line += "\n" + safe_traceback(record.exc_info[1])
        return line


def _is_ours(logger: str) -> bool:
    return logger.partition(".")[0] in ("secretsync", "providers")


def configure_logging(stream: TextIO, *, style: str, level: str) -> None:
    """Send our logs to a stream; libraries only from WARNING on.

    Args:
        style: `json` or `text`.
        level: `debug`, `info`, `warn` or `error`.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    # A library that sets the level of its own logger would get past the root's.
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or _is_ours(record.name))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("secretsync").setLevel(_LEVELS[level])
