"""jq path expressions, evaluated in a child that is killed when it takes too long.

The child gets the object and gives paths, nothing else: no expression can bring a value
to a place where it is shown. Neighbour: `ignoring` takes the paths out of objects.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secretsync.errors import SecretSyncError
from secretsync.gitops.objects import field_paths

__all__ = ["TIMEOUT_S", "JqFailed", "JqPaths"]

#: Source: Argo CD's default, `ignore.normalizer.jq.timeout`.
TIMEOUT_S = 1.0
#: How long an expression that took too long is refused: each try costs the whole time.
PENANCE_S = 60.0
#: Until a child answers its first request: it imports the library.
START_S = 20.0
#: How many times as long an expression may wait that does not get to run.
PATIENCE = 5
MAX_ANSWER_BYTES = 8 * 1024 * 1024
MESSAGE_CHARS = 200


class JqFailed(SecretSyncError):
    """An expression gave no paths.

    Args:
        wrong: the expression itself cannot be used, whatever the object.
    """

    def __init__(self, message: str, *, wrong: bool) -> None:
        super().__init__(message, remedy="correct jqPathExpressions")
        self.wrong = wrong


class JqPaths:
    """Evaluates expressions one after the other; safe in threads. Close it in the end.

    Args:
        timeout_s: seconds that one expression may take.
    """

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._slow: dict[str, float] = {}

    def paths(self, expression: str, obj: Mapping[str, Any]) -> list[field_paths.Path]:
        """Return the paths in an object that an expression selects.

        Args:
            expression: as `.spec.template.spec.containers[] | select(.name == "web") | .image`.
            obj: without values of secrets.

        Raises:
            JqFailed: it is no path expression, does not suit the object, or takes too long.
        """
        request = json.dumps({"expression": expression, "object": obj}).encode() + b"\n"
        with self._lock:
            answer = self._too_slow(expression) or self._asked(expression, request)
        if "error" in answer:
            text = " ".join(str(answer["error"]).split())[:MESSAGE_CHARS]
            raise JqFailed(f"{expression!r}: {text}", wrong=bool(answer.get("wrong")))
        paths = answer.get("paths")
        if not isinstance(paths, list) or not all(map(_is_path, paths)):
            raise JqFailed(f"{expression!r} is no path expression", wrong=True)
        return [tuple(path) for path in paths]

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._kill()

    def _too_slow(self, expression: str) -> dict[str, Any] | None:
        now_s = time.monotonic()
        self._slow = {each: until_s for each, until_s in self._slow.items() if until_s > now_s}
        if expression not in self._slow:
            return None
        return {"error": f"it takes more than {self._timeout_s:g} s", "wrong": True}

    def _asked(self, expression: str, request: bytes) -> dict[str, Any]:
        child = self._started()
        assert child.stdin is not None  # noqa: S101 - for the type checker: it has pipes
        assert child.stdout is not None  # noqa: S101 - as above
        try:
            child.stdin.write(request)
            child.stdin.flush()
            line = _line(child, self._timeout_s)
        except OSError:
            line = b""
        if line is None:
            self._kill()
            self._slow[expression] = time.monotonic() + PENANCE_S
            return self._too_slow(expression) or {}
        try:
            answer = json.loads(line)
        except ValueError:
            self._kill()
            return {"error": "it needs more memory than it may have", "wrong": True}
        return answer if isinstance(answer, dict) else {}

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._kill()
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-m", "secretsync.gitops.objects.jq_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONUTF8": "1"},
            cwd="/",
            start_new_session=True,
        )
        assert self._child.stdin is not None  # noqa: S101 - for the type checker
        # Starting takes longer than an expression may.
        self._child.stdin.write(b'{"expression": ".", "object": null}\n')
        self._child.stdin.flush()
        if not _line(self._child, START_S):
            self._kill()
            raise JqFailed("the jq process does not start", wrong=False)
        return self._child

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # What was not sent is not missed.
                    pipe.close()


def _line(child: subprocess.Popen[bytes], timeout_s: float) -> bytes | None:
    """Return one line, b"" where the child ended, or None after the time.

    The time is the child's own, as far as the system tells: one that has to wait for a
    busy machine is not at fault, and gets some times as long.
    """
    assert child.stdout is not None  # noqa: S101 - for the type checker: it has pipes
    began_s, used_s = time.monotonic(), _cpu_s(child.pid)
    content = b""
    while not content.endswith(b"\n"):
        spent_s = time.monotonic() - began_s
        own_s = spent_s if used_s is None else (_cpu_s(child.pid) or 0.0) - used_s
        if own_s >= timeout_s or spent_s >= PATIENCE * timeout_s:
            return None
        if len(content) > MAX_ANSWER_BYTES:
            return None
        if select.select([child.stdout], [], [], timeout_s / 10)[0]:
            part = child.stdout.read1(65536)  # type: ignore[attr-defined] # a buffered reader
            if not part:
                return b""
            content += part
    return content


def _cpu_s(pid: int) -> float | None:
    """Return the processor time of a process, None where the system does not tell."""
    try:
        fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def _is_path(path: Any) -> bool:
    return isinstance(path, list) and all(
        isinstance(step, str) or (isinstance(step, int) and not isinstance(step, bool))
        for step in path
    )
