"""What the tours share: a heading, a command that is shown and run, a stop on signals."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
#: Program as people type it → how it is started here.
PROGRAMS: Mapping[str, Sequence[str]] = {
    "secretsync": (sys.executable, "-m", "secretsync"),
    "seal": (
        sys.executable,
        "-c",
        "import sys; from secretsync.cli.seal import main; sys.exit(main())",
    ),
}


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    expect: int = 0,
    stdin: bytes | None = None,
    output: Path | None = None,
) -> None:
    """Show and run a command; anything but the expected exit code ends the tour.

    Args:
        command: a program of PROGRAMS and its arguments.
        stdin: what it reads, never shown.
        output: where its standard output goes, below ROOT.
    """
    program, *arguments = command
    where = f" > {output}" if output else ""
    print(f"$ {shlex.join(command)}{where}", flush=True)
    done = subprocess.run(
        [*PROGRAMS[program], *arguments],
        env=dict(env),
        cwd=ROOT,
        input=stdin,
        stdout=subprocess.PIPE if output else None,
        check=False,
    )
    if done.returncode != expect:
        sys.exit(f"{shlex.join(command[:2])} ended with {done.returncode}, not {expect}")
    if output:
        (ROOT / output).write_bytes(done.stdout)


def stop_on_signals() -> None:
    """End as if asked by Ctrl-C, so that nothing a tour started outlives it."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
