"""Sources that try to read the machine or the network: they get the repository, or an error."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from secretsync.gitops.errors import GitOpsError, RenderError
from tests.gitops.rendering_kit import CANARY, CHART, MAP, Scene

pytestmark = pytest.mark.built

_MAKER = "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: m}\nfiles: ['k=%s']\n"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize("flag", ["--values={0}/host.yaml", "--post-renderer=/bin/sh"])
def test_release_name_is_never_a_flag(scene: Scene, tmp_path: Path, flag: str) -> None:
    (tmp_path / "host.yaml").write_text(f"a: {CANARY}\n")
    template = MAP.replace("{a: '%s'}", "\n  a: %s") % (
        "a",
        f"$(/bin/touch {tmp_path}/ran){{{{ .Values.a }}}}",
    )
    scene.repository.commit({"app/Chart.yaml": CHART, "app/templates/a.yaml": template})
    with pytest.raises(RenderError):
        scene.render(helm={"releaseName": flag.format(tmp_path)})
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "path"), [("a={0}/host.yaml,b", "f"), ("a\\", "f"), ("a", "f,b={0}/host.yaml")]
)
def test_file_parameter_names_one_file_of_the_repository(
    scene: Scene, tmp_path: Path, name: str, path: str
) -> None:
    (tmp_path / "host.yaml").write_text(CANARY)
    files = {"app/f": "x", "app/templates/a.yaml": MAP % ("a", "{{ .Values.a }}")}
    scene.repository.commit({"app/Chart.yaml": CHART, **files})
    parameter = {"name": name.format(tmp_path), "path": path.format(tmp_path)}
    with pytest.raises(GitOpsError):
        scene.render(helm={"fileParameters": [parameter]})
    (found,) = scene.render(helm={"fileParameters": [{"name": "a", "path": "f"}]}).objects
    assert found["data"] == {"a": "x"}


@pytest.mark.parametrize("name", ["f,{0}/host.yaml", 'f",{0}/host.yaml', '",{0}/host.yaml,"'])
def test_value_file_is_one_file_of_the_repository_however_it_is_called(
    scene: Scene, tmp_path: Path, name: str
) -> None:
    (tmp_path / "host.yaml").write_text(f"a: {CANARY}")
    path = name.format(tmp_path)
    files = {"app/f": "a: x", f"app/{path}": "a: own", "app/templates/a.yaml": MAP}
    files["app/templates/a.yaml"] = MAP % ("a", "{{ .Values.a }}")
    scene.repository.commit({"app/Chart.yaml": CHART, **files})
    (found,) = scene.render(helm={"valueFiles": [path]}).objects
    assert found["data"] == {"a": "own"}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {"app/kustomization.yaml": "ConfigMapGenerator: [{name: m, Files: ['k=%s']}]\n"},
            id="field-in-another-case",
        ),
        pytest.param(
            {"app/kustomization.yaml": "generators: [g.yaml]\n", "app/g.yaml": _MAKER},
            id="generator-file",
        ),
        pytest.param(
            {
                "app/kustomization.yaml": "generators:\n- |\n"
                + "".join(f"  {line}\n" for line in _MAKER.splitlines())
            },
            id="generator-in-place",
        ),
    ],
)
def test_kustomization_fetches_nothing_however_it_is_written(
    scene: Scene, files: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        scene.repository.commit(
            {path: text % url if "%s" in text else text for path, text in files.items()}
        )
        with pytest.raises(RenderError, match="is not fetched while rendering"):
            scene.render()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    "kustomization",
    [
        'resources: ["../../../{0}\\n/../"]',
        'components: ["../../../{0}\\n/../"]',
        'generators: ["../../../{0}\\n/../"]',
        'transformers: ["sub/\\n/../"]',
        'resources: ["sub/\\n/../"]',
        'resources: ["link\\n/../link/"]',
        'resources: ["x\\n/../link/sub"]',
    ],
)
def test_kustomization_reads_nothing_of_the_machine_however_it_is_written(
    scene: Scene, tmp_path: Path, kustomization: str
) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (host / "kustomization.yaml").write_text("resources: [a.yaml]")
    (host / "a.yaml").write_text(MAP % ("a", CANARY))
    (scene.repository.folder / "app").mkdir()
    (scene.repository.folder / "app" / "link").symlink_to("../more")
    leads = f"resources: ['../../../../../../../../../../../..{host}']"
    scene.repository.commit(
        {
            "app/kustomization.yaml": kustomization.format(str(host).lstrip("/")),
            "app/sub/kustomization.yaml": leads,
            "more/sub/kustomization.yaml": leads,
        }
    )
    with pytest.raises(GitOpsError, match=r"outside|through a link"):
        scene.render()
