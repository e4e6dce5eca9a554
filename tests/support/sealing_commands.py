"""The real kubeseal, and our `seal` in its place, as a person runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.tools import tool_path

__all__ = ["kubeseal", "ran", "seal", "secretsync"]

RUN_WITHIN_S = 240.0
_SEAL = "import sys; from secretsync.cli.seal import main; sys.exit(main())"
_FOREIGN = ("AWS_", "KUBE", "SECRETSYNC_", "SEALED_SECRETS_", "POD_NAMESPACE", "PYTEST_")

Completed = subprocess.CompletedProcess[bytes]


def kubeseal(
    *arguments: str | Path,
    given: bytes = b"",
    env: Mapping[str, str] | None = None,
    before: Sequence[str | Path] = (),
) -> Completed:
    """Run kubeseal; without KUBECONFIG in `env` it knows no cluster.

    Args:
        before: a command that runs the rest of its arguments, as `env` and `unshare` do.
    """
    return _run([*before, tool_path("kubeseal"), *arguments], given, env)


def seal(
    *arguments: str | Path,
    given: bytes = b"",
    env: Mapping[str, str] | None = None,
    before: Sequence[str | Path] = (),
) -> Completed:
    """Run our `seal` with the same arguments."""
    return _run([*before, sys.executable, "-c", _SEAL, *arguments], given, env)


def secretsync(
    *arguments: str | Path, given: bytes = b"", env: Mapping[str, str] | None = None
) -> Completed:
    """Run our `secretsync`."""
    return _run([sys.executable, "-m", "secretsync", *arguments], given, env)


def ran(completed: Completed) -> bytes:
    """Return what a command wrote, which must have succeeded."""
    assert completed.returncode == 0, completed.stderr.decode(errors="replace")
    return completed.stdout


def _run(command: Sequence[str | Path], given: bytes, env: Mapping[str, str] | None) -> Completed:
    clean = {name: text for name, text in os.environ.items() if not name.startswith(_FOREIGN)}
    # No kubeconfig and no pinned certificates of the person who runs the tests.
    clean |= {"KUBECONFIG": "", "HOME": "/dev/null/home", "XDG_CONFIG_HOME": "/dev/null/home"}
    return subprocess.run(
        [str(part) for part in command],
        input=given,
        env=clean | {"PYTHONPATH": str(Path(__file__).parents[2]), **(env or {})},
        capture_output=True,
        timeout=RUN_WITHIN_S,
        check=False,
    )
