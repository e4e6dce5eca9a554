"""From a SealedSecret to the Secret that the controller makes of it.

All or nothing: one value that does not open, and there is no Secret. Templates are
rendered by the caller's engine: this library has none, and what may run where is the
caller's decision. `check_unseal` never renders.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sealing.encoding import decode_base64, encode_base64
from sealing.envelope import open_with, unseal_with
from sealing.errors import (
    InvalidManifest,
    ItemsFailed,
    MalformedValue,
    SealingError,
    TemplateFailed,
)
from sealing.fields import (
    child,
    data_field,
    metadata_copy,
    optional_bool,
    text_field,
    text_map,
)
from sealing.frames import shed_frames, sheds_frames
from sealing.keys import PrivateKey
from sealing.scopes import SEPARATOR, encryption_label, scope_of

__all__ = [
    "SKIP_OWNER_ANNOTATION",
    "Render",
    "check_type",
    "check_unseal",
    "open_blob",
    "open_items",
    "unseal_manifest",
]

#: Read from the template's annotations; the Secret then outlives its SealedSecret.
SKIP_OWNER_ANNOTATION = "sealedsecrets.bitnami.com/skip-set-owner-references"

#: Takes item key, template text and the values by key; gives the rendered value, or
#: raises TemplateFailed. It must not put arguments of template functions in the error.
Render = Callable[[str, str, Mapping[str, bytes]], bytes]

#: Takes the key that opened a value.
Opened = Callable[[PrivateKey], None]

_API_VERSION = "bitnami.com/v1alpha1"
_KIND = "SealedSecret"
#: No API server takes as many (3 MB, 388 letters or more each). Without a bound, values
#: of no letters would cost hours: each takes a private-key operation for each key.
MAXIMUM_ITEMS = 8192

_OPENS_TEMPLATE = "{{"
_NOTHING: frozenset[str] = frozenset()
#: A uid or managedFields of another object would make the Secret impossible to create.
_DROPPED = frozenset({"managedFields"})


@sheds_frames
def unseal_manifest(
    sealed: Mapping[str, Any],
    keys: Iterable[PrivateKey],
    *,
    render: Render | None = None,
    accept_v1_data: bool = True,
    opened: Opened | None = None,
) -> dict[str, Any]:
    """Open a SealedSecret.

    Args:
        sealed: the object as the cluster or a file has it.
        keys: a KeyRing, or private keys.
        render: engine for `spec.template.data`; without one, texts that hold no
            template are taken as they are.
        accept_v1_data: open the old form, one blob under `spec.data`.
        opened: told which key opened a value of `encryptedData`, once for each value.

    Returns:
        The Secret with its owner reference. It holds plaintext.

    Raises:
        ItemsFailed: values or templates that fail, each with its cause.
        UnsealFailed: the blob under `spec.data` does not open.
        InvalidManifest: the object is not a SealedSecret, or contradicts itself.
    """
    check_type(sealed)
    spec = child(sealed, "spec", path="spec")
    if spec.get("data") is not None:
        secret = _blob_secret(open_blob(sealed, spec, keys, accept=accept_v1_data))
        metadata = metadata_copy(secret, path="metadata", drop=_DROPPED)
        values = data_field(secret, path="data") | {
            key: text.encode()
            for key, text in text_map(secret, "stringData", path="stringData").items()
        }
    else:
        secret = child(spec, "template", path="spec.template")
        metadata = metadata_copy(secret, path="spec.template.metadata", drop=_DROPPED)
        values = _templated(secret, open_items(sealed, spec, keys, opened=opened), render)
    return _secret(sealed, secret, metadata, values)


@sheds_frames
def check_unseal(
    sealed: Mapping[str, Any], keys: Iterable[PrivateKey], *, accept_v1_data: bool = True
) -> None:
    """Ask whether a SealedSecret opens; no template runs, nothing is returned.

    A template that ran here would answer questions about the values to whoever asks.

    Raises:
        SealingError: as `unseal_manifest`, but for templates.
    """
    check_type(sealed)
    spec = child(sealed, "spec", path="spec")
    if spec.get("data") is not None:
        _blob_secret(open_blob(sealed, spec, keys, accept=accept_v1_data))
    else:
        open_items(sealed, spec, keys)


def check_type(sealed: Mapping[str, Any]) -> None:
    """Refuse what is no SealedSecret.

    Raises:
        InvalidManifest: kind or apiVersion say otherwise.
    """
    if (sealed.get("apiVersion"), sealed.get("kind")) != (_API_VERSION, _KIND):
        raise InvalidManifest(f"the object is not a {_KIND} of {_API_VERSION}")


def _label(sealed: Mapping[str, Any]) -> bytes:
    """By the object's own metadata: the template's copy of the scope means nothing."""
    metadata = child(sealed, "metadata", path="metadata")
    namespace = text_field(metadata, "namespace", path="metadata.namespace")
    if SEPARATOR in namespace:
        raise InvalidManifest("a namespace holds no slash", field="metadata.namespace")
    return encryption_label(
        scope_of(text_map(metadata, "annotations", path="metadata.annotations")),
        namespace=namespace,
        name=text_field(metadata, "name", path="metadata.name"),
    )


def open_items(
    sealed: Mapping[str, Any],
    spec: Mapping[str, Any],
    keys: Iterable[PrivateKey],
    *,
    opened: Opened | None = None,
) -> dict[str, bytes]:
    """Open every item of `spec.encryptedData` under the object's own label.

    Args:
        opened: told which key opened a value, once for each value.

    Raises:
        ItemsFailed: those that do not open, each with its cause.
    """
    items = child(spec, "encryptedData", path="spec.encryptedData")
    if len(items) > MAXIMUM_ITEMS:
        raise InvalidManifest(
            f"holds {len(items)} values; at most {MAXIMUM_ITEMS} are opened",
            field="spec.encryptedData",
        )
    label, ring = _label(sealed), list(keys)
    values: dict[str, bytes] = {}
    errors: dict[str, SealingError] = {}
    for key, text in items.items():
        try:
            if not isinstance(text, str):
                raise MalformedValue("the sealed value is not text")
            values[key], used = open_with(decode_base64(text), ring, label)
        except SealingError as exc:
            errors[key] = shed_frames(exc)
            continue
        # The next value is most likely for the same key, and each wrong one costs as much.
        ring.remove(used)
        ring.insert(0, used)
        if opened is not None:
            opened(used)
    if errors:
        raise ItemsFailed(errors)
    return values


def open_blob(
    sealed: Mapping[str, Any],
    spec: Mapping[str, Any],
    keys: Iterable[PrivateKey],
    *,
    accept: bool,
) -> bytes:
    """Open the old form, `spec.data`; it holds a whole Secret as JSON.

    Raises:
        UnsealFailed: no key opens it.
        InvalidManifest: the form is switched off, or the new one is there as well.
    """
    if not accept:
        raise InvalidManifest(
            "using deprecated 'data' field, use 'encryptedData' or flip the feature flag"
        )
    if child(spec, "encryptedData", path="spec.encryptedData"):
        raise InvalidManifest(
            "cannot use the field 'encryptedData' and the deprecated field 'data' at the same time"
        )
    blob = decode_base64(text_field(spec, "data", path="spec.data"))
    return unseal_with(blob, keys, _label(sealed))


def _blob_secret(plaintext: bytes) -> Mapping[str, Any]:
    secret = _json(plaintext)
    if not isinstance(secret, Mapping):
        raise InvalidManifest("does not hold a Secret as JSON", field="spec.data")
    return secret


def _json(plaintext: bytes) -> object:
    """What the text stands for, or None where it is not JSON.

    Not an error: the decoder's own carries the whole document, which is plaintext.
    """
    try:
        return json.loads(plaintext)
    except (ValueError, RecursionError):
        return None


def _templated(
    template: Mapping[str, Any], decrypted: Mapping[str, bytes], render: Render | None
) -> dict[str, bytes]:
    """The Secret's values: what was decrypted wins, a template that is null hides its key."""
    texts = child(template, "data", path="spec.template.data")
    plain = text_map({"data": _without_null(texts)}, "data", path="spec.template.data")
    # A template sees its siblings as they are written, so that order does not matter.
    dot = {key: text.encode() for key, text in plain.items()} | dict(decrypted)
    values = {key: value for key, value in decrypted.items() if texts.get(key, "") is not None}
    errors: dict[str, SealingError] = {}
    for key, text in plain.items():
        try:
            rendered = _rendered(key, text, dot, render)
        except TemplateFailed as exc:
            errors[key] = shed_frames(exc)
            continue
        values.setdefault(key, rendered)
    if errors:
        raise ItemsFailed(errors)
    return values


