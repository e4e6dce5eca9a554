"""The child process that runs jq path expressions; `jq_paths` starts and kills it.

It is apart because the expressions are a tenant's: nothing in a process stops one that
does not end. It reads one JSON request a line and answers each with one line.
"""

from __future__ import annotations

import itertools
import json
import resource
import sys
from typing import Any

import jq  # type: ignore[import-not-found]  # it ships no types

__all__ = ["MAX_PATHS", "answer", "main"]

#: More fields than an object of the size that the API server takes can have.
MAX_PATHS = 100_000
MAX_MEMORY_BYTES = 512 * 1024 * 1024
MAX_PROGRAMS = 512


def answer(request: dict[str, Any], programs: dict[str, Any]) -> dict[str, Any]:
    """Return `paths`, or `error` and whether the expression itself is wrong.

    Args:
        request: `expression` and `object`.
        programs: the compiled ones so far.
    """
    expression = request["expression"]
    if expression not in programs:
        if len(programs) >= MAX_PROGRAMS:
            programs.clear()
        try:
            # The line break ends a comment in which the expression may end.
            programs[expression] = jq.compile(f"path({expression}\n)")
        except ValueError as exc:
            return {"error": str(exc), "wrong": True}
    try:
        found = iter(programs[expression].input_value(request["object"]))
        paths = list(itertools.islice(found, MAX_PATHS + 1))
    except ValueError as exc:
        if str(exc).startswith("Invalid path expression"):
            return {"error": "it is no path expression", "wrong": True}
        return {"error": str(exc), "wrong": False}
    if len(paths) > MAX_PATHS:
        return {"error": f"more than {MAX_PATHS} paths", "wrong": True}
    return {"paths": paths}


def main() -> None:
    """Answer until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    programs: dict[str, Any] = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), programs)), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
