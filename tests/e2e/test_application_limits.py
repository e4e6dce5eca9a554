"""What has no end: a chart, a repository; the commands say so, and nothing is pruned.

The limits are those of the programs, made smaller: nobody waits for minutes or gigabytes.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secretsync.cli import main
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.sources import repositories
from secretsync.gitops.sources.git_program import GitProgram
from tests.support.app_world import AppWorld, config_map

pytestmark = [pytest.mark.e2e, pytest.mark.built]

CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {a: 'b'}\n"
ENDLESS = '{{ range until 100000 }}{{ range until 100000 }}{{ "" }}{{ end }}{{ end }}'
PRINTING = "# {{ repeat 2000000 `x` }}\n"


def limited(monkeypatch: pytest.MonkeyPatch, method: Any, **limits: Any) -> None:
    """Have programs run within other limits than theirs."""
    defaults = method.__kwdefaults__
    monkeypatch.setitem(defaults, "limits", replace(defaults["limits"], **limits))


def app(world: AppWorld, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run a command in this process, where limits are made smaller."""
    cache = str(world.folder / "cache")
    command = ["app", *arguments, "--to", f"dir:{world.root}", "--cache-dir", cache]
    code = main(command)
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("endless", "helm was not done in 1 s"),
        ("printing", "helm prints more than 1 MiB"),
        ("large file", "the repository is larger than 2 MiB"),
        ("large tree", "the files of the commit are larger than 1 MiB"),
    ],
)
def test_chart_or_repository_without_end_is_named_and_nothing_is_pruned(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: str,
    said: str,
) -> None:
    world = AppWorld(tmp_path)
    world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(policy={"automated": {"prune": True}}))
    assert app(world, capsys, "sync", "argocd/web")[0] == 0
    assert world.value("a") == "1"
    (world.repository.folder / "web" / "a.yaml").unlink()
    if case in ("endless", "printing"):
        template = ENDLESS if case == "endless" else PRINTING
        chart = {"Chart.yaml": CHART, "templates/a.yaml": template, "templates/b.yaml": MAP}
        world.repository.commit({f"web/{path}": text for path, text in chart.items()})
        limited(monkeypatch, Programs.__init__, time_s=1.0 if case == "endless" else 60.0)
        limited(monkeypatch, Programs.__init__, output_bytes=1024 * 1024)
    else:
        (world.repository.folder / "large.bin").write_bytes(os.urandom(4 * 1024 * 1024))
        world.repository.commit_objects("web/b.yaml", config_map("b"))
        if case == "large file":
            limited(monkeypatch, GitProgram.run, file_bytes=2 * 1024 * 1024)
        else:
            monkeypatch.setattr(repositories, "MAX_TREE_BYTES", 1024 * 1024)
    for verb in (("plan",), ("sync", "--prune")):
        code, err = app(world, capsys, verb[0], "argocd/web", *verb[1:])
        assert code == 2
        assert said in err
        assert (world.value("a"), world.value("b")) == ("1", None)
