"""The tour behind `make run`: plan, sync, rotate, sync again.

It starts an embedded store on loopback (STORE, else AWS), puts the example's secrets into
it, and then runs the same commands that anybody would.

Usage: examples/tour.py [STORE]
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.demo_stores import DEMOS, Demo  # noqa: E402 - needs the path above
from examples.telling import run, say, stop_on_signals  # noqa: E402 - as above

#: What the database's ExternalSecret makes.
ROTATED = "database-credentials"


def secretsync(*arguments: str, env: Mapping[str, str], expect: int) -> None:
    """Show and run a secretsync command."""
    run(["secretsync", *arguments], env=env, expect=expect)


def stamps(target: Path) -> dict[Path, int]:
    """Return when the file of each Secret that applications read was last written."""
    found = [*(ROOT / target).glob("shop/secrets/*.yaml")]
    found += (ROOT / target).glob("build/secrets/*.yaml")
    return {path: path.stat().st_mtime_ns for path in found}


def database() -> dict[str, str]:
    """Return made-up credentials of a database."""
    return {"username": "shop", "password": secrets.token_urlsafe(18)}


def put_examples(demo: Demo) -> None:
    """Put made-up values where the manifests look for them."""
    payments = {
        "api-key": secrets.token_urlsafe(24),
        "webhook-secret": secrets.token_urlsafe(24),
    }
    values: dict[str, Mapping[str, Any]] = dict(
        zip(demo.names, (database(), payments), strict=True)
    )
    if demo.with_registry:
        login = {"registry.example.com": {"auth": secrets.token_urlsafe(18)}}
        values["production/registry"] = {"auths": login}
    for name, properties in values.items():
        demo.put(name, properties)
        print(f"put {name}")


def show(demo: Demo) -> None:
    """Plan, sync, rotate, sync again."""
    env = {**os.environ, **demo.env}
    manifests, target = str(demo.manifests), f"dir:{demo.target}"
    say(demo.title)
    put_examples(demo)
    say("What would change? (values are never shown: fingerprints stand for them)")
    secretsync("plan", manifests, "--to", target, env=env, expect=1)
    say("Make it so")
    secretsync("sync", manifests, "--to", target, env=env, expect=0)
    before = stamps(demo.target)
    say("Rotate one value upstream, and refresh")
    demo.put(demo.names[0], database())
    print(f"put {demo.names[0]} (a new password)")
    secretsync("sync", manifests, "--to", target, env=env, expect=0)
    after = stamps(demo.target)
    written = [path for path in after if after[path] != before.get(path)]
    say("What was written")
    for path in sorted(after):
        state = "written again" if path in written else "not touched"
        print(f"{path.relative_to(ROOT)}  {state}")
    if [path.stem for path in written] != [ROTATED]:
        sys.exit(f"the refresh should have written exactly {ROTATED}")


def main(arguments: Sequence[str]) -> int:
    """Run the tour of the store that the arguments name; 2 where there is none such."""
    store = arguments[0] if arguments else "aws"
    if store not in DEMOS or len(arguments) > 1:
        print(f"STORE is one of: {', '.join(DEMOS)}", file=sys.stderr)
        return 2
    stop_on_signals()
    os.chdir(ROOT)
    shutil.rmtree("out/quickstart" if store == "aws" else f"out/stores/{store}", ignore_errors=True)
    with DEMOS[store]() as demo:
        show(demo)
    say("Done: one value rotated, one Secret written")
    print(f"""The Secrets are in {demo.target}/<namespace>/secrets/ (files only you can read).
Try next:
  .venv/bin/secretsync validate {demo.manifests}
  .venv/bin/secretsync status --to dir:{demo.target}
  .venv/bin/secretsync --help""")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
