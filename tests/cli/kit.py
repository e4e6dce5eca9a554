"""What the tests of the command share: manifests as objects, runs, snapshots."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = [
    "ROOT",
    "Ended",
    "external_secret",
    "files",
    "run_process",
    "secret_data",
    "snapshot",
    "store",
    "write",
]

#: The project's own folder.
ROOT = Path(__file__).resolve().parents[2]
ESO = "external-secrets.io/v1"
STORE_REF = {"kind": "ClusterSecretStore", "name": "aws"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    def row(self, name: str) -> dict[str, Any]:
        """The one object of that name in the JSON output."""
        (row,) = [row for row in self.json["objects"] if row["name"] == name]
        return row

    def actions(self) -> dict[str, str]:
        """Action by name, of the JSON output."""
        return {row["name"]: row["action"] for row in self.json["objects"]}


def run_process(*arguments: str, stdin: bytes = b"", cwd: Path | None = None) -> Ended:
    """Run the command as a process of its own, in this process's environment."""
    ended = subprocess.run(
        [sys.executable, "-m", "secretsync", *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert b"internal error" not in ended.stderr, ended.stderr
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def store(name: str = "aws", *, namespace: str = "", **spec: Any) -> dict[str, Any]:
    """Return a store of AWS Secrets Manager; with a namespace a SecretStore."""
    aws = {"service": "SecretsManager", "region": "eu-central-1", **spec.pop("aws", {})}
    return {
        "apiVersion": ESO,
        "kind": "SecretStore" if namespace else "ClusterSecretStore",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {"provider": {"aws": aws}, **spec},
    }


def external_secret(
    name: str,
    key: str = "",
    *,
    namespace: str = "shop",
    annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Return an ExternalSecret that reads `key` whole into `value`, unless `spec` says else."""
    metadata = {"name": name, "namespace": namespace, "annotations": dict(annotations or {})}
    reads = {"data": [{"secretKey": "value", "remoteRef": {"key": key or f"app/{name}"}}]}
    return {
        "apiVersion": ESO,
        "kind": "ExternalSecret",
        "metadata": {field: value for field, value in metadata.items() if value},
        "spec": {
            "secretStoreRef": STORE_REF,
            **({} if "data" in spec or "dataFrom" in spec else reads),
            **spec,
        },
    }


def write(path: Path, *objects: Any, mode: int = 0o600) -> Path:
    """Write objects (or text, as it is) into a file; its folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [item if isinstance(item, str) else yaml.safe_dump(item) for item in objects]
    path.write_text("---\n".join(texts))
    path.chmod(mode)
    return path


def secret_data(root: Path, name: str, namespace: str = "shop") -> dict[str, bytes]:
    """Return the decoded data of a Secret's file."""
    obj = yaml.safe_load((root / namespace / "secrets" / f"{name}.yaml").read_text())
    return {key: base64.b64decode(value, validate=True) for key, value in obj["data"].items()}


def files(root: Path) -> set[str]:
    """Return the objects' files below a directory cluster, its own state left out."""
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {str(path) for path in found if path.parts[0] != ".secretsync"}


def snapshot(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return mode, modification time and content of everything below a folder, itself too."""
    state = {}
    for path in [root, *root.rglob("*")]:
        found = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        state[str(path)] = (found.st_mode, found.st_mtime_ns, content)
    return state
