"""The verbs that `seal` has beyond kubeseal, by name; `--help` imports none of them."""

from __future__ import annotations

__all__ = ["VERBS"]

#: verb → (module with `run(argv) -> int`, one line).
VERBS: dict[str, tuple[str, str]] = {
    "edit": ("secretsync.cli.seal.edit", "Edit the values of a SealedSecret in $EDITOR."),
    "set": ("secretsync.cli.seal.set_value", "Set one value, read from a file or stdin."),
    "unset": ("secretsync.cli.seal.unset", "Remove one value."),
    "files": ("secretsync.cli.seal.files", "Seal many files in one process."),
    "check": ("secretsync.cli.seal.check", "Find what is wrong, for CI and pre-commit."),
    "rotate": ("secretsync.cli.seal.rotate", "Re-seal a whole repository to a new key."),
    "keys": ("secretsync.cli.seal.keys", "Create, list and renew a cluster's sealing keys."),
    "backup": ("secretsync.cli.seal.backup", "Save the key ring as one encrypted file."),
    "restore": ("secretsync.cli.seal.restore", "Bring a saved key ring back."),
    "completion": ("secretsync.cli.seal.completion", "Print completion for bash, zsh or fish."),
}
