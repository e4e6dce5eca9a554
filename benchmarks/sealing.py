"""Sealing: unsealing, restarts and the `seal` command, beside the real Sealed Secrets.

Every row puts ours and theirs, or ours and what the cores can do, into one run: counts
are exact, seconds depend on the machine and on what else it does, ratios hold. The
API server, etcd, kubeseal and the sealed-secrets controller are the pinned real ones.

Run: make bench, or benchmarks/sealing.py with the parts that are wanted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import sealing_cluster, sealing_command, sealing_stage
from benchmarks.sealing_rows import Row, table

#: name → what it measures; each gives its rows.
PARTS: Mapping[str, Callable[[Path], list[Row]]] = {
    "stage": sealing_stage.measure,
    "command": sealing_command.measure,
    "cluster": sealing_cluster.measure,
}


def main() -> int:
    """Measure the parts that are asked for and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    folder = Path(tempfile.mkdtemp(prefix="secretsync-bench-"))
    print(f"logs: {folder}", file=sys.stderr)
    rows: list[Row] = []
    for part in arguments.parts:
        rows += PARTS[part](folder)
        print(f"measured {part}", file=sys.stderr)
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
