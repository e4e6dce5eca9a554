"""All fuzz targets by name."""

from __future__ import annotations

from tests.fuzz import envelopes, manifests, rings
from tests.fuzz.target import Target

__all__ = ["TARGETS"]

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        envelopes.BASE64,
        envelopes.ENVELOPE,
        envelopes.UNSEAL,
        manifests.SEALED_SECRET,
        manifests.RESEAL,
        manifests.SEAL,
        manifests.DOCUMENTS,
        rings.KEY_RING,
        rings.PRIVATE_KEY,
        rings.CERTIFICATE,
        rings.PEM,
        rings.KEY_FILE,
        rings.BACKUP,
    )
}
