"""Running the user's editor on a file of plaintext."""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import shutil
import subprocess
from pathlib import Path

from secretsync.cli.seal.private_folder import signals_held
from secretsync.errors import ConfigError

__all__ = ["edited"]

_DEFAULT_EDITOR = "vi"
#: How long an editor may take to put things away before it is killed.
_PATIENCE_S = 2.0
#: No swap file, no history of what was deleted or searched, no undo file, no backup.
_VIM_FLAGS = ("-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noundofile")


def edited(text: str, folder: Path, *, name: str) -> str:
    """Let the user edit a text in a file of this folder, and return what became of it.

    Args:
        text: what the editor shows first.
        folder: private; whatever the editor leaves there goes with it.
        name: of the file; its suffix tells the editor what it is.

    Raises:
        ConfigError: the editor cannot be started, fails, or leaves no text.
    """
    file = folder / name
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
    _run(_command(), file, folder)
    try:
        content = file.read_bytes()
    except OSError as exc:
        raise ConfigError("the editor removed the file; nothing was changed") from exc
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # Without a cause: the exception holds the whole content.
        raise ConfigError("the editor did not save UTF-8; nothing was changed") from None


def _command() -> list[str]:
    given = os.environ.get("VISUAL") or os.environ.get("EDITOR") or _DEFAULT_EDITOR
    try:
        command = shlex.split(given)
    except ValueError as exc:
        raise ConfigError("VISUAL or EDITOR has quotes that do not close") from exc
    found = shutil.which(command[0]) if command else None
    if found is None:
        raise ConfigError(
            "the editor was not found", remedy="set VISUAL or EDITOR to a program that is installed"
        )
    if Path(os.path.realpath(found)).name.startswith(("vim", "nvim")):
        command[1:1] = _VIM_FLAGS
    return command


def _run(command: list[str], file: Path, folder: Path) -> None:
    # A crash must not write the editor's memory, or ours, to a disk.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    environment = {**os.environ, "TMPDIR": str(folder)}
    child = None
    try:
        with signals_held():
            child = _started([*command, str(file)], environment)
        code = child.wait()
    except BaseException:
        if child is not None:
            _end(child)
        raise
    if code:
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise ConfigError(f"the editor failed with {how}; nothing was changed")


def _started(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, env=environment)  # noqa: S603 - the user's own choice
    except OSError as exc:
        raise ConfigError(
            f"the editor cannot be started: {exc.strerror or type(exc).__name__}",
            remedy="set VISUAL or EDITOR to a program that is installed",
        ) from exc


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the editor: it must not write once the folder is gone."""
    child.terminate()
    try:
        child.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
