"""The builder of pinned programs, with a small program in Go's place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.build import PROGRAMS, SERVICE_ACCOUNT

HERE = Path(__file__).parent
FAKE_GO = """#!/bin/sh
case "$1" in
env) echo go1.99.0 ;;
mod) echo "{\\"Dir\\": \\"$GO_CLIENT\\"}" ;;
build)
    echo build >> "$GO_LOG"
    if [ -n "$GO_FAILS" ]; then echo "tools.go:3: undefined: x"; exit 2; fi
    for each; do
        case "$each" in -modfile=*)
            cp "${each#-modfile=}" "$GO_LOG.mod"
            cp "$(dirname "${each#-modfile=}")/module/rest/config.go" "$GO_LOG.config" ;;
        esac
    done
    sleep 0.5
    while [ "$1" != -o ]; do shift; done
    echo '#!/bin/sh' > "$2"; chmod +x "$2" ;;
esac
"""


@pytest.fixture
def project(tmp_path):
    """A copy of the builder in a project of its own, with a fake Go first in PATH."""
    tools = tmp_path / "tests" / "tools"
    shutil.copytree(HERE, tools, ignore=shutil.ignore_patterns("__pycache__"))
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(FAKE_GO)
    go.chmod(0o755)
    return tmp_path


def start(project, *names, **variables):
    inherited = {k: v for k, v in os.environ.items() if k != "KUBEBUILDER_ASSETS"}
    path = {"PATH": f"{project / 'bin'}:{os.environ['PATH']}", "GO_LOG": str(project / "log")}
    return subprocess.Popen(
        [sys.executable, project / "tests" / "tools" / "build.py", *names],
        env=inherited | path | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(project, *names, **variables):
    process = start(project, *names, **variables)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_build_makes_the_program_once_and_finds_it_again(project):
    code, out, err = run(project, "etcd")
    path = Path(out.strip())
    assert (code, path.name) == (0, "etcd")
    assert path.parent.parent == project / ".cache" / "tools"
    assert os.access(path, os.X_OK)
    assert "building etcd (about 1 minute the first time) … done in" in err
    assert run(project, "etcd") == (0, out, "")


def test_build_in_parallel_processes_happens_once(project):
    processes = [start(project, "etcd") for _ in range(4)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert len({out for out, _err in outputs}) == 1
    assert (project / "log").read_text() == "build\n"


def test_build_failure_shows_gos_output_and_leaves_nothing(project):
    code, out, err = run(project, "etcd", GO_FAILS="1")
    assert (code, out) == (1, "")
    assert "building etcd" in err
    assert err.endswith("exit status 2\ntools.go:3: undefined: x\n")
    assert [path.name for path in (project / ".cache" / "tools").iterdir() if path.is_dir()] == []


def test_build_after_a_change_of_pins_makes_another(project):
    _code, before, _err = run(project, "etcd")
    with (project / "tests" / "tools" / "etcd" / "go.sum").open("a") as sums:
        sums.write("\n")
    _code, after, _err = run(project, "etcd")
    assert before != after


def test_assets_folder_is_used_and_must_be_complete(project):
    shutil.copy(project / "bin" / "go", project / "bin" / "etcd")
    assets = str(project / "bin")
    found = run(project, "etcd", KUBEBUILDER_ASSETS=assets)
    assert found == (0, f"{assets}/etcd\n", "")
    code, _out, err = run(project, "kube-apiserver", KUBEBUILDER_ASSETS=assets)
    assert code == 1
    assert f"KUBEBUILDER_ASSETS is {assets}, which has no program kube-apiserver" in err


def test_unknown_program_is_refused_with_the_known_ones(project):
    code, _out, err = run(project, "kubectl")
    assert code == 1
    assert f"no program is called kubectl; there are: {', '.join(PROGRAMS)}" in err


@pytest.fixture
def client_go(project):
    """A module cache's client-go: read-only, its constants where the patch expects them."""
    rest = project / "client-go" / "rest"
    rest.mkdir(parents=True)
    (rest / "config.go").write_text(f"func f() {{\n{SERVICE_ACCOUNT.old}\n}}\n")
    (rest / "config.go").chmod(0o444)
    rest.chmod(0o555)
    return rest.parent


def test_patched_program_is_built_with_a_changed_copy_and_the_cache_stays(project, client_go):
    name = "sealed-secrets-controller"
    code, _out, err = run(project, name, GO_CLIENT=str(client_go))
    assert code == 0, err
    assert (project / "log.config").read_text() == f"func f() {{\n{SERVICE_ACCOUNT.new}\n}}\n"
    go_mod = (project / "log.mod").read_text()
    assert go_mod.startswith((HERE / "sealed" / "go.mod").read_text())
    assert "\nreplace k8s.io/client-go => /" in go_mod
    assert SERVICE_ACCOUNT.old in (client_go / "rest" / "config.go").read_text()


def test_patch_that_fits_no_longer_is_an_error(project, client_go):
    (client_go / "rest").chmod(0o755)
    (client_go / "rest" / "config.go").unlink()
    (client_go / "rest" / "config.go").write_text("package rest\n")
    code, _out, err = run(project, "sealed-secrets-controller", GO_CLIENT=str(client_go))
    assert code == 1
    assert "k8s.io/client-go rest/config.go is no longer what its patch changes" in err
    assert not (project / "log").exists()
