"""`--recovery-unseal`: SealedSecrets become Secrets with private keys from files.

The way out when the cluster is gone. Plaintext goes to standard output, or to the
file that --sealed-secret-file names, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from secretsync.cli.seal.console import EXIT_GOOD
from secretsync.cli.seal.dropin_files import give, read_file, read_input
from secretsync.cli.seal.dropin_flags import Options
from secretsync.cli.seal.dropin_input import read_manifests, read_sealed_secrets
from secretsync.cli.seal.dropin_output import check_format, format_of, rendered
from secretsync.errors import InputError

if TYPE_CHECKING:
    from sealing import PrivateKey

__all__ = ["read_private_keys", "recover"]


def recover(options: Options) -> int:
    """Open every SealedSecret of the input; nothing is written unless all open.

    Raises:
        SecretSyncError: a key or the input cannot be read, or a value does not open.
    """
    from sealing import SealingError, unseal_manifest  # noqa: PLC0415 - heavy

    form = check_format(format_of(options))
    text, file = read_input(options)
    keys = [key for path in options.recovery_private_key for key in read_private_keys(path)]
    secrets = []
    for manifest in read_sealed_secrets(text, file=file):
        try:
            secrets.append(unseal_manifest(manifest.value, keys, render=_render(manifest.value)))
        except SealingError as exc:
            where = f"{manifest.label}: " if ": document " in manifest.label else ""
            remedy = "" if keys else "give the controller's keys with --recovery-private-key"
            # Without its frames, which hold the values that did open.
            raise InputError(f"{where}{exc}", remedy=remedy) from None
    give(options, b"".join(rendered(secret, form) for secret in secrets))
    return EXIT_GOOD


def _render(sealed: Mapping[str, Any]) -> Any:
    """The template engine, loaded only for a SealedSecret that has templates."""
    spec = sealed.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    if not (isinstance(template, dict) and template.get("data")):
        return None
    from secretsync.core.templating import sealed_rendering  # noqa: PLC0415 - heavy

    return sealed_rendering()


def read_private_keys(path: str) -> list[PrivateKey]:
    """Return the keys of a PEM file, or of key Secrets as the cluster lists them.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    from sealing import InvalidKey, SealingError, parse_private_key  # noqa: PLC0415 - heavy

    text = read_file(path)
    if b"-----BEGIN" in text[:4096] and not text.lstrip().startswith(b"{"):
        try:
            return [parse_private_key(text)]
        except InvalidKey:
            # A Secret may hold such a block as well, under stringData.
            pass
        except SealingError as exc:
            raise InputError(f"{path}: {exc}") from exc
    keys = [_key_of(secret.value, secret.label) for secret in read_manifests(text, file=path)]
    if not keys:
        raise InputError(
            f"{path}: there is no private key",
            remedy="give a PEM file, or the key Secrets: "
            "kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key "
            "-o yaml",
        )
    return keys


def _key_of(secret: Mapping[str, Any], label: str) -> PrivateKey:
    from sealing import SealingError, parse_private_key  # noqa: PLC0415 - heavy
    from sealing.fields import data_field  # noqa: PLC0415 - heavy

    try:
        pem = data_field(secret, path="data").get("tls.key")
        if pem is None:
            raise InputError(
                f"{label}: secret must contain a 'tls.data' key",
                remedy="the private key is under data, as tls.key",
            )
        return parse_private_key(pem)
    except SealingError as exc:
        raise InputError(f"{label}: {exc}") from exc
