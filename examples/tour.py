"""The tour behind `make run`: plan, sync, rotate, sync again.

It starts an embedded AWS endpoint on loopback, puts the example's secrets into it, and
then runs the same commands that anybody would.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.embedded_aws import EmbeddedAws  # noqa: E402 - needs the path above
from examples.telling import run, say, stop_on_signals  # noqa: E402 - as above

MANIFESTS = Path("examples/quickstart")
OUT = Path("out/quickstart")


def secretsync(*arguments: str, env: dict[str, str], expect: int) -> None:
    """Show and run a secretsync command."""
    run(["secretsync", *arguments], env=env, expect=expect)


def stamps() -> dict[Path, int]:
    """Return when each Secret's file was last written."""
    return {path: path.stat().st_mtime_ns for path in (ROOT / OUT).glob("*/secrets/*.yaml")}


def example_values() -> dict[str, str]:
    """Return made-up values for what the manifests ask for."""
    return {
        "production/database": json.dumps(
            {"username": "shop", "password": secrets.token_urlsafe(18)}
        ),
        "production/payments": json.dumps(
            {"api-key": secrets.token_urlsafe(24), "webhook-secret": secrets.token_urlsafe(24)}
        ),
        "production/registry": json.dumps(
            {"auths": {"registry.example.com": {"auth": secrets.token_urlsafe(18)}}}
        ),
    }


def main() -> int:
    """Run the tour."""
    stop_on_signals()
    os.chdir(ROOT)
    shutil.rmtree(OUT, ignore_errors=True)
    target = f"dir:{OUT}"
    with EmbeddedAws() as aws:
        env = {**os.environ, **aws.environment()}
        say(f"An embedded AWS Secrets Manager listens on {aws.url}")
        for name, value in example_values().items():
            aws.put(name, value)
            print(f"put {name}")
        say("What would change? (values are never shown: fingerprints stand for them)")
        secretsync("plan", str(MANIFESTS), "--to", target, env=env, expect=1)
        say("Make it so")
        secretsync("sync", str(MANIFESTS), "--to", target, env=env, expect=0)
        before = stamps()
        say("Rotate one value upstream, and refresh")
        aws.put(
            "production/database",
            json.dumps({"username": "shop", "password": secrets.token_urlsafe(18)}),
        )
        print("put production/database (a new password)")
        secretsync("sync", str(MANIFESTS), "--to", target, env=env, expect=0)
        after = stamps()
        written = [path for path in after if after[path] != before.get(path)]
        say("What was written")
        for path in sorted(after):
            state = "written again" if path in written else "not touched"
            print(f"{path.relative_to(ROOT)}  {state}")
        if [path.stem for path in written] != ["database-credentials"]:
            sys.exit("the refresh should have written exactly database-credentials")
    say("Done: one value rotated, one Secret written")
    print(f"""The Secrets are in {OUT}/<namespace>/secrets/ (files only you can read).
Try next:
  .venv/bin/secretsync validate {MANIFESTS}
  .venv/bin/secretsync status --to {target}
  .venv/bin/secretsync --help""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
