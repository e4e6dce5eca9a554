"""What is built without the kustomize program is what the program builds."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from secretsync.gitops.errors import RenderError
from secretsync.gitops.model import Object
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.render.kustomize_simple import simple_objects
from secretsync.gitops.sources.source_files import objects_of
from tests.gitops.kustomizations import files_of, random_kustomization, write

pytestmark = pytest.mark.built

CASES = int(os.environ.get("KUSTOMIZE_CASES", "40"))
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"a": "1"}}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}},
}


def built(root: Path, folder: str) -> list[Object] | None:
    """Return what the program builds, None where it refuses."""
    try:
        text = Programs().run("kustomize", ["build", "."], cwd=root / folder)
    except RenderError:
        return None
    return objects_of(text, file="kustomize")


@pytest.mark.timeout(300)
def test_random_kustomization_is_built_as_by_the_program(tmp_path: Path) -> None:
    rng, simple = random.Random(11), 0  # noqa: S311 - the same cases at each run
    for number in range(CASES):
        root = tmp_path / str(number)
        write(root, random_kustomization(rng))
        found = simple_objects(files_of(root, "overlay"))
        if found is None:
            continue
        simple += 1
        assert found == built(root, "overlay"), f"case {number} in {root}"
    assert simple >= CASES // 4


def case(kustomization: dict[str, Any] | str, **files: Any) -> dict[str, Any]:
    """Return the files of a folder with one kustomization."""
    found = {"overlay/kustomization.yaml": kustomization, "overlay/a.yaml": CONFIG}
    return found | {path.replace("__", "/") + ".yaml": content for path, content in files.items()}


ONE: dict[str, Any] = {"resources": ["a.yaml"]}
NOT_SIMPLE = {
    "a prefix": case({**ONE, "namePrefix": "x-"}),
    "a generator": case({**ONE, "configMapGenerator": [{"name": "g", "literals": ["a=b"]}]}),
    "labels of selectors": case(
        {**ONE, "labels": [{"pairs": {"a": "b"}, "includeSelectors": True}]}
    ),
    "labels for all": case({**ONE, "commonLabels": {"a": "b"}}),
    "another order": case({**ONE, "sortOptions": {"order": "fifo"}}),
    "a component": case({**ONE, "kind": "Component"}),
    "a field in other letters": case({**ONE, "Namespace": "shop"}),
    "nothing": case({"namespace": "shop"}),
    "a file that is missing": case({"resources": ["b.yaml"]}),
    "a file twice": case({"resources": ["a.yaml", "a.yaml"]}),
    "a file above": case({"resources": ["../b.yaml"]}, b=CONFIG),
    "a folder above itself": case({"resources": [".."]}),
    "a host": case({"resources": ["example.com/r"]}),
    "an alias": case(
        ONE, overlay__a="apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a}\nx: *m\n"
    ),
    "a tag": case(ONE, overlay__a="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: !!str a}\n"),
    "a float": case(ONE, overlay__a={**CONFIG, "x": 1.5}),
    "a long number": case(ONE, overlay__a={**CONFIG, "x": 10**20}),
    "a null": case(ONE, overlay__a={**CONFIG, "x": None}),
    "a word that was a truth once": case(ONE, overlay__a="kind: yes\n"),
    "letters of other scripts": case(ONE, overlay__a={**CONFIG, "data": {"a": "\u00e4"}}),
    "a kind that names others": case(ONE, overlay__a={**CONFIG, "kind": "Namespace"}),
    "an annotation for kustomize": case(
        ONE,
        overlay__a={
            **CONFIG,
            "metadata": {"name": "a", "annotations": {"config.kubernetes.io/local-config": "true"}},
        },
    ),
    "a patch of a list": case(
        {**ONE, "patches": [{"path": "p.yaml"}]},
        overlay__a=DEPLOYMENT,
        overlay__p=DEPLOYMENT,
    ),
    "a patch with a target": case(
        {**ONE, "patches": [{"patch": "[]", "target": {"kind": "ConfigMap"}}]}
    ),
    "a patch of nothing": case({**ONE, "patches": [{"path": "p.yaml"}]}, overlay__p=DEPLOYMENT),
    "a patch that deletes": case(
        {**ONE, "patches": [{"path": "p.yaml"}]}, overlay__p={**CONFIG, "$patch": "delete"}
    ),
    "annotations of templates": case(
        {**ONE, "commonAnnotations": {"a": "b"}}, overlay__a=DEPLOYMENT
    ),
    "replicas of nothing": case({**ONE, "replicas": [{"name": "web", "count": 2}]}),
}


def test_case_without_anything_unusual_is_simple(tmp_path: Path) -> None:
    write(tmp_path, case({**ONE, "namespace": "shop"}))
    found = simple_objects(files_of(tmp_path, "overlay"))
    assert found == [{**CONFIG, "metadata": {"name": "web", "namespace": "shop"}}]


@pytest.mark.parametrize("files", NOT_SIMPLE.values(), ids=list(NOT_SIMPLE))
def test_kustomization_that_is_not_simple_is_left_to_the_program(
    files: dict[str, Any], tmp_path: Path
) -> None:
    write(tmp_path, files)
    assert simple_objects(files_of(tmp_path, "overlay")) is None


def test_link_is_left_to_the_program(tmp_path: Path) -> None:
    write(tmp_path, case(ONE))
    (tmp_path / "overlay" / "a.yaml").rename(tmp_path / "overlay" / "b.yaml")
    (tmp_path / "overlay" / "a.yaml").symlink_to("b.yaml")
    assert simple_objects(files_of(tmp_path, "overlay")) is None


def test_changes_of_one_build_are_not_in_the_next(tmp_path: Path) -> None:
    patch = {**CONFIG, "data": {"a": "2"}}
    write(tmp_path, case({**ONE, "patches": [{"path": "p.yaml"}]}, overlay__p=patch))
    files = files_of(tmp_path, "overlay")
    assert simple_objects(files) == simple_objects(files) == built(tmp_path, "overlay")
    write(tmp_path, case(ONE))
    assert simple_objects(files) == [CONFIG]
