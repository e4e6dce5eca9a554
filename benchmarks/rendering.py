"""What a kustomize overlay costs to render: by the program, without it, and when nothing moved.

CPU includes the children; compare the rows of one run.

Run: benchmarks/rendering.py [N]
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.monorepo import Monorepo, application
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.render import kustomize_source
from secretsync.gitops.render.kustomize_simple import simple_objects
from secretsync.gitops.render.rendering import Renderer
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.repositories import Repositories
from secretsync.gitops.sources.source_files import SourceFiles
from secretsync.gitops.status.app_store import parsed
from secretsync.resources.application import Application


def cpu_s() -> float:
    """Return the CPU seconds of this process and of its children so far."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def row(name: str, renderer: Renderer, programs: Programs, apps: list[Application]) -> str:
    """Render all applications; return the row of the table."""
    starts, renders, before_s = programs.starts, renderer.renders.total(), cpu_s()
    renderer.forget()
    for app in apps:
        renderer.render(app)
    each_ms = (cpu_s() - before_s) / len(apps) * 1000
    made = renderer.renders.total() - renders
    return f"| {name} | {each_ms:,.2f} | {made} | {programs.starts - starts} |"


def never(_: SourceFiles) -> None:
    """Leave every kustomization to the program."""


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("overlays", nargs="?", type=int, default=100)
    count = parser.parse_args().overlays
    print("| overlays | ms of CPU each | renders | programs started |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        monorepo = Monorepo(Path(folder), count)
        url = f"file://{monorepo.bare}"
        found = [parsed(application(index, url), where="")[0] for index in range(count)]
        apps = [app for app in found if app is not None]
        for name, builds in (("by the program", never), ("without it", simple_objects)):
            vars(kustomize_source)["simple_objects"] = builds
            programs, git = Programs(), GitProgram(local=True)
            repositories = Repositories(Path(folder) / name, git, local=True)
            renderer = Renderer(repositories, programs)
            print(row(name, renderer, programs, apps))
        monorepo.edit(count // 2, "second")
        print(row("after a commit to one of them", renderer, programs, apps))
        print(row("nothing moved", renderer, programs, apps))
    return 0


if __name__ == "__main__":
    sys.exit(main())
