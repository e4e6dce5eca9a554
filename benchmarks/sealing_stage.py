"""The unseal stage alone, against what the cores do in private-key operations.

Two yardsticks, since the system's OpenSSL and the one inside pyca/cryptography differ:
`openssl speed` on all cores, and pyca's bare decryption on as many threads. By wall
clock all three share the machine with whatever else runs; per CPU second they do not.
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from benchmarks.sealing_rows import KEY_BITS, VALUES, Row, certificate_for, new_key, sealed_secrets
from sealing import PrivateKey, unseal_manifest

__all__ = ["measure"]

_CORES = os.cpu_count() or 1
_ROUNDS = 3
_OPENSSL_S = 3
_PYCA_S = 3.0
_OBJECTS = 150
_SPEED = re.compile(r"^rsa\s*4096(?: bits)?\s+([\d.]+)s\s+([\d.]+)s\s+([\d.]+)", re.MULTILINE)

#: Operations a second by wall clock, and for each CPU second.
Rate = tuple[float, float]


def measure(_folder: Path) -> list[Row]:
    """Return the stage against both yardsticks, each round after the other."""
    key = new_key()
    sealed = list(sealed_secrets(certificate_for(key), "bench", count=_OBJECTS))
    openssl, pyca, stage = [], [], []
    for _ in range(_ROUNDS):
        openssl.append(_openssl())
        pyca.append(_timed(_pyca_operations))
        stage.append(_timed(lambda: _stage_operations(sealed, key)))
    best = [_median(rates) for rates in (openssl, pyca, stage)]
    return [
        _row(f"openssl speed -multi {_CORES} rsa4096", best[0], best[2], ">= 80 %"),
        _row(f"pyca decrypt, {_CORES} threads", best[1], best[2], ""),
    ]


def _row(yardstick: str, theirs: Rate, ours: Rate, target: str) -> Row:
    return Row(
        f"unseal stage, RSA-{KEY_BITS}, against {yardstick}",
        f"{theirs[0]:.0f}/s; {theirs[1]:.0f} per CPU second",
        f"{ours[0]:.0f}/s; {ours[1]:.0f} per CPU second",
        f"{ours[0] / theirs[0]:.0%}; {ours[1] / theirs[1]:.0%}",
        target,
    )


def _median(rates: list[Rate]) -> Rate:
    walls, cpus = zip(*rates, strict=True)
    return statistics.median(walls), statistics.median(cpus)


def _openssl() -> Rate:
    """What `openssl speed` counts of private-key operations on all cores."""
    command = ["openssl", "speed", "-seconds", str(_OPENSSL_S), "-multi", str(_CORES)]
    cpu_s = _children_cpu_s()
    done = subprocess.run([*command, "rsa4096"], capture_output=True, text=True, check=True)
    cpu_s = _children_cpu_s() - cpu_s
    found = _SPEED.search(done.stdout)
    if found is None:
        raise RuntimeError(f"openssl speed printed no rate:\n{done.stdout}")
    signs = float(found[3])
    # As much time again goes into public-key operations, one after the other.
    return signs, signs * _OPENSSL_S / (cpu_s / 2)


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _timed(work: Callable[[], int]) -> Rate:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    operations = work()
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return operations / wall_s, operations / cpu_s


def _stage_operations(sealed: list[dict[str, object]], key: PrivateKey) -> int:
    with ThreadPoolExecutor(_CORES) as pool:
        for secret in pool.map(lambda each: unseal_manifest(each, [key]), sealed):
            if len(secret["data"]) != VALUES:
                raise RuntimeError("a Secret lacks values")
    return len(sealed) * VALUES


def _pyca_operations() -> int:
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), b"a/b")
    private = rsa.generate_private_key(65537, KEY_BITS) if not _PYCA_KEY else _PYCA_KEY[0]
    _PYCA_KEY[:] = [private]
    wrapped = private.public_key().encrypt(bytes(32), oaep)
    counts = [0] * _CORES
    ends_at_s = time.perf_counter() + _PYCA_S

    def decrypt(thread: int) -> None:
        while time.perf_counter() < ends_at_s:
            private.decrypt(wrapped, oaep)
            counts[thread] += 1

    threads = [threading.Thread(target=decrypt, args=(number,)) for number in range(_CORES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


_PYCA_KEY: list[rsa.RSAPrivateKey] = []
