"""`run PATH...`: PushSecrets of files, and what makes them, are pushed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.rig import INTERVAL, Rig, eventually, steady

PUSHES = ("CreateSecret", "PutSecretValue", "DeleteSecret", "TagResource")


def _put(folder: Path, obj: dict[str, Any], name: str = "") -> None:
    file = folder / f"{name or obj['kind'].lower()}.yaml"
    new = folder / f".{file.name}"
    new.write_text(yaml.dump(obj))
    new.chmod(0o600)
    new.replace(file)


def _push_spec(source: dict[str, Any], *places: str, **spec: Any) -> dict[str, Any]:
    return {
        "secretStoreRefs": [{"name": "aws", "kind": "ClusterSecretStore"}],
        "selector": source,
        "data": [
            {"match": {"secretKey": "password", "remoteRef": {"remoteKey": place}}}
            for place in places
        ],
        **spec,
    }


def _push(source: dict[str, Any], *places: str, name: str = "back", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "PushSecret",
        "metadata": {"name": name},
        "spec": _push_spec(source, *places, **spec),
    }


def _maker(rig: Rig, kind: str, version: str, field: str, spec: dict[str, Any]) -> dict[str, Any]:
    labels = {"kubernetes.io/metadata.name": rig.site.namespace}
    return {
        "apiVersion": f"external-secrets.io/{version}",
        "kind": kind,
        "metadata": {"name": "made"},
        "spec": {"namespaceSelectors": [{"matchLabels": labels}], field: spec},
    }


def _namespace(rig: Rig) -> dict[str, Any]:
    labels = {"kubernetes.io/metadata.name": rig.site.namespace}
    metadata = {"name": rig.site.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _pushed(rig: Rig, place: str) -> str:
    """Return what AWS holds at a place, "" for nothing."""
    try:
        found = rig.aws.call("GetSecretValue", SecretId=place)
    except AssertionError:
        return ""
    return base64.b64decode(found["SecretBinary"]).decode()


def test_path_makers_and_pushes_are_served(rig: Rig, manifests: Path) -> None:
    rig.upstream("one")
    read = {
        "refreshInterval": INTERVAL,
        "secretStoreRef": {"name": "aws", "kind": "ClusterSecretStore"},
        "data": [{"secretKey": "password", "remoteRef": {"key": "one", "property": "password"}}],
    }
    _put(manifests, _namespace(rig))
    _put(manifests, _maker(rig, "ClusterExternalSecret", "v1", "externalSecretSpec", read))
    push = _push_spec({"secret": {"name": "made"}}, "everywhere")
    _put(manifests, _maker(rig, "ClusterPushSecret", "v1alpha1", "pushSecretSpec", push))
    _put(manifests, _push({"secret": {"name": "made"}}, "back"))
    service = rig.start(str(manifests), "--namespace", rig.site.namespace)
    rig.wait_holds("made")
    for place in ("back", "everywhere"):
        eventually(lambda place=place: _pushed(rig, place) == rig.value("v1"))
    rig.upstream("one", "v2")
    for place in ("back", "everywhere"):
        eventually(lambda place=place: _pushed(rig, place) == rig.value("v2"))
    assert rig.site.names("PushSecret") == []
    service.stop()
    rig.front.calls.clear()
    rig.start(str(manifests), "--namespace", rig.site.namespace)
    eventually(lambda: rig.front.count("GetSecretValue") >= 2)
    steady(lambda: [rig.front.count(each) for each in PUSHES], for_s=2)
    assert sum(map(rig.front.count, PUSHES)) == 0


def test_path_push_follows_its_files_and_leaves_what_it_pushed(rig: Rig, manifests: Path) -> None:
    def source(text: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "given"},
            "stringData": {"password": rig.value(text)},
        }

    _put(manifests, source("v1"))
    _put(manifests, _push({"secret": {"name": "given"}}, "a", "b", deletionPolicy="Delete"))
    service = rig.start(str(manifests), "--namespace", rig.site.namespace)
    eventually(lambda: _pushed(rig, "b") == rig.value("v1"))
    _put(manifests, source("v2"))
    for place in ("a", "b"):
        eventually(lambda place=place: _pushed(rig, place) == rig.value("v2"))
    _put(manifests, _push({"secret": {"name": "given"}}, "a", deletionPolicy="Delete"))
    eventually(lambda: rig.front.count("DeleteSecret") == 1)
    (manifests / "pushsecret.yaml").unlink()
    eventually(lambda: "what it pushed stays" in service.log_text())
    steady(lambda: _pushed(rig, "a"), for_s=1)
    assert (_pushed(rig, "a"), rig.front.count("DeleteSecret")) == (rig.value("v2"), 1)


def test_path_generated_push_stays_over_a_restart_and_follows_its_generator(
    rig: Rig, manifests: Path
) -> None:
    generator = {
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": "Password",
        "metadata": {"name": "new"},
        "spec": {"length": 24},
    }
    _put(manifests, generator)
    source = {"generatorRef": {"kind": "Password", "name": "new"}}
    _put(manifests, _push(source, "generated"))
    service = rig.start(str(manifests), "--namespace", rig.site.namespace)
    first = eventually(lambda: _pushed(rig, "generated"))
    assert len(first) == 24
    service.stop()
    rig.front.calls.clear()
    rig.start(str(manifests), "--namespace", rig.site.namespace)
    eventually(lambda: rig.front.count("DescribeSecret") + rig.front.count("GetSecretValue") > 0)
    steady(lambda: _pushed(rig, "generated"), for_s=1)
    assert _pushed(rig, "generated") == first
    _put(manifests, {**generator, "spec": {"length": 30}})
    eventually(lambda: len(_pushed(rig, "generated")) == 30)
