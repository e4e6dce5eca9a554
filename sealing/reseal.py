"""From one sealing key to a newer one, without anything else changing.

The new label is always the one that opened the value: a value leaves with the scope,
namespace and name it came with, and never a wider one. Templates are text here and are
never run, so that re-sealing answers no question about a value. Neighbours:
`manifest_unseal` opens, `envelope` seals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sealing.certificates import Certificate
from sealing.envelope import seal_value, unseal_value
from sealing.errors import InvalidManifest
from sealing.fields import child, text_field, text_map
from sealing.frames import sheds_frames
from sealing.keys import PrivateKey
from sealing.manifest_unseal import check_type, open_blob, open_items
from sealing.scopes import Scope, scope_of

__all__ = ["reseal_manifest", "reseal_value"]

_WIDTH = (Scope.STRICT, Scope.NAMESPACE_WIDE, Scope.CLUSTER_WIDE)


@sheds_frames
def reseal_value(
    text: str,
    keys: Iterable[PrivateKey],
    certificate: Certificate,
    *,
    now: datetime,
    scope: Scope = Scope.STRICT,
    namespace: str = "",
    name: str = "",
) -> str:
    """Seal one value anew for `certificate`, in the place it has, under a fresh session key.

    Args:
        text: base64.
        keys: tried in this order.
        now: aware; what the certificate's end is compared with.
        scope, namespace, name: of the SealedSecret that holds the value; they open it
            and they bind the new one.

    Returns:
        Base64, for the same place.

    Raises:
        MalformedValue: the text is not base64.
        UnsealFailed: no key opens it in this place.
        CertificateExpired: the certificate's time is over.
        ValueError: the scope needs a namespace or a name that is not given.
    """
    place = {"namespace": namespace, "name": name}
    plaintext = unseal_value(text, keys, scope=scope, **place)
    return seal_value(plaintext, certificate, now=now, scope=scope, **place)


@sheds_frames
def reseal_manifest(
    sealed: Mapping[str, Any],
    keys: Iterable[PrivateKey],
    certificate: Certificate,
    *,
    now: datetime,
    accept_v1_data: bool = True,
) -> dict[str, Any]:
    """Seal every value of a SealedSecret anew, or none.

    Args:
        sealed: the object as the cluster or a file has it; it is not changed.
        keys: a KeyRing, or private keys.
        now: aware; what the certificate's end is compared with.
        accept_v1_data: re-seal the old form, one blob under `spec.data`.

    Returns:
        The same object with other sealed values, everything else as it was. It shares
        the parts that did not change.

    Raises:
        ItemsFailed: values that do not open, each with its cause.
        UnsealFailed: the blob under `spec.data` does not open.
        InvalidManifest: the object is not a SealedSecret, has no place of its own, or
            its template asks for a wider scope than the object has.
        CertificateExpired: the certificate's time is over.
    """
    check_type(sealed)
    spec = child(sealed, "spec", path="spec")
    place = _place(sealed)
    _refuse_wider_template(spec, place["scope"])
    keys = tuple(keys)
    if spec.get("data") is not None:
        blob = open_blob(sealed, spec, keys, accept=accept_v1_data)
        return {**sealed, "spec": {**spec, "data": seal_value(blob, certificate, now=now, **place)}}
    values = open_items(sealed, spec, keys)
    anew = {key: seal_value(value, certificate, now=now, **place) for key, value in values.items()}
    return {**sealed, "spec": {**spec, "encryptedData": anew}}


def _place(sealed: Mapping[str, Any]) -> dict[str, Any]:
    """Scope, namespace and name by the object's own metadata: the ones that open it."""
    metadata = child(sealed, "metadata", path="metadata")
    scope = scope_of(text_map(metadata, "annotations", path="metadata.annotations"))
    place = {
        key: text_field(metadata, key, path=f"metadata.{key}") for key in ("namespace", "name")
    }
    needed = {
        Scope.STRICT: ("namespace", "name"),
        Scope.NAMESPACE_WIDE: ("namespace",),
        Scope.CLUSTER_WIDE: (),
    }
    for key in needed[scope]:
        if not place[key]:
            raise InvalidManifest(
                f"is missing; scope {scope} is bound to it", field=f"metadata.{key}"
            )
    return {"scope": scope, **place}


def _refuse_wider_template(spec: Mapping[str, Any], scope: Scope) -> None:
    """A template that is wider than its object is no copy of it: somebody put it there.

    A tool that took the scope from the template would hand out a copy that opens
    anywhere; none gets such an object from here.
    """
    template = child(spec, "template", path="spec.template")
    metadata = child(template, "metadata", path="spec.template.metadata")
    path = "spec.template.metadata.annotations"
    asked = scope_of(text_map(metadata, "annotations", path=path))
    if _WIDTH.index(asked) > _WIDTH.index(scope):
        raise InvalidManifest(
            f"asks for scope {asked}, and the SealedSecret has {scope}; "
            "remove the scope annotation from the template",
            field=path,
        )
