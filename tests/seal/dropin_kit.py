"""What the tests of kubeseal's form share: both programs, run the same way."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sealing import SealingError, check_unseal, make_certificate
from secretsync.cli.seal import main
from tests.sealing.kit import vector_key
from tests.support.tools import tool_path

__all__ = [
    "START",
    "Ended",
    "Here",
    "Verifying",
    "blanked",
    "key_files",
    "kubeseal",
    "now_certificate",
    "seal",
    "secret_yaml",
]

ROOT = Path(__file__).parents[2]
START = "import sys; from secretsync.cli.seal import main; sys.exit(main(sys.argv[1:]))"
#: Sealed values begin with the length of a wrapped key and differ on every run.
_SEALED = re.compile(rb"A[gQ][A-D][A-Za-z0-9+/]{200,}={0,2}")
TIMEOUT_S = 180


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    out: bytes
    err: str


@cache
def now_certificate():
    """A certificate that is good by the real clock, which kubeseal looks at."""
    now = datetime.now(UTC).replace(microsecond=0)
    return make_certificate(
        vector_key(), not_before=now, not_after=now + timedelta(days=1), serial_number=7
    )


def key_files(folder):
    """Write certificate and private key; return the two paths."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    certificate.write_bytes(now_certificate().pem)
    key.write_bytes(vector_key().reveal_pem())
    key.chmod(0o600)
    return certificate, key


def seal(*arguments, given=b"", env=None, cwd=None):
    """Run `seal` as a process of its own."""
    return _run([sys.executable, "-c", START], arguments, given, env, cwd)


def kubeseal(*arguments, given=b"", env=None, cwd=None):
    """Run the real kubeseal, in the same surroundings."""
    return _run([tool_path("kubeseal")], arguments, given, env, cwd)


def _run(program, arguments, given, env, cwd):
    home = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [*program, *map(str, arguments)],
        input=given,
        env=home | {"PYTHONWARNINGS": "error"} | (env or {}),
        cwd=cwd,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr.decode())


class Here:
    """`seal` in this process: for tests that are about many calls, not about one.

    Args:
        patch, capture: pytest's monkeypatch and capsysbinary.
    """

    def __init__(self, patch, capture):
        self._patch, self._capture = patch, capture

    def __call__(self, *arguments, given=b"", env=None, cwd=None):
        for name in [name for name in os.environ if name.startswith("SEALED_SECRETS_")]:
            self._patch.delenv(name)
        for name, value in ({"HOME": "/nonexistent", "KUBECONFIG": ""} | (env or {})).items():
            self._patch.setenv(name, value)
        if cwd:
            self._patch.chdir(cwd)
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        self._capture.readouterr()
        try:
            code = main([str(part) for part in arguments])
        except SystemExit as exc:
            code = exc.code
        out, err = self._capture.readouterr()
        return Ended(code, out, err.decode())


class Verifying(dict):
    """Answers of a double that opens what it is sent, as the controller does."""

    def __init__(self, double):
        super().__init__({"/v1/verify": None})
        self._double = double

    def __getitem__(self, path):
        try:
            check_unseal(json.loads(self._double.asked[-1].body), [vector_key()])
        except SealingError:
            return 409, b""
        return 200, b""


def blanked(text: bytes) -> bytes:
    """The text with every sealed value replaced by the same word."""
    return _SEALED.sub(b"SEALED", text)


def secret_yaml(name="web", namespace="a", **values):
    """A Secret as a person writes it."""
    lines = [f"  {key}: {value}" for key, value in (values or {"k": "v"}).items()]
    head = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n"
    head += f"  namespace: {namespace}\n" if namespace else ""
    return ("\n".join([head + "stringData:", *lines]) + "\n").encode()
