"""What an Application changes in a kustomization, against `kustomize edit` as Argo CD runs it."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.gitops.errors import RenderError
from tests.gitops.rendering_kit import MAP, Scene
from tests.support.tools import tool_path

pytestmark = pytest.mark.built

WORKLOAD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: example.com/web}
      - {name: side, image: "side:1"}
"""
COMPONENT = (
    "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [extra.yaml]\n"
)
FILES = {
    "base/kustomization.yaml": "resources: [map.yaml]\n",
    "base/map.yaml": MAP % ("settings", 1),
    "parts/extra/kustomization.yaml": COMPONENT,
    "parts/extra/extra.yaml": MAP % ("extra", 1),
    "parts/more/kustomization.yaml": COMPONENT,
    "parts/more/extra.yaml": MAP % ("more", 1),
    "apps/web/workload.yaml": WORKLOAD,
    "apps/web/value.txt": "x",
}
PLAIN = "resources: [workload.yaml, ../../base]\n"
FULL = """
resources: [workload.yaml, ../../base]
namePrefix: a-
nameSuffix: -z
namespace: theirs
commonLabels: {team: theirs}
commonAnnotations: {owner: theirs}
labels:
- {pairs: {tier: theirs}}
- {pairs: {deep: theirs}, includeTemplates: true}
images:
- {name: example.com/web, newName: registry.example.com/web, newTag: "1"}
- {name: other, newTag: "3"}
replicas: [{name: web, count: 3}]
configMapGenerator: [{name: made, files: [value.txt]}]
components: [../../parts/extra]
patches:
- patch: '[{"op": "add", "path": "/data/patched", "value": "1"}]'
  target: {kind: ConfigMap, name: settings}
"""
#: An option of an Application → what Argo CD has `kustomize edit` do.
OPTIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "prefix": ({"namePrefix": "b-"}, ["set", "nameprefix", "--", "b-"]),
    "suffix": ({"nameSuffix": "-y"}, ["set", "namesuffix", "--", "-y"]),
    "namespace": ({"namespace": "ours"}, ["set", "namespace", "--", "ours"]),
    "tag": ({"images": ["example.com/web:2"]}, ["set", "image", "example.com/web:2"]),
    "renamed": (
        {"images": ["side=registry.example.com/side:4", "new@sha256:ab"]},
        ["set", "image", "side=registry.example.com/side:4", "new@sha256:ab"],
    ),
    "kept": (
        {"images": ["example.com/web=*:5"]},
        ["set", "image", "example.com/web=*:5"],
    ),
    "replicas": (
        {"replicas": [{"name": "web", "count": 5}]},
        ["set", "replicas", "web=5"],
    ),
    "labels": ({"commonLabels": {"a": "b"}}, ["add", "label", "a:b"]),
    "annotations": ({"commonAnnotations": {"c": "d"}}, ["add", "annotation", "c:d"]),
    "components": (
        {"components": ["../../parts/more"]},
        ["add", "component", "../../parts/more"],
    ),
}
FORCED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "labels": (
        {"commonLabels": {"team": "ours"}, "forceCommonLabels": True},
        ["add", "label", "--force", "team:ours"],
    ),
    "without selector": (
        {"commonLabels": {"a": "b"}, "labelWithoutSelector": True},
        ["add", "label", "--without-selector", "a:b"],
    ),
    "without selector, with templates": (
        {"commonLabels": {"a": "b"}, "labelWithoutSelector": True, "labelIncludeTemplates": True},
        ["add", "label", "--without-selector", "--include-templates", "a:b"],
    ),
    "without selector, forced": (
        {
            "commonLabels": {"tier": "ours"},
            "labelWithoutSelector": True,
            "forceCommonLabels": True,
        },
        ["add", "label", "--without-selector", "--force", "tier:ours"],
    ),
    "annotations": (
        {"commonAnnotations": {"owner": "ours"}, "forceCommonAnnotations": True},
        ["add", "annotation", "--force", "owner:ours"],
    ),
}