def _without_null(texts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: text for key, text in texts.items() if text is not None}


def _rendered(key: str, text: str, dot: Mapping[str, bytes], render: Render | None) -> bytes:
    if render is not None:
        return render(key, text, dot)
    if _OPENS_TEMPLATE in text:
        raise TemplateFailed("the value is a template, and no template engine was given")
    return text.encode()


def _secret(
    sealed: Mapping[str, Any],
    source: Mapping[str, Any],
    metadata: dict[str, Any],
    values: Mapping[str, bytes],
) -> dict[str, Any]:
    """The object to write; name and namespace are always the SealedSecret's."""
    own = child(sealed, "metadata", path="metadata")
    metadata = {key: value for key, value in metadata.items() if key not in ("name", "namespace")}
    place = {"name": own.get("name"), "namespace": own.get("namespace")}
    if not _skips_owner(sealed):
        metadata["ownerReferences"] = [_owner_reference(own)]
    secret: dict[str, Any] = {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {key: value for key, value in place.items() if value} | metadata,
    }
    immutable = optional_bool(source, "immutable", path="immutable")
    if immutable is not None:
        secret["immutable"] = immutable
    secret["data"] = {key: encode_base64(values[key]) for key in sorted(values)}
    if type_ := text_field(source, "type", path="type"):
        secret["type"] = type_
    return secret


def _skips_owner(sealed: Mapping[str, Any]) -> bool:
    spec = child(sealed, "spec", path="spec")
    template = child(spec, "template", path="spec.template")
    metadata = metadata_copy(template, path="spec.template.metadata", drop=_NOTHING)
    skip: bool = metadata.get("annotations", {}).get(SKIP_OWNER_ANNOTATION) == "true"
    return skip


def _owner_reference(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": _API_VERSION,
        "kind": _KIND,
        "name": text_field(metadata, "name", path="metadata.name"),
        "uid": text_field(metadata, "uid", path="metadata.uid"),
        "controller": True,
    }
