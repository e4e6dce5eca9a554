"""What is sealed and opened across the two implementations, and who does it.

A sealer takes Secrets and gives SealedSecrets, an opener the other way; a test joins
one of each.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from sealing import Scope, parse_certificate, seal_secret, unseal_manifest
from tests.support.sealed_objects import SealedObjects
from tests.support.sealed_peer import Peer
from tests.support.sealing_commands import kubeseal, ran, seal, secretsync

__all__ = ["CASES", "OPENERS", "SEALERS", "data_wanted", "live", "name_of", "secrets_of"]

Objects = Sequence[dict[str, Any]]

#: The most that an API server lets one Secret hold.
MEGABYTE = bytes(range(256)) * 4096


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


#: Keys of other letters than ASCII are no Secret's that an API server takes; those go
#: between library and kubeseal in tests/sealing.
CASES: dict[str, dict[str, Any]] = {
    "data": {"data": {"user": _b64(b"app"), "password": _b64(b"hunter2\n")}},
    "string-data": {"stringData": {"k": "text", "z": "1.50"}, "data": {"k": _b64(b"x")}},
    "binary": {"data": {"k": _b64(bytes(range(256))), "nul": _b64(b"\0")}},
    "empty-value": {"data": {"k": ""}, "stringData": {"s": ""}},
    "megabyte": {"data": {"k": _b64(MEGABYTE)}},
    "unicode": {"stringData": {"k": "wärt\u2028<&>", "kanji": "鍵\U0001f511"}},
    "many-keys": {"stringData": {f"key-{number:03}": str(number) for number in range(60)}},
}


def data_wanted(case: str) -> dict[str, bytes]:
    """Return the data of the Secret that a case is about."""
    fields = CASES[case]
    data = {key: base64.b64decode(text) for key, text in fields.get("data", {}).items()}
    return data | {key: text.encode() for key, text in fields.get("stringData", {}).items()}


def name_of(case: str, scope: Scope, prefix: str = "") -> str:
    """Return the name of the Secret of a case."""
    return "-".join(part for part in (prefix, case, str(scope)) if part)


def secrets_of(scope: Scope, namespace: str, prefix: str = "") -> list[dict[str, Any]]:
    """Return the Secrets of all cases, as a person writes them."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name_of(case, scope, prefix),
                "namespace": namespace,
                "labels": {"app": "shop"},
                "annotations": {"note": "für später"},
            },
            "type": "Opaque",
            **fields,
        }
        for case, fields in CASES.items()
    ]


def _by_library(secrets: Objects, scope: Scope, cert: Path) -> list[dict[str, Any]]:
    certificate, now = parse_certificate(cert.read_bytes()), datetime.now(UTC)
    return [seal_secret(secret, certificate, now=now, scope=scope) for secret in secrets]


def _by_command(command: Callable[..., Any]) -> Callable[..., list[dict[str, Any]]]:
    """Seal with one run over a stream of documents, as `kustomize build | kubeseal` does."""

    def sealer(secrets: Objects, scope: Scope, cert: Path) -> list[dict[str, Any]]:
        text = yaml.dump_all(secrets, Dumper=yaml.CSafeDumper, allow_unicode=True)
        arguments = ("--cert", cert, "--scope", str(scope), "-o", "yaml")
        output = ran(command(*arguments, given=text.encode()))
        return list(yaml.load_all(output, Loader=yaml.CSafeLoader))

    return sealer


SEALERS: dict[str, Callable[[Objects, Scope, Path], list[dict[str, Any]]]] = {
    "library": _by_library,
    "seal": _by_command(seal),
    "kubeseal": _by_command(kubeseal),
}


def live(sealed: Objects, objects: SealedObjects) -> dict[str, dict[str, Any]]:
    """Put them into the cluster and take what a controller makes there."""
    for each in sealed:
        objects.put(each)
    found = {}
    for each in sealed:
        name = each["metadata"]["name"]
        objects.wait_condition(name, "True")
        found[name] = objects.secret(name) or {}
    return found


def _by_controller(sealed: Objects, peer: Peer, folder: Path) -> dict[str, dict[str, Any]]:
    return live(sealed, peer.objects)


def _by_recovery(
    command: Callable[..., Any],
) -> Callable[[Objects, Peer, Path], dict[str, dict[str, Any]]]:
    """Run `--recovery-unseal` for each: it reads the first document only."""

    def opener(sealed: Objects, peer: Peer, folder: Path) -> dict[str, dict[str, Any]]:
        arguments = ("--recovery-unseal", "--recovery-private-key", peer.key_file)
        runs = (command(*arguments, given=json.dumps(each).encode()) for each in sealed)
        found = [json.loads(ran(run)) for run in runs]
        return {each["metadata"]["name"]: each for each in found}

    return opener


def _by_our_library(sealed: Objects, peer: Peer, folder: Path) -> dict[str, dict[str, Any]]:
    ring = peer.ring
    return {each["metadata"]["name"]: unseal_manifest(each, ring) for each in sealed}


def _by_sync(sealed: Objects, peer: Peer, folder: Path) -> dict[str, dict[str, Any]]:
    """Run `secretsync sync` once over a file of them into a directory cluster."""
    manifest, cluster = folder / "sealed.yaml", folder / "cluster"
    manifest.write_text(yaml.dump_all(sealed, Dumper=yaml.CSafeDumper, allow_unicode=True))
    ran(secretsync("sync", manifest, "--to", f"dir:{cluster}", "--sealing-key", peer.key_file))
    files = cluster.glob("*/secrets/*.yaml")
    return {file.stem: yaml.load(file.read_text(), Loader=yaml.CSafeLoader) for file in files}


def _by_sync_to_the_cluster(sealed: Objects, peer: Peer, folder: Path) -> dict[str, dict[str, Any]]:
    """Run `secretsync sync` into the API server, with the keys that the controller keeps there."""
    manifest = folder / "sealed.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": sealed}))
    env = {"KUBECONFIG": str(peer.server.kubeconfig)}
    keys = ("--sealing-namespace", peer.namespace)
    ran(secretsync("sync", manifest, "--to", "kube", *keys, env=env))
    names = [each["metadata"]["name"] for each in sealed]
    return {name: peer.objects.secret(name) or {} for name in names}


OPENERS: dict[str, Callable[[Objects, Peer, Path], dict[str, dict[str, Any]]]] = {
    "controller": _by_controller,
    "kubeseal": _by_recovery(kubeseal),
    "seal": _by_recovery(seal),
    "our library": _by_our_library,
    "sync": _by_sync,
    "sync to the cluster": _by_sync_to_the_cluster,
}
