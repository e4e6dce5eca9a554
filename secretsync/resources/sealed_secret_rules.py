"""What can be told of sealed values without a key: whether they are envelopes at all.

Opening says the same and more; this is for where there is no key, as in `validate`.
"""

from __future__ import annotations

from sealing import MalformedValue
from sealing.encoding import decode_base64
from sealing.envelope import parse_envelope
from secretsync.resources.composer import Path
from secretsync.resources.documents import Origin
from secretsync.resources.findings import Findings
from secretsync.resources.problems import Problem
from secretsync.resources.sealed_secret import SealedSecret

__all__ = ["envelope_problems"]


def envelope_problems(sealed: SealedSecret, origin: Origin) -> tuple[Problem, ...]:
    """Return what is wrong with the sealed texts of one object.

    Args:
        origin: where the object was written.
    """
    findings = Findings(origin, str(sealed.ref))
    spec = sealed.raw["spec"]
    blob, values = spec.get("data"), spec.get("encryptedData") or {}
    if blob is not None:
        _check(blob, ("spec", "data"), findings)
        if values:
            findings.error(
                ("spec", "data"),
                "cannot use the field 'encryptedData' and the deprecated field 'data' "
                "at the same time",
                "remove spec.data, which older versions wrote",
            )
    for key, text in values.items():
        _check(text, ("spec", "encryptedData", key), findings)
    return findings.problems


def _check(text: str, path: Path, findings: Findings) -> None:
    try:
        parse_envelope(decode_base64(text))
    except MalformedValue as exc:
        remedy = "seal the value again: the text is cut, or was changed on its way"
        findings.error(path, str(exc), remedy)