class Bench:
    """An application, and the same folder edited by kustomize itself."""

    def __init__(self, folder: Path, kustomization: str) -> None:
        self.scene = Scene(folder)
        self.folder = folder
        self.files = {**FILES, "apps/web/kustomization.yaml": kustomization}
        self.scene.repository.commit(self.files)

    def ours(self, options: dict[str, Any]) -> list[Any]:
        """Render with options."""
        return list(self.scene.render("apps/web", kustomize=options).objects)

    def theirs(self, *verbs: list[str]) -> list[Any]:
        """Edit a copy, and build it."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        for path, text in self.files.items():
            target = copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        for verb in verbs:
            self._kustomize(copy, "edit", *verb)
        return list(yaml.safe_load_all(self._kustomize(copy, "build", ".")))

    def _kustomize(self, copy: Path, *arguments: str) -> bytes:
        command = [str(tool_path("kustomize")), *arguments]
        done = subprocess.run(command, cwd=copy / "apps/web", check=True, capture_output=True)
        return done.stdout


@pytest.mark.parametrize("kustomization", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("name", OPTIONS)
def test_option_changes_what_kustomize_edit_changes(
    tmp_path: Path, kustomization: str, name: str
) -> None:
    options, verb = OPTIONS[name]
    bench = Bench(tmp_path, kustomization)
    assert bench.ours(options) == bench.theirs(verb)


@pytest.mark.parametrize("name", FORCED)
def test_option_that_overrules_changes_what_kustomize_edit_changes(
    tmp_path: Path, name: str
) -> None:
    options, verb = FORCED[name]
    bench = Bench(tmp_path, FULL)
    assert bench.ours(options) == bench.theirs(verb)


def test_options_together_change_what_kustomize_edit_changes(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - which options meet, not a secret
    bench = Bench(tmp_path, FULL)
    for _ in range(8):
        # As Argo CD has them: in the order of the table.
        chosen = sorted(chance.sample(list(OPTIONS), 4), key=list(OPTIONS).index)
        images = [name for name in chosen if "images" in OPTIONS[name][0]]
        chosen = [name for name in chosen if name not in images[1:]]
        options = {key: value for name in chosen for key, value in OPTIONS[name][0].items()}
        assert bench.ours(options) == bench.theirs(*(OPTIONS[name][1] for name in chosen)), chosen


def test_patch_is_added_to_those_of_the_kustomization(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FULL)
    patch = '[{"op": "add", "path": "/data/ours", "value": "2"}]'
    made = bench.ours({"patches": [{"patch": patch, "target": {"kind": "ConfigMap"}}]})
    data = {obj["metadata"]["name"]: obj["data"] for obj in made if obj["kind"] == "ConfigMap"}
    assert data["a-settings-z"] == {"a": "1", "patched": "1", "ours": "2"}


def test_repository_is_not_changed_by_what_an_application_adds(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FULL)
    plain = bench.ours({})
    bench.ours({"namePrefix": "b-"})
    bench.scene.renderer.forget()
    layouts = list((tmp_path / "cache" / "trees").iterdir())
    texts = [file.read_text() for file in layouts[0].rglob("kustomization.yaml")]
    assert FULL in texts
    assert bench.ours({}) == plain


@pytest.mark.parametrize(
    ("options", "force"),
    [
        ({"commonLabels": {"team": "ours"}}, "forceCommonLabels"),
        ({"commonAnnotations": {"owner": "ours"}}, "forceCommonAnnotations"),
        ({"commonLabels": {"tier": "ours"}, "labelWithoutSelector": True}, "forceCommonLabels"),
    ],
)
def test_what_is_there_already_is_not_overruled_without_force(
    tmp_path: Path, options: dict[str, Any], force: str
) -> None:
    with pytest.raises(RenderError, match="is in the kustomization already") as caught:
        Bench(tmp_path, FULL).ours(options)
    assert force in caught.value.remedy
