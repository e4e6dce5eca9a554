"""What cannot be rendered, or costs too much: the error says why, and shows no value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from secretsync.gitops.errors import GitOpsError, RenderError, SourceError
from tests.gitops.rendering_kit import CANARY, CHART, MAP, Scene

pytestmark = pytest.mark.built


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize(
    ("files", "source", "error", "said"),
    [
        pytest.param({"x/a.yaml": "a: 1"}, {}, SourceError, "app does not exist", id="no-folder"),
        pytest.param({"app/a.yaml": "a: ["}, {}, RenderError, "app/a.yaml:2", id="broken-yaml"),
        pytest.param(
            {
                "app/a.yaml": "a: &a [x, x, x, x, x, x, x, x, x]\n"
                + "".join(
                    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
                    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
                )
            },
            {},
            RenderError,
            "app/a.yaml",
            id="yaml-bomb",
        ),
        pytest.param(
            {"app/kustomization.yaml": "resources: ['https://example.com/x?ref=main']\n"},
            {},
            RenderError,
            "is not fetched while rendering",
            id="remote-base",
        ),
        pytest.param(
            {"app/kustomization.yaml": "resources: [../../outside]\n"},
            {},
            SourceError,
            "outside of the repository",
            id="base-outside",
        ),
        pytest.param(
            {"app/kustomization.yaml": "resources: [absent.yaml]\n"},
            {},
            SourceError,
            "app/absent.yaml does not exist",
            id="base-absent",
        ),
        pytest.param(
            {"app/kustomization.yaml": "helmCharts: [{name: x}]\n"},
            {},
            RenderError,
            "helmCharts",
            id="kustomize-chart",
        ),
        pytest.param(
            {"app/Chart.yaml": CHART, "app/templates/a.yaml": f'{{{{ fail "{CANARY}" }}}}'},
            {},
            RenderError,
            "helm: the chart refuses its values",
            id="chart-that-prints-secrets",
        ),
        pytest.param(
            {
                "app/Chart.yaml": CHART,
                "app/templates/a.yaml": "a: {\n" + CANARY,
            },
            {},
            RenderError,
            "no good YAML (web/templates/a.yaml)",
            id="chart-of-broken-yaml",
        ),
        pytest.param(
            {"app/Chart.yaml": CHART},
            {"helm": {"valueFiles": ["https://example.com/v.yaml"]}},
            RenderError,
            "is not fetched while rendering",
            id="remote-values",
        ),
        pytest.param(
            {"app/Chart.yaml": CHART},
            {"helm": {"valueFiles": ["../../../etc/passwd"]}},
            SourceError,
            "outside of the repository",
            id="values-outside",
        ),
        pytest.param({}, {"path": "../.."}, SourceError, "outside of the", id="path-outside"),
        pytest.param(
            {}, {"targetRevision": "absent"}, SourceError, "no revision 'absent'", id="no-revision"
        ),
    ],
)
def test_source_that_cannot_be_rendered_says_why_and_shows_no_value(
    scene: Scene, files: dict[str, str], source: dict[str, Any], error: type, said: str
) -> None:
    scene.repository.commit({"readme.md": "x", **files})
    with pytest.raises(GitOpsError) as caught:
        scene.render(**{"path": "app", **source})
    assert isinstance(caught.value, error), caught.value
    assert said in caught.value.message
    assert CANARY not in f"{caught.value.message}{caught.value.remedy}"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside"])
def test_link_that_leads_out_of_the_repository_is_refused(scene: Scene, target: str) -> None:
    scene.repository.put({"app/a.yaml": MAP % ("a", 1)})
    (scene.repository.folder / "app" / "link.yaml").symlink_to(target)
    scene.repository.commit()
    with pytest.raises(SourceError, match=r"leads out|outside"):
        scene.render()


def test_chart_that_takes_all_memory_is_stopped(tmp_path: Path) -> None:
    scene = Scene(tmp_path, memory_bytes=2 * 1024**3)
    greedy = MAP % ("a", '{{ $x := repeat 3000000000 "x" }}{{ len $x }}')
    scene.repository.commit({"app/Chart.yaml": CHART, "app/templates/a.yaml": greedy})
    with pytest.raises(RenderError, match="more memory than it may have"):
        scene.render()


def test_chart_that_never_ends_is_killed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, time_s=1.0)
    endless = (
        '{{ range $i := until 100000 }}{{ range $j := until 100000 }}{{ "" }}{{ end }}{{ end }}'
    )
    scene.repository.commit({"app/Chart.yaml": CHART, "app/templates/a.yaml": endless})
    with pytest.raises(RenderError, match="was not done in 1 s"):
        scene.render()


def test_chart_that_prints_without_end_is_killed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, output_bytes=1000)
    scene.repository.commit(
        {"app/Chart.yaml": CHART, "app/templates/a.yaml": MAP % ("a", '{{ repeat 5000 "x" }}')}
    )
    with pytest.raises(RenderError, match="prints more than"):
        scene.render()
