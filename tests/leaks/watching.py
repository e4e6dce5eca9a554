"""Running `seal` under watch: what it shows, to whom, and what it leaves."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.kit import ROOT
from tests.sealing.kit import other_key, vector_key

__all__ = ["CANARY", "Seen", "holds_secret", "start", "watch"]

#: Stands for every plaintext and passphrase; nothing else of a case holds it.
CANARY = "cAnArY-0f3b9c-vALuE"
PROGRAM = "import sys; sys.argv[0] = 'seal'; from secretsync.cli.seal import main; sys.exit(main())"
TIMEOUT_S = 60
EVERY_S = 0.005
#: Where a process may put files besides its own folders.
SHARED = [Path(name) for name in ("/dev/shm", "/tmp", "/var/tmp") if Path(name).is_dir()]  # noqa: S108 - looked at


def _needles() -> list[bytes]:
    """Plaintext as it is and as base64 at each alignment, and the lines of private keys."""
    shifted = [base64.b64encode(b"x" * shift + CANARY.encode())[4:-4] for shift in range(3)]
    lines = [line for key in KEYS for line in key.reveal_pem().splitlines()[1:-1]]
    wrapped = [base64.b64encode(key.reveal_pem())[:60] for key in KEYS]
    return [CANARY.encode(), CANARY.encode().hex().encode(), *shifted, *lines, *wrapped]


KEYS = (vector_key(), other_key())
NEEDLES = _needles()


def holds_secret(content: bytes) -> bool:
    """Whether it holds a plaintext or a piece of a private key."""
    return any(needle in content for needle in NEEDLES)


@dataclass
class Seen:
    """What was seen of one run.

    Args:
        exposed: processes whose arguments or environment held a secret.
        written: files that held one at some moment, with the mode of their folder, and
            that the case itself did not put there.
        left: those of them that are still there.
    """

    code: int = 0
    out: bytes = b""
    err: bytes = b""
    exposed: set[str] = field(default_factory=set)
    written: dict[Path, int] = field(default_factory=dict)
    left: set[Path] = field(default_factory=set)


def start(folder: Path, arguments: list[str], **extra: str) -> subprocess.Popen[bytes]:
    """Start the command with all of its folders below `folder`, its fault handler on.

    Args:
        extra: environment.
    """
    places = {"HOME": "home", "TMPDIR": "tmp", "XDG_RUNTIME_DIR": "run"}
    for name in places.values():
        (folder / name).mkdir(exist_ok=True, mode=0o700)
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", PROGRAM, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            **{name: str(folder / place) for name, place in places.items()},
            **extra,
        },
    )


def watch(folder: Path, arguments: list[str], *, stdin: bytes, **extra: str) -> Seen:
    """Run the command with all of its folders below `folder`.

    Args:
        extra: environment.
    """
    given = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    around = {path for shared in SHARED for path in shared.iterdir()}
    process = start(folder, arguments, **extra)
    seen, ended = Seen(), threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(process.pid, folder, given, around, seen, ended)
    )
    watcher.start()
    try:
        seen.out, seen.err = process.communicate(stdin, timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.wait()
        ended.set()
        watcher.join()
    seen.code = process.returncode
    _look_at_files(folder, given, around, seen)
    seen.left = {path for path in seen.written if path.exists()}
    return seen


def _watch(
    pid: int,
    folder: Path,
    given: dict[Path, bytes],
    around: set[Path],
    seen: Seen,
    ended: threading.Event,
) -> None:
    while not ended.wait(EVERY_S):
        for process in _family(pid):
            for name in ("cmdline", "environ"):
                if holds_secret(_content(Path(f"/proc/{process}/{name}"))):
                    seen.exposed.add(name)
        _look_at_files(folder, given, around, seen)


def _family(pid: int) -> list[int]:
    """The process and all that it started."""
    found, pending = [], [pid]
    while pending:
        found.append(pending.pop())
        children = _content(Path(f"/proc/{found[-1]}/task/{found[-1]}/children"))
        pending += [int(child) for child in children.split()]
    return found


def _look_at_files(folder: Path, given: dict[Path, bytes], around: set[Path], seen: Seen) -> None:
    """Note files that hold a secret and are not as the case put them there."""
    fresh = [path for shared in SHARED for path in _entries(shared) if path not in around]
    for place in (folder, *(path for path in fresh if "seal" in path.name)):
        for path in [place] if place.is_file() else _below(place):
            content = _content(path)
            if given.get(path) != content and holds_secret(content):
                seen.written[path] = _mode(path.parent)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _below(folder: Path) -> list[Path]:
    """Files below a folder that others write into meanwhile."""
    return [Path(root) / name for root, _, names in os.walk(folder) for name in names]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
