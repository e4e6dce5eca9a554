"""The `gpg` program: whose key signed a text, out of a keyring that is given to it.

It has a home of its own that lasts for one keyring, no configuration, no agent, no trust
and no network. Neighbours: `integrity` asks; `ssh_signatures` does the same without a program.

Source: GnuPG 2.2, doc/DETAILS, "Format of the --status-fd output".
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from secretsync.gitops.errors import RenderError, SourceUnavailable
from secretsync.gitops.processes.children import ChildLimits, Finished, run_child

__all__ = ["GpgVerdict", "Keyring", "gpg_verdict", "opened_keyring"]

_LIMITS = ChildLimits(time_s=30.0, output_bytes=1024 * 1024, file_bytes=64 * 1024 * 1024)
_OPTIONS = (
    "--no-options",
    "--batch",
    "--no-tty",
    "--no-autostart",
    "--disable-dirmngr",
    "--no-auto-key-retrieve",
    "--no-auto-check-trustdb",
    "--trust-model=always",
    "--status-fd=1",
)
#: What gpg says of a signature that does not count, in our words.
_BAD = {
    "BADSIG": "the signature is not of this text",
    "EXPSIG": "the signature has expired",
    "EXPKEYSIG": "the key has expired",
    "REVKEYSIG": "the key was revoked",
    "NO_PUBKEY": "the key is not in the keyring",
    "ERRSIG": "the signature cannot be verified",
    "NODATA": "there is no signature in it",
}
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


@dataclass(frozen=True, slots=True)
class GpgVerdict:
    """What gpg says of one signature.

    Args:
        keys: fingerprints of the key and of its primary key; empty where it is no good one.
        problem: why not.
    """

    keys: tuple[str, ...] = ()
    problem: str = ""


class Keyring:
    """Public keys in a home of their own."""

    def __init__(self, program: str, home: Path) -> None:
        self._program = program
        self._home = home

    def signer(self, payload: bytes, armoured: bytes) -> GpgVerdict:
        """Return who signed a text.

        Raises:
            SourceUnavailable: gpg gave no answer: that says nothing about the signature.
        """
        signature = self._home / "signature.asc"
        signature.write_bytes(armoured)
        ended = self._run(["--verify", str(signature), "-"], payload)
        return gpg_verdict(ended.out.decode(errors="replace"), code=ended.code)

    def add(self, armoured: bytes) -> None:
        """Take public keys in; what is none is left out.

        Raises:
            SourceUnavailable: gpg gave no answer.
        """
        self._run(["--import"], armoured)

    def _run(self, arguments: Sequence[str], given: bytes) -> Finished:
        command = [self._program, f"--homedir={self._home}", *_OPTIONS, *arguments]
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(self._home)}
        ended = run_child(command, cwd=self._home, env=env, limits=_LIMITS, given=given or b"\n")
        if ended.exceeded:
            raise SourceUnavailable("gpg was not done in time, or said too much")
        return ended


@contextmanager
def opened_keyring(keys: str) -> Iterator[Keyring]:
    """Give a keyring for as long as it is needed.

    Args:
        keys: armoured public keys, one after the other.

    Raises:
        RenderError: there is no gpg program.
        SourceUnavailable: gpg gave no answer.
    """
    program = shutil.which("gpg")
    if program is None:
        raise RenderError(
            "the project demands GPG signatures, and there is no gpg program",
            remedy="install GnuPG beside secretsync, or have commits signed by SSH keys",
        )
    with tempfile.TemporaryDirectory(prefix="secretsync-gpg-") as folder:
        ring = Keyring(program, Path(folder))
        if keys:
            ring.add(keys.encode())
        yield ring


def gpg_verdict(status: str, *, code: int) -> GpgVerdict:
    """Return what the status lines of a verification say.

    Args:
        status: lines of `[GNUPG:] WORD …`.
        code: of the exit.
    """
    words = [line.split()[1:] for line in status.splitlines() if line.startswith("[GNUPG:] ")]
    said = [each[0] for each in words if each]
    for word, problem in _BAD.items():
        if word in said:
            return GpgVerdict(problem=problem)
    valid = [each for each in words if each and each[0] == "VALIDSIG"]
    # A second signature could be of somebody else: which one counts must not be a guess.
    if code != 0 or len(valid) != 1 or said.count("GOODSIG") != 1 or said.count("NEWSIG") > 1:
        return GpgVerdict(problem="the signature cannot be verified")
    keys = (valid[0][1], valid[0][-1])
    if not all(_FINGERPRINT.fullmatch(key) for key in keys):
        return GpgVerdict(problem="the signature cannot be verified")
    return GpgVerdict(keys=tuple(dict.fromkeys(keys)))
