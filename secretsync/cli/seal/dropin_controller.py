"""`--validate` and `--re-encrypt`: what only the controller can tell or do.

What the controller sends back is not believed as a whole: the new values are taken,
and only if they are for the same place. Older controllers leave templates out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.cli.seal.console import EXIT_GOOD, warn
from secretsync.cli.seal.dropin_files import give, read_input, write_file
from secretsync.cli.seal.dropin_flags import Options
from secretsync.cli.seal.dropin_input import Manifest, read_sealed_secrets
from secretsync.cli.seal.dropin_merge import tidied
from secretsync.cli.seal.dropin_output import (
    check_format,
    format_of,
    json_text,
    ordered,
    rendered,
)
from secretsync.cli.seal.service import SealedSecretsService
from secretsync.errors import ClusterError, InputError

__all__ = ["re_encrypt", "validate"]

#: Of a live object; a file must not claim them.
_SERVER_FIELDS = ("creationTimestamp", "deletionTimestamp", "generation")


def validate(options: Options) -> int:
    """Ask the controller about each SealedSecret; the first bad one ends it.

    Raises:
        SecretSyncError: one does not open, or there is no answer.
    """
    service = SealedSecretsService.from_options(options)
    text, file = read_input(options)
    if options.sealed_secret_file:
        warn("--sealed-secret-file has no meaning with --validate; it is not written")
    for sealed in read_sealed_secrets(text, file=file):
        if not service.verify(_compact(sealed.value)):
            name = (sealed.value.get("metadata") or {}).get("name", "")
            raise ClusterError(f"unable to decrypt sealed secret: {name}")
    return EXIT_GOOD


def re_encrypt(options: Options) -> int:
    """Have every value sealed anew for the newest key; a lone file is changed in place.

    Raises:
        SecretSyncError: one could not be; nothing is written then.
    """
    form = check_format(format_of(options))
    in_place = options.secret_file if not options.sealed_secret_file else ""
    if in_place.endswith((".yaml", ".yml")):
        form = "yaml"
    service = SealedSecretsService.from_options(options)
    text, file = read_input(options)
    done = [_rotated(service, sealed) for sealed in read_sealed_secrets(text, file=file)]
    content = b"".join(rendered(manifest, form) for manifest in done)
    if in_place:
        write_file(in_place, content)
    else:
        give(options, content)
    return EXIT_GOOD


def _compact(manifest: Mapping[str, Any]) -> bytes:
    return json_text(ordered(tidied(manifest))).encode("utf-8", "replace")


def _rotated(service: SealedSecretsService, sealed: Manifest) -> dict[str, Any]:
    """The SealedSecret with the controller's new values, and all else as it was."""
    answer = service.rotate(_compact(sealed.value))
    kept = tidied(sealed.value)
    for field in _SERVER_FIELDS:
        kept["metadata"].pop(field, None)
    if _label_of(answer) != _label_of(kept):
        raise ClusterError(
            f"{sealed.label}: the controller sealed it for another name, namespace or scope",
            remedy="the answer is thrown away; ask the cluster's administrator",
        )
    values = (answer.get("spec") or {}).get("encryptedData")
    old = kept["spec"]["encryptedData"]
    if not isinstance(values, dict) or not old.keys() <= values.keys():
        raise InputError(f"{sealed.label}: the controller's answer lacks values")
    kept["spec"]["encryptedData"] = {key: values[key] for key in old}
    return kept


def _label_of(manifest: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    from sealing.scopes import scope_of  # noqa: PLC0415 - `--help` needs none

    metadata = manifest.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    return metadata.get("namespace"), metadata.get("name"), scope_of(annotations)
