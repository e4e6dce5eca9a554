"""`--merge-into`: the values of a Secret, sealed into a SealedSecret that is there.

They are sealed under the label of the file's object: with any other they would never
open. What cannot end well is refused, and the file stays as it was.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from secretsync.cli.seal.certificates import load_certificate
from secretsync.cli.seal.console import EXIT_GOOD, warn
from secretsync.cli.seal.dropin_files import read_file, read_input, write_file
from secretsync.cli.seal.dropin_flags import Options
from secretsync.cli.seal.dropin_input import Manifest, read_sealed_secrets, read_secrets
from secretsync.cli.seal.dropin_output import check_format, format_of, rendered
from secretsync.cli.seal.dropin_sealing import seal_manifest
from secretsync.errors import ConfigError, InputError

__all__ = ["merge_into", "tidied"]


def merge_into(options: Options) -> int:
    """Seal the input into the file, and replace it all at once.

    Raises:
        SecretSyncError: the file, the input or the scope does not fit; nothing changed.
    """
    form = check_format(format_of(options))
    certificate = load_certificate(options)
    path = os.path.realpath(options.merge_into)
    before = read_file(options.merge_into)
    mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 - pathlib is slow to load
    target = _one(read_sealed_secrets(before, file=options.merge_into), options.merge_into)
    text, file = read_input(options)
    secret = _one(read_secrets(text, file=file), file)
    update = seal_manifest(
        _placed(secret, target.value),
        certificate,
        options,
        name=_metadata(target.value).get("name") or options.name,
        scope=_agreed_scope(options, secret, target),
    )
    if options.sealed_secret_file:
        warn("--sealed-secret-file only sets the format with --merge-into; it is not written")
    if form == "json" and not before.lstrip().startswith(b"{"):
        warn(f"{options.merge_into} was YAML and is JSON from now on; -o yaml keeps it YAML")
    content = rendered(_merged(target.value, update), form)
    write_file(path, content, mode=mode)
    return EXIT_GOOD


def _one(manifests: list[Manifest], file: str) -> Manifest:
    """The only document: with more, all but one would be lost."""
    if len(manifests) != 1:
        raise InputError(
            f"{file}: --merge-into takes one document, and here are {len(manifests)}",
            remedy="split the file, and merge them one by one",
        )
    return manifests[0]


def _metadata(manifest: Mapping[str, Any]) -> dict[str, Any]:
    metadata = manifest.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _placed(secret: Manifest, target: Mapping[str, Any]) -> Manifest:
    """The Secret with the namespace of the file's object, as far as that has one."""
    namespace = _metadata(target).get("namespace")
    metadata = _metadata(secret.value)
    if namespace:
        metadata = {**metadata, "namespace": namespace}
    return secret._replace(value={**secret.value, "metadata": metadata})


def _agreed_scope(options: Options, secret: Manifest, target: Manifest) -> Any:
    """The file's scope, provided that nobody asks for another.

    Raises:
        ConfigError: --scope or the Secret's annotation asks for another.
    """
    from sealing.scopes import Scope, scope_of  # noqa: PLC0415 - `--help` needs none

    scope = scope_of(_annotations(target))
    asked = Scope(options.scope) if "scope" in options.given else None
    if asked is None and Scope(options.scope) is not Scope.STRICT:
        asked = Scope(options.scope)
    own = scope_of(_annotations(secret))
    if asked is None and own is not Scope.STRICT:
        asked = own
    if asked not in (None, scope):
        raise ConfigError(
            f"{options.merge_into} is sealed {scope}, and a value sealed {asked} would never "
            "open in it",
            remedy="leave --scope and the scope annotation out, or seal the whole Secret anew",
        )
    return scope


def _annotations(manifest: Manifest) -> dict[str, str]:
    annotations = _metadata(manifest.value).get("annotations")
    return annotations if isinstance(annotations, dict) else {}


def _merged(target: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """The target with the update's values, labels and annotations laid over."""
    merged = tidied(target)
    spec = merged.setdefault("spec", {})
    template = spec.setdefault("template", {})
    metadata = template.setdefault("metadata", {})
    new = update["spec"]["template"]["metadata"]
    for field in ("annotations", "labels"):
        if new.get(field):
            metadata[field] = {**(metadata.get(field) or {}), **new[field]}
    old = spec.get("encryptedData") or {}
    spec["encryptedData"] = {**old, **update["spec"]["encryptedData"]}
    return merged


def tidied(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without the nulls and empty fields that kubeseal leaves out.

    Raises:
        InputError: spec or its template is no map.
    """
    copied = {key: value for key, value in manifest.items() if value not in (None, {})}
    spec = _map(copied.get("spec"), "spec")
    template = _map(spec.get("template"), "spec.template")
    template_metadata = _map(template.get("metadata"), "spec.template.metadata")
    copied["metadata"] = _filled(_metadata(manifest))
    copied["spec"] = {key: value for key, value in spec.items() if value is not None} | {
        "template": _filled(template) | {"metadata": _filled(template_metadata)},
        "encryptedData": dict(_map(spec.get("encryptedData"), "spec.encryptedData")),
    }
    return copied


def _map(value: Any, path: str) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise InputError(f"{path} is no map", remedy="correct the SealedSecret first")
    return value or {}


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value not in (None, "", {}, [])}
