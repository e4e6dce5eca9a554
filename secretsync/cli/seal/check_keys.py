"""Which certificate the values of a SealedSecret are for, as far as can be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sealing import Certificate, MalformedValue, PrivateKey, SealingError, unseal_value
from sealing.encoding import decode_base64
from sealing.envelope import parse_envelope
from secretsync.cli.seal.check_rules import finding, sealed_values
from secretsync.cli.seal.findings import Finding
from secretsync.cli.seal.sealed_objects import SealedObject
from secretsync.cli.seal.sealed_with import SEALED_WITH, UNKNOWN, noted
from secretsync.cli.seal.splicing import Path
from secretsync.errors import ConfigError

__all__ = ["CURRENT", "OTHER", "KeyCheck"]

CURRENT = "current"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """Compares with a certificate, tries private keys.

    Args:
        certificate: that everything is to be sealed with; None where none was given.
        keys: all that the cluster has; empty where none was given.
        namespace: of objects that name none.
    """

    certificate: Certificate | None
    keys: tuple[PrivateKey, ...]
    namespace: str

    def run(self, sealed: SealedObject) -> tuple[str, list[Finding]]:
        """Return CURRENT, OTHER or UNKNOWN for the object, and the findings."""
        opened, findings = self._opened(sealed)
        if self.certificate is None:
            return UNKNOWN, findings
        if opened is not None:
            states = [self._by_key(fingerprint) for fingerprint in opened.values()]
        else:
            states = [self._by_note(sealed)]
        sized = self._other_size(sealed)
        if sized:
            findings.append(
                finding(
                    "other-certificate",
                    "its length shows that it is for a key of another size",
                    sealed.placed,
                    sized,
                )
            )
            return OTHER, findings
        if OTHER in states:
            findings.append(self._other(sealed, by_key=opened is not None))
            return OTHER, findings
        return (UNKNOWN if UNKNOWN in states else CURRENT), findings

    def _opened(self, sealed: SealedObject) -> tuple[dict[Path, str] | None, list[Finding]]:
        """Path → fingerprint of the key that opens it, None where nothing can be said by keys."""
        if not self.keys:
            return None, []
        try:
            place = sealed.bound_to(self.namespace)
        except ConfigError:
            return None, []  # a finding of its own already
        opened: dict[Path, str] = {}
        findings: list[Finding] = []
        foreign = noted(sealed.annotations) - {UNKNOWN} - {key.fingerprint for key in self.keys}
        for path, text in sealed_values(sealed):
            if not isinstance(text, str) or not _is_envelope(text):
                continue  # as above
            for key in self.keys:
                try:
                    unseal_value(text, [key], **place)
                except SealingError:
                    continue
                opened[path] = key.fingerprint
                break
            else:
                opened[path] = ""
                if not foreign:
                    findings.append(
                        finding(
                            "does-not-open",
                            f"no private key opens it with scope {sealed.scope} in this place",
                            sealed.placed,
                            path,
                        )
                    )
        return opened, findings

    def _by_key(self, fingerprint: str) -> str:
        if not fingerprint:
            return UNKNOWN
        assert self.certificate is not None  # noqa: S101 - the only caller has looked
        return CURRENT if fingerprint == self.certificate.fingerprint else OTHER

    def _by_note(self, sealed: SealedObject) -> str:
        listed = noted(sealed.annotations)
        assert self.certificate is not None  # noqa: S101 - the only caller has looked
        if listed - {UNKNOWN, self.certificate.fingerprint}:
            return OTHER
        return UNKNOWN if UNKNOWN in listed else CURRENT

    def _other_size(self, sealed: SealedObject) -> Path:
        """The first value whose envelope cannot be the certificate's, () if there is none."""
        assert self.certificate is not None  # noqa: S101 - the only caller has looked
        expected = (self.certificate.public_key.key_size + 7) // 8
        return next((path for path, size in _sizes(sealed) if size != expected), ())

    def _other(self, sealed: SealedObject, *, by_key: bool) -> Finding:
        how = "an older private key opens it" if by_key else "the annotation names another"
        path: Path = ("spec",) if by_key else ("metadata", "annotations", SEALED_WITH)
        return finding(
            "other-certificate",
            f"not everything is sealed with the certificate given: {how}",
            sealed.placed,
            path,
        )


def _sizes(sealed: SealedObject) -> Iterator[tuple[Path, int]]:
    for path, text in sealed_values(sealed):
        if isinstance(text, str) and _is_envelope(text):
            yield path, len(parse_envelope(decode_base64(text)).wrapped_key)


def _is_envelope(text: str) -> bool:
    try:
        parse_envelope(decode_base64(text))
    except MalformedValue:
        return False
    return True
