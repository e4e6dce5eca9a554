"""The annotation that says which certificates an object's values were sealed with.

An envelope does not say which key it is for. `secretsync.io/sealed-with` does, as far
as the verbs know: the fingerprint of the certificate; several, with commas, where the
values of one object are not all sealed with the same; and `unknown` among them where
some value was sealed by somebody who did not say. Each value was sealed with one of
those listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["SEALED_WITH", "UNKNOWN", "noted", "sealed_with_after"]

SEALED_WITH = "secretsync.io/sealed-with"
UNKNOWN = "unknown"

_SEPARATOR = ","


def noted(annotations: Mapping[str, str]) -> frozenset[str]:
    """Return what the annotation lists; without one only UNKNOWN."""
    parts = {part.strip() for part in annotations.get(SEALED_WITH, "").split(_SEPARATOR)}
    return frozenset(parts - {""}) or frozenset({UNKNOWN})


def sealed_with_after(
    annotations: Mapping[str, str], fingerprint: str, *, kept: Iterable[str] | None
) -> str:
    """Return the annotation's value once values were sealed with `fingerprint`.

    Args:
        annotations: of the object so far.
        kept: what is known of the values that stay as they are: fingerprints, empty
            where no value stays; None where nothing more is known than was noted.
    """
    before = noted(annotations) if kept is None else frozenset(kept)
    found = sorted((before | {fingerprint}) - {UNKNOWN})
    return _SEPARATOR.join([*found, *([UNKNOWN] if UNKNOWN in before else [])])
