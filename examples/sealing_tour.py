"""The second part of `make run`: a Secret that is safe to commit, and back.

A directory stands in for the cluster, so that nothing else is needed. The commands are
those that anybody would run; with `--to kube` they work on Kubernetes.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.telling import run, say, stop_on_signals  # noqa: E402 - needs the path above

CLUSTER = Path("out/sealing/cluster")
REPOSITORY = Path("out/sealing/repository")
CERTIFICATE = REPOSITORY / "sealing-certificate.pem"
SEALED = REPOSITORY / "my-secret.yaml"
TARGET = CLUSTER / "default/secrets/my-secret.yaml"


def plain_secret() -> bytes:
    """Return what `kubectl create secret generic my-secret --dry-run=client -o yaml` prints."""
    password = base64.b64encode(secrets.token_urlsafe(18).encode()).decode()
    return f"""apiVersion: v1
data:
  password: {password}
kind: Secret
metadata:
  creationTimestamp: null
  name: my-secret
""".encode()


def written() -> int:
    """Return when the Secret in the cluster was last written."""
    return (ROOT / TARGET).stat().st_mtime_ns


def main() -> int:
    """Run the tour."""
    stop_on_signals()
    os.chdir(ROOT)
    shutil.rmtree(CLUSTER.parent, ignore_errors=True)
    REPOSITORY.mkdir(parents=True)
    env = dict(os.environ)
    to = ("--to", f"dir:{CLUSTER}")
    say("A cluster's key ring: the private key stays there, the certificate is for everybody")
    run(["seal", "keys", "create", *to], env=env)
    run(["seal", "keys", "cert", *to], env=env, output=CERTIFICATE)
    say("Seal a Secret as with kubeseal: no access to the cluster, nothing plain on disk")
    print("  (kubectl create secret generic my-secret --dry-run=client -o yaml … |)")
    command = ["seal", "--cert", str(CERTIFICATE), "-n", "default", "--format", "yaml"]
    run(command, env=env, stdin=plain_secret(), output=SEALED)
    print("\n".join(line[:72] for line in (ROOT / SEALED).read_text().splitlines()))
    say("Would it pass review?")
    run(["seal", "check", str(REPOSITORY), "--cert", str(CERTIFICATE)], env=env)
    say("What would change, then make it so")
    run(["secretsync", "plan", str(REPOSITORY), *to], env=env, expect=1)
    run(["secretsync", "sync", str(REPOSITORY), *to], env=env)
    say("Change the password: one value, from standard input, the rest of the file untouched")
    password = secrets.token_urlsafe(18).encode()
    command = ["seal", "set", str(SEALED), "password", "--cert", str(CERTIFICATE)]
    run(command, env=env, stdin=password)
    run(["secretsync", "sync", str(REPOSITORY), *to], env=env)
    say("Renew the key and re-seal the repository: the Secret stays as it is")
    before = written()
    run(["seal", "keys", "renew", *to], env=env)
    run(["seal", "rotate", str(REPOSITORY), *to], env=env)
    run(["secretsync", "sync", str(REPOSITORY), *to], env=env)
    if written() != before:
        sys.exit("re-sealing should not have written the Secret again")
    say("Done: sealed, opened, changed and re-sealed")
    print(f"""The repository is {REPOSITORY}, the cluster {CLUSTER}.
Try next:
  .venv/bin/seal edit {SEALED} --to dir:{CLUSTER}
  .venv/bin/seal --help""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
