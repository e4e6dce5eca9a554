"""Two ways to a new sealed text: with private keys here, or through the controller.

Either seals a value under the very label that opened it. Neighbours: `rotating`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sealing import (
    Certificate,
    InvalidManifest,
    MalformedValue,
    PrivateKey,
    SealingError,
    parse_certificate,
    reseal_manifest,
    unseal_value,
)
from sealing.encoding import decode_base64
from sealing.envelope import parse_envelope
from secretsync.cli.seal.certificates import load_certificate
from secretsync.cli.seal.opening import OpeningKeys, load_keys
from secretsync.cli.seal.sealed_objects import SealedObject, wider_template
from secretsync.cli.seal.sealed_with import noted
from secretsync.errors import ClusterError, ClusterUnavailable, ConfigError

__all__ = ["ControllerResealer", "KeyResealer", "Resealer", "open_resealer"]

#: The controller answers two requests a second by default; this waits for 5 minutes.
_ATTEMPTS = 300
_PAUSE_S = 1.0
_TOO_MANY_REQUESTS = 429


_Answer = TypeVar("_Answer")


class Resealer(Protocol):
    """One way to new sealed texts."""

    @property
    def certificate(self) -> Certificate:
        """What is sealed for."""

    @property
    def parallel(self) -> bool:
        """Whether several threads make it faster."""

    def resealed(self, sealed: SealedObject, place: Mapping[str, Any]) -> dict[str, str]:
        """Return the new text of each value that is not sealed for the certificate yet.

        Args:
            place: scope, namespace and name that the values are bound to.

        Returns:
            Item key → text; of the old form, `data` → text.

        Raises:
            SecretSyncError, SealingError: at least one value could not be sealed anew.
        """


def open_resealer(options: Any, *, now: datetime) -> Resealer:
    """Return the way that the options ask for.

    Raises:
        SecretSyncError, SealingError: keys or certificate cannot be had.
    """
    keys = load_keys(options)
    if options.sealing_key or options.to:
        if not len(keys):
            raise ConfigError(f"{options.to}: has no sealing keys", remedy="give --sealing-key")
        return KeyResealer(_certificate(options, keys), keys, now=now)
    from secretsync.cli.seal.service import SealedSecretsService  # noqa: PLC0415 - needs a cluster

    service = SealedSecretsService.from_options(options)
    current = parse_certificate(service.certificate_pem())
    if options.cert and load_certificate(options).fingerprint != current.fingerprint:
        raise ConfigError(
            "the controller seals for another certificate than the one of --cert",
            remedy="leave --cert out, or give the private keys with --sealing-key or --to",
        )
    return ControllerResealer(current, service.rotate, service.verify)


def _certificate(options: Any, keys: OpeningKeys) -> Certificate:
    if not options.cert and keys.newest is not None:
        return keys.newest.certificate
    return load_certificate(options)


class KeyResealer:
    """Opens with private keys, seals for the certificate.

    Args:
        now: aware; what the certificate's end is compared with.
    """

    parallel = True

    def __init__(
        self, certificate: Certificate, keys: Iterable[PrivateKey], *, now: datetime
    ) -> None:
        self.certificate = certificate
        self._keys = tuple(keys)
        self._own = [key for key in self._keys if key.fingerprint == certificate.fingerprint]
        self._now = now

    def resealed(self, sealed: SealedObject, place: Mapping[str, Any]) -> dict[str, str]:
        """As the protocol says; a value that the certificate's own key opens is left alone."""
        spec = sealed.placed.value.get("spec") or {}
        field = "data" if sealed.old_form else "encryptedData"
        values = {"data": spec["data"]} if sealed.old_form else spec.get(field) or {}
        done = {key for key, text in values.items() if self._is_done(sealed, text, place)}
        if done == values.keys():
            return {}
        if not sealed.old_form:
            spec = {**spec, field: {key: values[key] for key in values if key not in done}}
        anew = reseal_manifest(
            _placed(sealed, spec, place), self._keys, self.certificate, now=self._now
        )["spec"][field]
        return {"data": anew} if sealed.old_form else dict(anew)

    def _is_done(self, sealed: SealedObject, text: object, place: Mapping[str, Any]) -> bool:
        if not self._own:
            return _noted_as_done(sealed, text, self.certificate)
        try:
            unseal_value(text if isinstance(text, str) else "", self._own, **place)
        except SealingError:
            return False
        return True


