"""What the tests of the verbs share: certificates and keys as files, manifests, runs."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import yaml

from sealing import scope_of, seal_value, unseal_value
from secretsync.cli.seal import main
from tests.cli.kit import ROOT, Ended
from tests.sealing.kit import certificate, key_object, other_key, vector_key

__all__ = ["Files", "encrypted", "manifest", "opened", "run_seal", "seal_process", "sealed"]

NOW = datetime.now(UTC)
PLACE = {"namespace": "shop", "name": "db"}


@dataclass(frozen=True)
class Files:
    """Certificates and private keys in a folder; `new` belongs to another key than `old`."""

    folder: Path

    @property
    def cert(self):
        return str(self.folder / "old.pem")

    @property
    def key(self):
        return str(self.folder / "old.key")

    @property
    def new_cert(self):
        return str(self.folder / "new.pem")

    @property
    def new_key(self):
        return str(self.folder / "new.key")

    @property
    def expired_cert(self):
        return str(self.folder / "expired.pem")


def current(key):
    return certificate(key, start=NOW - timedelta(days=1), end=NOW + timedelta(days=300))


def write_files(folder):
    files = Files(folder)
    for key, cert, private in (
        (vector_key(), files.cert, files.key),
        (other_key(), files.new_cert, files.new_key),
    ):
        Path(cert).write_bytes(current(key).pem)
        Path(private).write_bytes(key.reveal_pem())
    Path(files.expired_cert).write_bytes(certificate(end=NOW - timedelta(days=1)).pem)
    return files


def fingerprint(path):
    names = {"old": vector_key(), "new": other_key()}
    return names[Path(path).stem].fingerprint


def sealed(plaintext, *, key=None, **place):
    """One sealed value, for `shop/db` unless told otherwise."""
    return seal_value(plaintext, current(key or vector_key()), now=NOW, **{**PLACE, **place})


def manifest(values, *, name="db", namespace="shop", annotations=None, key=None, **spec):
    """A SealedSecret as an object; its values are plaintexts."""
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    place = {"name": name, "namespace": namespace or "shop", "scope": scope_of(annotations or {})}
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {field: value for field, value in metadata.items() if value},
        "spec": {
            "encryptedData": {
                item: sealed(value, key=key, **place) for item, value in values.items()
            },
            **spec,
        },
    }


def encrypted(path, document=0):
    """What a file holds under encryptedData."""
    documents = [item for item in yaml.safe_load_all(Path(path).read_text()) if item]
    return documents[document]["spec"]["encryptedData"]


def opened(path, *, key=None, document=0, **place):
    """The plaintexts of a file."""
    place = {**PLACE, **place}
    return {
        item: unseal_value(text, [key or vector_key()], **place)
        for item, text in encrypted(path, document).items()
    }


def run_seal(*arguments, stdin=b""):
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    source = io.TextIOWrapper(io.BytesIO(stdin))
    with patch.object(sys, "stdin", source), redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exc:
            code = exc.code
    return Ended(code, out.getvalue(), err.getvalue())


COMMAND = [sys.executable, "-c", "from secretsync.cli.seal import main; raise SystemExit(main())"]


def environment(**extra):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEALED_")}
    return {**kept, "PYTHONPATH": str(ROOT), **extra}


def seal_process(*arguments, stdin=b"", **extra):
    """Run the command as a process of its own."""
    ended = subprocess.run(
        [*COMMAND, *(str(argument) for argument in arguments)],
        input=stdin,
        capture_output=True,
        env=environment(**extra),
        timeout=180,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def key_list(*keys):
    """A List of key Secrets, as kubectl writes it."""
    items = [key_object(f"sealed-secrets-key{at}", key) for at, key in enumerate(keys)]
    return {"apiVersion": "v1", "kind": "List", "items": items}
