"""The `seal` command beside kubeseal: CPU of one call, and two hundred files."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from benchmarks.sealing_rows import Row, certificate_for, new_key
from tests.support.tools import tool_path

__all__ = ["measure"]

_PAIRS = 21
_FILES = 200
_FILE_ROUNDS = 3


def measure(folder: Path) -> list[Row]:
    """Return one call, and many files, of both."""
    certificate = folder / "cert.pem"
    certificate.write_bytes(certificate_for(new_key()).pem)
    sources = _write_secrets(folder / "plain")
    seal, kubeseal = str(Path(sys.executable).with_name("seal")), str(tool_path("kubeseal"))
    return [
        _one_call([seal], [kubeseal], certificate, sources[0]),
        _help([seal]),
        _many_files(seal, kubeseal, certificate, sources, folder),
    ]


def _write_secrets(folder: Path) -> list[Path]:
    folder.mkdir()
    files = []
    for index in range(_FILES):
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"app-{index}", "namespace": "bench"},
            "stringData": {f"key-{number}": f"value-{number}" for number in range(4)},
        }
        files.append(folder / f"app-{index:03d}.yaml")
        files[-1].write_text(yaml.safe_dump(secret))
    return files


def _one_call(seal: list[str], kubeseal: list[str], certificate: Path, source: Path) -> Row:
    flags = ["--cert", str(certificate), "-o", "yaml"]
    ours, theirs, bare = [], [], []
    for _ in range(_PAIRS):
        theirs.append(_cpu_s([*kubeseal, *flags], source))
        ours.append(_cpu_s([*seal, *flags], source))
        bare.append(_cpu_s([sys.executable, "-I", "-S", "-c", ""], source))
    mine, other = statistics.median(ours), statistics.median(theirs)
    return Row(
        f"one `seal` call, CPU, median of {_PAIRS}",
        f"kubeseal {other * 1e3:.0f} ms",
        f"{mine * 1e3:.0f} ms (a bare Python {statistics.median(bare) * 1e3:.0f} ms)",
        f"{mine / other:.1f} x",
        "<= 5 x",
    )


def _help(seal: list[str]) -> Row:
    spent = [_cpu_s([*seal, "--help"], Path(os.devnull)) for _ in range(_PAIRS)]
    return Row(
        f"`seal --help`, CPU, median of {_PAIRS}",
        "",
        f"{statistics.median(spent) * 1e3:.0f} ms",
        "",
        "< 40 ms",
    )


def _many_files(
    seal: str, kubeseal: str, certificate: Path, sources: Sequence[Path], folder: Path
) -> Row:
    theirs, ours = [], []
    for number in range(_FILE_ROUNDS):
        started_at_s = time.perf_counter()
        written = folder / f"kubeseal-{number}"
        written.mkdir()
        for source in sources:
            target = ["-w", str(written / source.name)]
            _cpu_s([kubeseal, "--cert", str(certificate), "-o", "yaml", *target], source)
        theirs.append(time.perf_counter() - started_at_s)
        made = folder / f"sealed-{number}"
        started_at_s = time.perf_counter()
        _cpu_s(
            [
                seal,
                "files",
                "--cert",
                str(certificate),
                "--output-dir",
                str(made),
                str(sources[0].parent),
            ],
            Path(os.devnull),
        )
        ours.append(time.perf_counter() - started_at_s)
        if len(list(made.glob("*.yaml"))) != _FILES:
            raise RuntimeError(f"`seal files` did not seal {_FILES} files")
    mine, other = statistics.median(ours), statistics.median(theirs)
    return Row(
        f"sealing {_FILES} files of 4 values, median of {_FILE_ROUNDS}",
        f"{_FILES} kubeseal processes {other:.2f} s",
        f"`seal files`, one process {mine:.2f} s",
        f"{other / mine:.1f} x faster",
        ">= 5 x faster",
    )


def _cpu_s(command: Sequence[str], source: Path) -> float:
    """Run a command with a file as its input; return the CPU seconds that it took.

    Raises:
        RuntimeError: it did not end with 0.
    """
    # Without PYTHONDONTWRITEBYTECODE: an installed program has its files compiled.
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    files = [
        (os.POSIX_SPAWN_OPEN, 0, str(source), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]
    pid = os.posix_spawn(command[0], list(command), env, file_actions=files)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime
