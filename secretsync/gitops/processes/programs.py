"""Where kustomize and helm are, and how they run: no home, no network helper, no plugins.

Neighbours: `kustomize_source` and `helm_source` say what to run.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from secretsync.cores import usable_cores
from secretsync.gitops.errors import RenderError, SourceUnavailable
from secretsync.gitops.processes.children import ChildLimits, run_child

__all__ = ["RENDER_LIMITS", "Programs"]

RENDER_LIMITS = ChildLimits(time_s=90.0, memory_bytes=4 * 1024**3, output_bytes=64 * 1024 * 1024)
#: Where nobody listens: what slips through to be fetched is asked there, and is refused.
_NO_PROXY = "http://127.0.0.1:9"
#: Where in a chart or a kustomization an error is; the rest of what the programs say may
#: repeat values, and is not shown.
_PLACE = re.compile(r"[\w./-]+\.(?:ya?ml|tpl|json|txt)(?::\d+(?::\d+)?)?", re.ASCII)
_HINTS: Mapping[str, str] = {
    "out of memory": "it needs more memory than it may have",
    "missing in charts/": "the chart's dependencies are not in its charts/ folder",
    "kubeversion": "the chart does not fit the version of the cluster",
    "values don't meet the specifications": "the values do not fit the chart's schema",
    "execution error": "the chart refuses its values",
    "function": "a template calls a function that does not exist",
    "no such file": "a file that it names does not exist",
    "accumulating resources": "one of its resources cannot be read",
    "may not add resource with an already registered id": "two resources have the same name",
    "is not in or below": "a file that it names is outside of its folder",
    "no matches for id": "a patch fits no resource",
    "yaml": "a file of it is no good YAML",
}


class Programs:
    """Runs kustomize and helm, as many at a time as there are cores; safe in threads.

    Args:
        folder: where they are looked for first: that of the Python in use.
        limits: of each run.
    """

    def __init__(self, folder: Path | None = None, *, limits: ChildLimits = RENDER_LIMITS) -> None:
        self._folder = folder or Path(sys.executable).parent
        self._limits = limits
        self._slots = threading.BoundedSemaphore(usable_cores())
        self._lock = threading.Lock()
        self.starts = 0

    def run(
        self, name: str, arguments: Sequence[str], *, cwd: Path, roots: Collection[Path] = ()
    ) -> bytes:
        """Run `kustomize` or `helm` and return what it prints.

        Args:
            roots: of the repositories' files: an error names a file from there.

        Raises:
            SourceUnavailable: the program is not installed.
            RenderError: it fails, or exceeds its limits.
        """
        path = self._path(name)
        with self._slots, tempfile.TemporaryDirectory(prefix="secretsync-render-") as home:
            with self._lock:
                self.starts += 1
            # No PATH: kustomize would have git fetch what it takes for a remote base.
            env = {"HOME": home, "PATH": "", "TMPDIR": home, "HELM_PLUGINS": home, "LC_ALL": "C"}
            # Short runs end before a collection pays; a long one collects at the limit.
            env |= {"GOGC": "off", "GOMEMLIMIT": "512MiB"}
            env |= {"HTTP_PROXY": _NO_PROXY, "HTTPS_PROXY": _NO_PROXY}
            ended = run_child([str(path), *arguments], cwd=cwd, env=env, limits=self._limits)
        if ended.exceeded == "time":
            raise RenderError(
                f"{name} was not done in {self._limits.time_s:.0f} s",
                remedy="look for a template that never ends",
            )
        if ended.exceeded:
            raise RenderError(
                f"{name} prints more than {self._limits.output_bytes // 2**20} MiB",
                remedy="split the application",
            )
        if ended.code != 0:
            said = _said(name, ended.err, roots)
            raise RenderError(said, remedy=f"run {name} on it to see all it says")
        return ended.out

    def _path(self, name: str) -> Path:
        beside = self._folder / name
        found = str(beside) if beside.is_file() else shutil.which(name)
        if found is None:
            raise SourceUnavailable(
                f"there is no program {name}", remedy=f"run make setup, or install {name} in PATH"
            )
        return Path(found)


def _said(name: str, err: str, roots: Collection[Path]) -> str:
    lowered = err.lower()
    what = next((text for words, text in _HINTS.items() if words in lowered), "it fails")
    places = dict.fromkeys(_PLACE.findall(_without(roots, err)))
    # What is absolute still is of this machine: its name alone says something to anybody else.
    shown = [posixpath.basename(each) if each.startswith("/") else each for each in places]
    where = f" ({', '.join(shown[:3])})" if shown else ""
    return f"{name}: {what}{where}"


def _without(roots: Collection[Path], err: str) -> str:
    """Return a text whose paths below a root begin there."""
    # kustomize follows links before it says where it is.
    found = {str(path) for root in roots for path in (root, root.resolve())}
    if not found:
        return err
    # Of two in each other it is the outer one that the path is said from.
    either = "|".join(map(re.escape, sorted(found, key=len)))
    return re.sub(rf"(?<![\w./-])(?:{either})/", "", err)
