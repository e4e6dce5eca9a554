"""Run every fuzz target under atheris, each in a process of its own.

    make fuzz                                   a million inputs a target
    make fuzz FUZZ_RUNS=20000                   fewer
    python tests/fuzz/run.py --target unseal    one target

An input that breaks a property is printed as a line for `findings.py`; put it there,
mend the parser, and the normal test run keeps it mended. What each target has learnt
stays below .cache/fuzz and is where the next run starts.
"""

from __future__ import annotations

import argparse
import base64
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / ".cache" / "fuzz"
RUNS = 1_000_000
#: One input that takes longer than this has hung; checks of their own are stricter.
INPUT_TIMEOUT_S = 60
RSS_LIMIT_MB = 2048
NICENESS = 10


def main(argv: Sequence[str]) -> int:
    """Run the targets that are asked for, and return 1 if one broke."""
    parser = argparse.ArgumentParser(description="Fuzz the parsers of sealed things.")
    parser.add_argument("--target", action="append", help="run this one (repeatable)")
    parser.add_argument("--runs", type=int, default=int(os.environ.get("FUZZ_RUNS", RUNS)))
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    sys.path.insert(0, str(ROOT))
    if options.inside:
        _fuzz(options.inside, options.runs)
        return 0
    from tests.fuzz.targets import TARGETS

    unknown = set(options.target or ()) - set(TARGETS)
    if unknown:
        parser.error(
            f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}"
        )
    # Each target is a process: threads only wait for them.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        good = list(pool.map(lambda name: _run(name, options.runs), options.target or TARGETS))
    return 0 if all(good) else 1


def _run(name: str, runs: int) -> bool:
    """Start one target and tell how it went."""
    crashes = CORPUS / name / "broken"
    crashes.mkdir(parents=True, exist_ok=True)
    known = set(crashes.iterdir())
    command = [sys.executable, __file__, "--inside", name, "--runs", str(runs)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    took = time.monotonic() - started
    found = sorted(set(crashes.iterdir()) - known)
    if done.returncode == 0 and not found:
        _say(f"{name:14} {runs:>9,} inputs  {took:6.0f} s  {runs / took:>8,.0f}/s  nothing found")
        return True
    _say(f"{name:14} BROKEN after {took:.0f} s (exit {done.returncode})")
    _say("\n".join((done.stdout + done.stderr).splitlines()[-40:]))
    for path in found:
        text = base64.b64encode(path.read_bytes()).decode()
        _say(f'put this into tests/fuzz/findings.py:\n    ("{name}", "{text}", "what it showed"),')
    return False


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _fuzz(name: str, runs: int) -> None:
    """Become the fuzzer: this process ends inside libFuzzer."""
    import warnings

    import atheris

    os.nice(max(0, NICENESS - os.nice(0)))
    # The library's warning about a serial number that an altered byte has made negative.
    warnings.filterwarnings("ignore", message="Parsed a serial number")
    with atheris.instrument_imports(
        include=["sealing", "secretsync.resources", "secretsync.sealed.key_backup"]
    ):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    folder = CORPUS / name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    (folder / "seeds").mkdir(exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (folder / "seeds" / f"{number:03}").write_bytes(seed)
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    arguments = [
        sys.argv[0],
        f"-runs={runs}",
        f"-max_len={target.max_bytes}",
        f"-timeout={INPUT_TIMEOUT_S}",
        f"-rss_limit_mb={RSS_LIMIT_MB}",
        f"-artifact_prefix={folder / 'broken'}/",
        *([f"-dict={words}"] if target.words else []),
        "-print_final_stats=1",
        str(folder / "corpus"),
        str(folder / "seeds"),
    ]
    atheris.Setup(arguments, target.run)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
