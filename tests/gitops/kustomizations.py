"""Kustomizations made at random, of what people write into theirs, and of what trips YAML up."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml

from secretsync.gitops.sources.git_tree import GitTree, TreeEntry
from secretsync.gitops.sources.source_files import SourceFiles
from secretsync.resources.application_spec import Source

__all__ = ["files_of", "random_kustomization", "write"]

#: What one version of YAML takes for text and another does not, and what needs quotes.
TEXTS = (
    *("plain", "two words", "yes", "no", "on", "off", "true", "False", "null", "~", ""),
    *("0", "1", "0123", "0x1F", "1.5", "-1", "1_000", "1:30", ".inf"),
    *("2001-01-01", "a: b", "a #b", "# c", "- d", "*e", "&f", "!g", "=", "<<", "? h", "@i", "%j"),
    *(" lead", "trail ", "multi\nline\n", "no newline\nat end", "tab\there", "'", '"', "{}"),
    *("a<b>&c", "100m", "5Mi", "10.0.0.1", "--flag=1", "-", "$(VAR)", "x" * 300, "a\n\n\nb\n "),
)
NAMES = ("web", "api", "db", "cache")
IMAGES = ("web", "example.invalid/web", "example.invalid:5000/a/web:1", "web:1.2@sha256:abc0")
Rng = random.Random


def write(root: Path, files: dict[str, Any]) -> None:
    """Write files: text as it is, objects as YAML."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, str):
            many = content if isinstance(content, list) else [content]
            target.write_text(yaml.safe_dump_all(many, sort_keys=False))
        else:
            target.write_text(content)


def files_of(root: Path, folder: str) -> SourceFiles:
    """Return the files of a folder as those of a commit."""
    entries = {"": TreeEntry("040000", "root", 0)}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        mode = "120000" if path.is_symlink() else "040000" if path.is_dir() else "100644"
        entries[name] = TreeEntry(mode, name, 0)
    source = Source(repo_url="https://git.example.invalid/r.git", path=folder)
    return SourceFiles(source, GitTree("0" * 40, entries), root)


def random_kustomization(rng: Rng) -> dict[str, Any]:
    """Return the files of `overlay`, on bases of its own."""
    names = rng.sample(NAMES, rng.randint(1, 3))
    base = {f"{name}.yaml": _objects(rng, name) for name in names}
    found: dict[str, Any] = {f"base/{path}": objects for path, objects in base.items()}
    found["base/kustomization.yaml"] = {
        "resources": list(base),
        **_changes(rng, names, found, "base"),
    }
    middle = rng.random() < 0.3
    if middle:
        found["middle/kustomization.yaml"] = {
            "resources": ["../base"],
            **_changes(rng, names, found, "middle"),
        }
    found["overlay/kustomization.yaml"] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../middle" if middle else "../base"],
        **_changes(rng, names, found, "overlay"),
    }
    if rng.random() < 0.5:
        found["overlay/own.yaml"] = _config(rng, "own")
        found["overlay/kustomization.yaml"]["resources"].append("own.yaml")
    return found


def _objects(rng: Rng, name: str) -> list[dict[str, Any]]:
    makers = (
        _config,
        _secret,
        _deployment,
        _service,
        _cron_job,
        _external_secret,
        _ingress,
        _other,
    )
    return [make(rng, name) for make in rng.sample(makers, rng.randint(1, 4))]


def _texts(rng: Rng, most: int = 3) -> dict[str, str]:
    keys = rng.sample(("a", "b.c", "example.com/d", "on", "e_f"), rng.randint(1, most))
    return {key: rng.choice(TEXTS) for key in keys}


def _meta(rng: Rng, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name}
    if rng.random() < 0.1:
        found["namespace"] = "elsewhere"
    if rng.random() < 0.4:
        found["labels"] = {"app": name, "tier": rng.choice(("1", "true", "front"))}
    if rng.random() < 0.3:
        found["annotations"] = _texts(rng)
    return found


def _config(rng: Rng, name: str) -> dict[str, Any]:
    found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(rng, name)}
    return found if rng.random() < 0.1 else {**found, "data": _texts(rng)}


def _secret(rng: Rng, name: str) -> dict[str, Any]:
    found = {"apiVersion": "v1", "kind": "Secret", "metadata": _meta(rng, name)}
    return {**found, "type": "Opaque", "stringData": _texts(rng)}


def _pod(rng: Rng) -> dict[str, Any]:
    containers = [
        {
            "name": f"c{number}",
            "image": rng.choice(IMAGES),
            "args": [rng.choice(TEXTS) for _ in range(rng.randint(0, 2))],
            "env": [{"name": "A", "value": rng.choice(TEXTS)}],
            "resources": {"limits": {"cpu": rng.choice(("100m", "1", "0.5"))}},
        }
        for number in range(rng.randint(1, 2))
    ]
    pod: dict[str, Any] = {"containers": containers, "volumes": [{"name": "v", "emptyDir": {}}]}
    if rng.random() < 0.3:
        pod["initContainers"] = [{"name": "i", "image": rng.choice(IMAGES)}]
    return pod


