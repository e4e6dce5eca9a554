"""What an ExternalSecret asks to be held back: annotations that guard a good Secret.

They say what External Secrets Operator has no field for, so that manifests stay its own.
Neighbours: `external_secret` reads them, `core.guarding` judges by them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from secretsync.resources.findings import Findings
from secretsync.resources.names import check_secret_key

__all__ = [
    "MAX_SHRINK_ANNOTATION",
    "NO_GUARDS",
    "REQUIRE_KEYS_ANNOTATION",
    "Guards",
    "read_guards",
]

REQUIRE_KEYS_ANNOTATION = "secretsync.io/require-keys"
MAX_SHRINK_ANNOTATION = "secretsync.io/max-shrink-percent"

_PERCENT = re.compile(r"100|[1-9]?[0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Guards:
    """What must hold of the data before it is written.

    Args:
        require_keys: keys that must be there, each with a value that is not blank.
        max_shrink_percent: how much shorter a value, and how many fewer the keys, may
            become in one write; None for any.
    """

    require_keys: tuple[str, ...] = ()
    max_shrink_percent: int | None = None


NO_GUARDS = Guards()


def read_guards(annotations: Mapping[str, str], findings: Findings, *, generic: bool) -> Guards:
    """Read the guards among an object's annotations.

    What cannot be read is an error: a guard that was mistyped must not let anything pass.

    Args:
        generic: the target is no Secret: its parts are not compared by size.
    """
    written = [
        name for name in (REQUIRE_KEYS_ANNOTATION, MAX_SHRINK_ANNOTATION) if name in annotations
    ]
    if generic:
        for name in written:
            findings.error(
                ("metadata", "annotations", name),
                "guards Secrets only, and target.manifest makes another kind",
                "remove the annotation, or have a Secret made",
            )
        return NO_GUARDS
    return Guards(_keys(annotations, findings), _percent(annotations, findings))


def _keys(annotations: Mapping[str, str], findings: Findings) -> tuple[str, ...]:
    text = annotations.get(REQUIRE_KEYS_ANNOTATION)
    if text is None:
        return ()
    keys = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if any(check_secret_key(key) for key in keys):
        findings.error(
            ("metadata", "annotations", REQUIRE_KEYS_ANNOTATION),
            "not a list of keys of a Secret",
            'write the keys with commas between them, such as "user,password"',
        )
    return keys


def _percent(annotations: Mapping[str, str], findings: Findings) -> int | None:
    text = annotations.get(MAX_SHRINK_ANNOTATION)
    if text is None:
        return None
    if _PERCENT.fullmatch(text) is None:
        findings.error(
            ("metadata", "annotations", MAX_SHRINK_ANNOTATION),
            "not a whole number from 0 to 100",
            'write the percentage without a sign, such as "50"',
        )
        return None
    return int(text)
