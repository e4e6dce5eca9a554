"""What benchmarks measured, as a Markdown table: one column a run, one line a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

__all__ = ["markdown_table"]


def markdown_table(
    heads: Sequence[str], rows: Sequence[Any], *, corner: str = "", keys: int = 1, digits: int = 2
) -> str:
    """Return the table.

    Args:
        heads: of the columns, one a row of the benchmark.
        rows: dataclasses of one class, with counts and figures.
        corner: the first cell.
        keys: fields at the start that the heads are made of.
        digits: behind the point.
    """
    lines = [f"| {corner} | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for field in fields(rows[0])[keys:]:
        values = [getattr(row, field.name) for row in rows]
        cells = [f"{v:,.{digits}f}" if isinstance(v, float) else f"{v:,}" for v in values]
        lines.append(f"| {field.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