class ControllerResealer:
    """Has the controller open and seal; only the values of its answer are taken.

    Older controllers drop templates, render them into the values, or seal for the
    template's scope: the new values are taken only once the controller opens them in
    the object as it is.

    Args:
        certificate: the one that the controller seals for.
        rotate: takes a SealedSecret as JSON, gives the controller's.
        verify: takes a SealedSecret as JSON, tells whether it opens.
        pause: waits for so many seconds.
    """

    parallel = False  # the controller limits how often it may be asked

    def __init__(
        self,
        certificate: Certificate,
        rotate: Callable[[bytes], dict[str, Any]],
        verify: Callable[[bytes], bool],
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.certificate = certificate
        self._rotate = rotate
        self._verify = verify
        self._pause = pause

    def resealed(self, sealed: SealedObject, place: Mapping[str, Any]) -> dict[str, str]:
        """As the protocol says; of one object all values or none."""
        if sealed.old_form:
            raise InvalidManifest(
                "holds all values as one blob; rotate it with private keys", field="spec.data"
            )
        values = sealed.encrypted
        if all(_noted_as_done(sealed, text, self.certificate) for text in values.values()):
            return {}
        wider = wider_template(sealed)
        if wider is not None:
            # Controllers before 0.36 would seal for the template's scope.
            raise InvalidManifest(
                f"asks for scope {wider}, and the SealedSecret has {sealed.scope}",
                field="spec.template.metadata.annotations",
            )
        spec = sealed.placed.value.get("spec") or {}
        answer = self._patiently(self._rotate, _question(sealed, spec, place))
        anew = self._taken(answer, values)
        proof = _question(sealed, {**spec, "encryptedData": anew}, place)
        if not self._patiently(self._verify, proof):
            raise ClusterError("the controller does not open what it sealed anew")
        return anew

    def _patiently(self, ask: Callable[[bytes], _Answer], question: bytes) -> _Answer:
        """Ask until the controller no longer says that it is asked too often."""
        for _attempt in range(_ATTEMPTS):
            try:
                return ask(question)
            except ClusterError as exc:
                waits = [_wait_s(error) for error in (exc, exc.__cause__)]
                if waits == [None, None]:
                    raise
                self._pause(max(_PAUSE_S, *(wait or 0.0 for wait in waits)))
        return ask(question)

    def _taken(self, answer: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
        spec = answer.get("spec")
        found = spec.get("encryptedData") if isinstance(spec, Mapping) else None
        anew = {key: found.get(key) for key in values} if isinstance(found, Mapping) else {}
        for key in values:
            text = anew.get(key)
            if not isinstance(text, str) or not _fits(text, self.certificate):
                raise ClusterError(f"the controller's answer has no sealed value for {key}")
        return {key: str(text) for key, text in anew.items()}


def _wait_s(exc: BaseException | None) -> float | None:
    """How long the controller wants to be left alone; None where that is not the trouble."""
    if getattr(exc, "http_status", 0) == _TOO_MANY_REQUESTS:
        return 0.0
    return exc.retry_after_s if isinstance(exc, ClusterUnavailable) else None


def _question(sealed: SealedObject, spec: Mapping[str, Any], place: Mapping[str, Any]) -> bytes:
    """The object as the controller is asked about it: without what a live one has besides."""
    placed = _placed(sealed, spec, place)
    metadata = placed["metadata"]
    kept = ("name", "namespace", "annotations", "labels")
    question = {
        "apiVersion": placed["apiVersion"],
        "kind": placed["kind"],
        "metadata": {key: metadata[key] for key in kept if metadata.get(key)},
        "spec": placed["spec"],
    }
    return json.dumps(question, separators=(",", ":")).encode()


def _placed(
    sealed: SealedObject, spec: Mapping[str, Any], place: Mapping[str, Any]
) -> dict[str, Any]:
    """The object with the namespace that was given for it."""
    value = sealed.placed.value
    metadata = {**value["metadata"], "namespace": place["namespace"], "name": place["name"]}
    return {**value, "metadata": metadata, "spec": spec}


def _noted_as_done(sealed: SealedObject, text: object, certificate: Certificate) -> bool:
    """Whether the annotation says so, and nothing shows that it is wrong."""
    if noted(sealed.annotations) != {certificate.fingerprint}:
        return False
    return isinstance(text, str) and _fits(text, certificate)


def _fits(text: str, certificate: Certificate) -> bool:
    """Whether a sealed value has the length that this certificate's key gives it."""
    try:
        wrapped_key = parse_envelope(decode_base64(text)).wrapped_key
    except MalformedValue:
        return False
    return len(wrapped_key) == (certificate.public_key.key_size + 7) // 8
