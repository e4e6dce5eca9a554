"""What an error of kustomize or Helm says of a file: its path in the repository, no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from secretsync.gitops.errors import RenderError
from tests.gitops.rendering_kit import CHART, MAP, Scene

pytestmark = pytest.mark.built

BROKEN = "kind: [\n"
BASE = {"base/kustomization.yaml": "resources: [map.yaml]\n", "base/map.yaml": MAP % ("m", 1)}
OUTSIDE = {"app/kustomization.yaml": "resources: [../conf/map.yaml]\n", "conf/map.yaml": MAP}
PATCHED = {"app/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n"}
WEB = {"app/Chart.yaml": CHART, "app/templates/a.yaml": MAP % ("a", "{{ .Values.a }}")}
UNREADABLE = "kustomize: one of its resources cannot be read"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize(
    ("files", "source", "said"),
    [
        pytest.param(
            OUTSIDE, {}, f"{UNREADABLE} (../conf/map.yaml, conf/map.yaml)", id="kustomize"
        ),
        pytest.param(
            OUTSIDE,
            {"kustomize": {"namePrefix": "p-"}},
            f"{UNREADABLE} (../conf/map.yaml, conf/map.yaml)",
            id="kustomize in a copy",
        ),
        pytest.param(
            BASE | PATCHED | {"app/p.yaml": BROKEN},
            {},
            "kustomize: a file of it is no good YAML (p.yaml)",
            id="patch",
        ),
        pytest.param(
            WEB | {"app/values.yaml": BROKEN},
            {},
            "helm: a file of it is no good YAML (values.yaml)",
            id="values of the chart",
        ),
        pytest.param(
            WEB | {"env/prod.yaml": BROKEN},
            {"helm": {"valueFiles": ["/env/prod.yaml"]}},
            "helm: a file of it is no good YAML (env/prod.yaml)",
            id="values of the repository",
        ),
        pytest.param(
            WEB | {"app/templates/a.yaml": "{{ nope }}"},
            {},
            "helm: a template calls a function that does not exist (web/templates/a.yaml:1)",
            id="template",
        ),
    ],
)
def test_file_is_named_as_the_repository_has_it(
    scene: Scene, tmp_path: Path, files: dict[str, str], source: dict[str, Any], said: str
) -> None:
    scene.repository.commit(files)
    with pytest.raises(RenderError) as caught:
        scene.render(**source)
    assert caught.value.message == said
    assert str(tmp_path) not in f"{caught.value.message}{caught.value.remedy}"


def test_file_of_no_repository_is_named_without_its_folder(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(BROKEN)
    scene.repository.put(WEB)
    arguments = ["template", "--values", str(tmp_path / "own.yaml"), "--", "web", "."]
    with pytest.raises(RenderError) as caught:
        scene.programs.run("helm", arguments, cwd=scene.repository.folder / "app")
    assert caught.value.message == "helm: a file of it is no good YAML (own.yaml)"
