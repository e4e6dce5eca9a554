"""The stores that the tour can show: each with a server of its own where one is needed.

A demo gives the manifests that are synced and puts values where their store looks for
them. Manifests of `examples/stores` are copied, with the address that their server has in
this run in the place of the example's. Neighbours: `embedded_*` are the servers.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from examples.embedded_aws import EmbeddedAws
from examples.embedded_openbao import embedded_openbao
from examples.embedded_webhook import embedded_webhook

__all__ = ["DEMOS", "Demo"]

ROOT = Path(__file__).resolve().parent.parent
#: Some of these files hold tokens or values.
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Demo:
    """One store, ready to be synced from.

    Args:
        title: what it is and where.
        manifests: below ROOT.
        target: folder of the cluster that Secrets go to, below ROOT.
        put: writes a secret, by its name there and its properties.
        names: of the secrets, the database's first.
        env: on top of our own environment.
        with_registry: whether there is an ExternalSecret for a registry as well.
    """

    title: str
    manifests: Path
    target: Path
    put: Callable[[str, Mapping[str, Any]], None]
    names: tuple[str, str]
    env: Mapping[str, str] = field(default_factory=dict)
    with_registry: bool = False


def _out(store: str) -> Path:
    return Path("out/stores") / store


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    opener = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(opener, "w") as file:
        file.write(text)


def _copy(store: str, changes: Mapping[str, str], *more: object) -> Path:
    """Copy a store's manifests with texts changed, and more objects beside them."""
    text = (ROOT / "examples/stores" / f"{store}.yaml").read_text()
    for old, new in changes.items():
        if old not in text:
            raise RuntimeError(f"examples/stores/{store}.yaml no longer holds {old}")
        text = text.replace(old, new)
    folder = _out(store) / "manifests"
    _write(ROOT / folder / f"{store}.yaml", text)
    for number, obj in enumerate(more):
        _write(ROOT / folder / f"more-{number}.yaml", yaml.safe_dump(obj))
    return folder


def _secret(name: str, namespace: str, values: Mapping[str, str], **labels: str) -> object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def _paths() -> tuple[str, str]:
    return "production/database", "production/payments"


@contextlib.contextmanager
def _aws() -> Iterator[Demo]:
    with EmbeddedAws() as aws:
        yield Demo(
            f"An embedded AWS Secrets Manager listens on {aws.url}",
            Path("examples/quickstart"),
            Path("out/quickstart"),
            lambda name, properties: aws.put(name, json.dumps(properties)),
            _paths(),
            aws.environment(),
            with_registry=True,
        )


@contextlib.contextmanager
def _parameter_store() -> Iterator[Demo]:
    with EmbeddedAws() as aws:
        yield Demo(
            f"An embedded AWS Parameter Store listens on {aws.url}",
            Path("examples/stores/parameter-store.yaml"),
            _out("parameter-store") / "cluster",
            lambda name, properties: aws.put_parameter(name, json.dumps(properties)),
            ("/production/database", "/production/payments"),
            aws.environment(),
        )


@contextlib.contextmanager
def _gcp() -> Iterator[Demo]:
    # Google's SDK takes a second to load, which only this demo should pay.
    from examples.embedded_google import embedded_google  # noqa: PLC0415 - as above

    with embedded_google() as google:
        yield Demo(
            f"A stand-in for Google Secret Manager listens on {google.url}",
            Path("examples/stores/gcp.yaml"),
            _out("gcp") / "cluster",
            google.put,
            ("production-database", "production-payments"),
            google.environment(),
        )


def _key_value(store: str) -> Callable[[], AbstractContextManager[Demo]]:
    @contextlib.contextmanager
    def demo() -> Iterator[Demo]:
        with embedded_openbao() as bao:
            token = _secret(f"{store}-token", "shop", {"token": bao.token})
            shown = _copy(store, {f"https://{store}.example.com:8200": bao.url}, token)
            spoken = " (which speaks Vault's API)" if store == "vault" else ""
            yield Demo(
                f"An embedded OpenBao{spoken} listens on {bao.url}",
                shown,
                _out(store) / "cluster",
                bao.put,
                _paths(),
            )

    return demo


@contextlib.contextmanager
def _kubernetes() -> Iterator[Demo]:
    target = _out("kubernetes") / "cluster"

    def put(name: str, properties: Mapping[str, str]) -> None:
        text = yaml.safe_dump(_secret(name, "platform", properties))
        _write(ROOT / target / "platform/secrets" / f"{name}.yaml", text)

    yield Demo(
        f"Namespace platform of the cluster dir:{target} is the store",
        Path("examples/stores/kubernetes.yaml"),
        target,
        put,
        ("database", "payments"),
    )


@contextlib.contextmanager
def _webhook() -> Iterator[Demo]:
    with embedded_webhook() as hook:
        label = {"external-secrets.io/type": "webhook"}
        token = _secret("webhook-token", "shop", {"token": hook.token}, **label)
        yield Demo(
            f"An embedded secrets service listens on {hook.url}",
            _copy("webhook", {"https://secrets.example.com": hook.url}, token),
            _out("webhook") / "cluster",
            hook.put,
            _paths(),
            # Private networks are for the operator to allow.
            {"SECRETSYNC_WEBHOOK_NETWORKS": "127.0.0.1"},
        )


@contextlib.contextmanager
def _fake() -> Iterator[Demo]:
    shown = _copy("fake", {})
    manifest = ROOT / shown / "fake.yaml"

    def put(name: str, properties: Mapping[str, str]) -> None:
        objects = list(yaml.safe_load_all(manifest.read_text()))
        for entry in objects[0]["spec"]["provider"]["fake"]["data"]:
            if entry["key"] == name:
                entry["value"] = json.dumps(dict(properties))
        _write(manifest, yaml.safe_dump_all(objects))

    yield Demo(
        f"The values stand in the store itself, in {shown}/fake.yaml",
        shown,
        _out("fake") / "cluster",
        put,
        _paths(),
    )


@contextlib.contextmanager
def _directory() -> Iterator[Demo]:
    folder = ROOT / _out("directory") / "files"
    shown = _copy("directory", {"/var/run/secrets/example": str(folder)})
    yield Demo(
        f"The folder {_out('directory') / 'files'} is the store",
        shown,
        _out("directory") / "cluster",
        lambda name, properties: _write(folder / name, json.dumps(dict(properties))),
        _paths(),
        {"SECRETSYNC_DIRECTORY_ROOTS": str(folder)},
    )


#: What STORE may be → what provides it.
DEMOS: Mapping[str, Callable[[], AbstractContextManager[Demo]]] = {
    "aws": _aws,
    "parameter-store": _parameter_store,
    "gcp": _gcp,
    "openbao": _key_value("openbao"),
    "vault": _key_value("vault"),
    "kubernetes": _kubernetes,
    "webhook": _webhook,
    "fake": _fake,
    "directory": _directory,
}