def _template(rng: Rng, name: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": name}}, "spec": _pod(rng)}


def _deployment(rng: Rng, name: str) -> dict[str, Any]:
    kind = rng.choice(("Deployment", "StatefulSet", "DaemonSet"))
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}},
        "template": _template(rng, name),
    }
    if rng.random() < 0.5 and kind != "DaemonSet":
        spec["replicas"] = rng.randint(0, 9)
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": _meta(rng, name), "spec": spec}


def _service(rng: Rng, name: str) -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": rng.choice((8080, "http")), "name": "http"}]
    spec = {"selector": {"app": name}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(rng, name), "spec": spec}


def _cron_job(rng: Rng, name: str) -> dict[str, Any]:
    job = {"template": {"spec": {**_pod(rng), "restartPolicy": "Never"}}}
    if rng.random() < 0.3:
        meta = {"apiVersion": "batch/v1", "kind": "Job", "metadata": _meta(rng, name)}
        return {**meta, "spec": job}
    spec = {"schedule": "*/5 * * * *", "suspend": rng.random() < 0.5, "jobTemplate": {"spec": job}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": _meta(rng, name), "spec": spec}


def _external_secret(rng: Rng, name: str) -> dict[str, Any]:
    if rng.random() < 0.3:
        spec: dict[str, Any] = {"encryptedData": {"a": "AgBy" * 30}, "template": {"type": "Opaque"}}
        meta = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret"}
        return {**meta, "metadata": _meta(rng, name), "spec": spec}
    spec = {
        "refreshInterval": "1h",
        "secretStoreRef": {"name": "aws", "kind": "ClusterSecretStore"},
        "data": [{"secretKey": "a", "remoteRef": {"key": rng.choice(TEXTS) or "k"}}],
    }
    meta = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret"}
    return {**meta, "metadata": _meta(rng, name), "spec": spec}


def _ingress(rng: Rng, name: str) -> dict[str, Any]:
    service = {"name": name, "port": {"number": 80}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": {"service": service}}]
    spec = {"rules": [{"host": "web.example.invalid", "http": {"paths": paths}}]}
    meta = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
    return {**meta, "metadata": _meta(rng, name), "spec": spec}


def _other(rng: Rng, name: str) -> dict[str, Any]:
    kind = rng.choice(("ServiceAccount", "PersistentVolumeClaim"))
    found = {"apiVersion": "v1", "kind": kind, "metadata": _meta(rng, name)}
    if kind == "ServiceAccount":
        return found
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
    return {**found, "spec": claim}


def _changes(rng: Rng, names: list[str], files: dict[str, Any], folder: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rng.random() < 0.6:
        found["namespace"] = rng.choice(("shop", "team-a"))
    if rng.random() < 0.5:
        found["labels"] = [{"pairs": {"team": "a", "on": "yes"}}, {"pairs": {"team": "b"}}]
    if rng.random() < 0.3:
        found["commonAnnotations"] = _texts(rng)
    if rng.random() < 0.3:
        change = {"newName": "mirror.invalid/web", "newTag": "2.0-rc1", "digest": "sha256:abcdef01"}
        kept = rng.sample(sorted(change), rng.randint(1, 3))
        name = rng.choice(("web", "example.invalid/web", "nobody"))
        found["images"] = [{"name": name, **{key: change[key] for key in kept}}]
    if rng.random() < 0.1:
        found["replicas"] = [{"name": rng.choice(names), "count": rng.randint(0, 5)}]
    if rng.random() < 0.5:
        _patches(rng, files, folder, found)
    return found


def _patches(rng: Rng, files: dict[str, Any], folder: str, found: dict[str, Any]) -> None:
    targets = [
        obj
        for path, objects in files.items()
        if path.startswith("base/")
        for obj in objects
        if isinstance(obj, dict)
    ]
    if not targets:
        return
    obj = rng.choice(targets)
    patch: dict[str, Any] = {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": {"name": obj["metadata"]["name"]},
    }
    kind = rng.random()
    if obj["kind"] == "ConfigMap":
        patch["data"] = _texts(rng)
    elif obj["kind"] in ("Deployment", "StatefulSet") and kind < 0.6:
        patch["spec"] = {"replicas": rng.randint(0, 9)}
    else:
        patch["metadata"]["annotations"] = _texts(rng)
        patch["metadata"]["labels"] = {"patched": rng.choice(TEXTS[:6])}
    if rng.random() < 0.3:
        found["patches"] = [{"patch": yaml.safe_dump(patch)}]
    else:
        files[f"{folder}/patch.yaml"] = patch
        found["patches"] = [{"path": "patch.yaml"}]
