"""The last part of `make run`: a Git repository becomes what runs, and goes back.

A directory stands in for the cluster and a folder for the repository's server, so that
nothing else is needed, the network neither. The commands are those that anybody would run.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.gitops_repository import commit, make_repository  # noqa: E402 - needs the path above
from examples.telling import run, say, stop_on_signals  # noqa: E402 - as above

PLACE = Path("out/gitops")
REPOSITORY = PLACE / "repository"
CLUSTER = PLACE / "cluster"
SECRET = CLUSTER / "company/secrets/partner.yaml"

STORES = "argocd/applications/stores.yaml"
APPLICATION = "argocd/applications/company.yaml"
LIMITS = "config/company/limits.yaml"
PARTNER = """apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: partner
spec:
  refreshInterval: 1h
  secretStoreRef:
    name: company
    kind: ClusterSecretStore
  dataFrom:
    - extract:
        key: production/payments
"""


def app(verb: str, *arguments: str, expect: int = 0) -> None:
    """Show and run a verb of `secretsync app`."""
    to = ("--to", f"dir:{CLUSTER}", "--cache-dir", str(PLACE / "cache"))
    run(["secretsync", "app", verb, *arguments, *to], env=os.environ, expect=expect)


def main(arguments: Sequence[str]) -> int:
    """Run the tour; 2 where an argument is given, for it takes none."""
    if arguments:
        print("gitops_tour.py takes no arguments", file=sys.stderr)
        return 2
    stop_on_signals()
    os.chdir(ROOT)
    shutil.rmtree(PLACE, ignore_errors=True)
    repository = ROOT / REPOSITORY
    make_repository(repository, url=f"file://{repository}")
    say("A Git repository says what should run; an Application says where")
    print(_without_noise((repository / APPLICATION).read_text()))
    say("Where secrets come from is an application like any other")
    app("sync", str(REPOSITORY / STORES))
    say("What would change? Then make it so")
    app("plan", str(REPOSITORY / APPLICATION), expect=1)
    app("sync", str(REPOSITORY / APPLICATION))
    say("Somebody commits: another limit, and an ExternalSecret")
    limits = (repository / LIMITS).read_text().replace("600", "900")
    files = {LIMITS: limits, "config/company/partner.yaml": PARTNER}
    commit(repository, files, message="Raise the limit, and read the partner's key")
    app("plan", "argocd/company", expect=1)
    app("sync", "argocd/company")
    _require(SECRET, there=True)
    say("That was a mistake: back, with the Secret that the commit brought, and pinned there")
    app("rollback", "argocd/company", "--prune")
    _require(SECRET, there=False)
    app("get", "argocd/company")
    say("Release it, and the repository counts again")
    app("rollback", "argocd/company", "--release")
    app("sync", "argocd/company")
    _require(SECRET, there=True)
    app("history", "argocd/company", "--all")
    say("Done: planned, synced, rolled back, released")
    print(f"""The repository is {REPOSITORY}, the cluster {CLUSTER}.
Try next:
  .venv/bin/secretsync app sync {REPOSITORY}/argocd/root.yaml --to dir:{CLUSTER}
  .venv/bin/secretsync app list --to dir:{CLUSTER}
  .venv/bin/secretsync app --help""")
    return 0


def _without_noise(manifest: str) -> str:
    """Return the part of a manifest that says something."""
    lines = manifest.replace(f"file://{ROOT}/", "file://…/").splitlines()
    return "\n".join(lines[lines.index("spec:") :])


def _require(path: Path, *, there: bool) -> None:
    """End the tour where a Secret is not as it should be."""
    if (ROOT / path).exists() is not there:
        sys.exit(f"{path} should {'' if there else 'not '}be there")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
