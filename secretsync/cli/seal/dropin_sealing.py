"""Sealing as kubeseal does: whole Secrets, one raw value, or just the certificate."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from secretsync.cli.seal.certificates import load_certificate, read_certificate_pem
from secretsync.cli.seal.console import EXIT_GOOD, warn
from secretsync.cli.seal.dropin_files import give, read_file, read_input
from secretsync.cli.seal.dropin_flags import Options
from secretsync.cli.seal.dropin_input import Manifest, read_secrets
from secretsync.cli.seal.dropin_output import check_format, format_of, rendered
from secretsync.errors import ConfigError, InputError

if TYPE_CHECKING:
    from sealing import Certificate
    from sealing.scopes import Scope

__all__ = ["fetch_certificate", "seal", "seal_manifest", "seal_raw"]

TTY_WANTS_SECRET = "(tty detected: expecting a secret to encrypt in stdin)"  # noqa: S105 - a note


def fetch_certificate(options: Options) -> int:
    """Write the certificate as it came, whatever it is; also an expired one."""
    give(options, read_certificate_pem(options))
    return EXIT_GOOD


def seal(options: Options) -> int:
    """Seal every Secret of the input; nothing is written unless all could be."""
    form = check_format(format_of(options))
    certificate = load_certificate(options)
    text, file = read_input(options)
    sealed = [
        seal_manifest(secret, certificate, options, name=options.name)
        for secret in read_secrets(text, file=file)
    ]
    give(options, b"".join(rendered(manifest, form) for manifest in sealed))
    return EXIT_GOOD


def seal_manifest(
    secret: Manifest,
    certificate: Certificate,
    options: Options,
    *,
    name: str,
    scope: Scope | None = None,
) -> dict[str, Any]:
    """Return the SealedSecret of one Secret.

    Args:
        name: replaces the Secret's; "" keeps it.
        scope: replaces what the Secret's annotations ask for; None leaves that to the
            options and them.

    Raises:
        InputError: the Secret cannot be sealed as it stands; names its document.
    """
    from sealing.errors import CertificateExpired, SealingError  # noqa: PLC0415 - heavy
    from sealing.manifest_seal import seal_secret  # noqa: PLC0415 - heavy

    scope = scope or _scope(options, secret)
    try:
        return seal_secret(
            secret.value,
            certificate,
            now=datetime.now(UTC),
            scope=scope,
            name=name,
            namespace=options.namespace,
            default_namespace=_default_namespace(options, secret, scope),
            allow_empty_data=options.allow_empty_data,
        )
    except CertificateExpired:
        raise
    except SealingError as exc:
        # A lone document needs no number, and scripts know kubeseal's bare sentences.
        where = f"{secret.label}: " if ": document " in secret.label else ""
        raise InputError(f"{where}{exc}") from exc


def _scope(options: Options, secret: Manifest) -> Scope | None:
    """What --scope asks for; strict is no wish of its own, as in kubeseal."""
    from sealing.scopes import Scope  # noqa: PLC0415 - `--help` needs none

    scope = Scope(options.scope)
    if scope is not Scope.STRICT:
        return scope
    if "scope" in options.given and _own_scope(secret) is not Scope.STRICT:
        warn(
            f"{secret.label}: --scope strict does not undo the Secret's own annotation; "
            f"it is sealed {_own_scope(secret)}"
        )
    return None


def _own_scope(secret: Manifest) -> Scope:
    from sealing.scopes import scope_of  # noqa: PLC0415 - `--help` needs none

    metadata = secret.value.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return scope_of(annotations if isinstance(annotations, dict) else {})


def _default_namespace(options: Options, secret: Manifest, scope: Scope | None) -> str:
    """The kubeconfig's, read only where nothing else names one."""
    from sealing.scopes import Scope  # noqa: PLC0415 - `--help` needs none

    metadata = secret.value.get("metadata")
    own = metadata.get("namespace") if isinstance(metadata, dict) else None
    if options.namespace or own or (scope or _own_scope(secret)) is Scope.CLUSTER_WIDE:
        return ""
    try:
        return _context_namespace(options)
    except ConfigError as exc:
        raise InputError(
            "secret must declare a namespace", remedy=f"give --namespace; {exc.message}"
        ) from exc


def _context_namespace(options: Options) -> str:
    from secretsync.cli.seal.service import kubectl_flags  # noqa: PLC0415 - seldom needed
    from secretsync.cluster.client_config import default_namespace  # noqa: PLC0415 - as above

    return default_namespace(kubectl_flags(options))


def seal_raw(options: Options) -> int:
    """Seal one value and write it as base64, without a line break."""
    from sealing.envelope import seal_value  # noqa: PLC0415 - heavy
    from sealing.scopes import Scope  # noqa: PLC0415 - `--help` needs none

    if options.secret_file:
        warn("--secret-file is not looked at with --raw: give --from-file, or pipe the value in")
    certificate = load_certificate(options)
    scope = Scope(options.scope)
    namespace = ""
    if scope is not Scope.CLUSTER_WIDE:
        namespace = options.namespace or _raw_namespace(options, scope)
    if scope is Scope.STRICT and not options.name:
        raise ConfigError(f"must provide the --name flag with --raw and --scope {scope}")
    value = _raw_value(options)
    sealed = seal_value(
        value,
        certificate,
        now=datetime.now(UTC),
        scope=scope,
        namespace=namespace,
        name=options.name,
    )
    give(options, sealed.encode("ascii"))
    return EXIT_GOOD


def _raw_namespace(options: Options, scope: Scope) -> str:
    wanted = f"must provide the --namespace flag with --raw and --scope {scope}"
    try:
        namespace = _context_namespace(options)
    except ConfigError as exc:
        raise ConfigError(exc.message, remedy=wanted) from exc
    if not namespace:
        raise ConfigError(wanted)
    return namespace


def _raw_value(options: Options) -> bytes:
    """The bytes as they are: a line break at their end is part of them."""
    if len(options.from_file) > 1:
        raise ConfigError(
            "must provide only one --from-file when encrypting a single item with --raw"
        )
    if options.from_file:
        key, _, path = options.from_file[0].partition("=")
        return read_file(path or key)
    if sys.stdin.isatty():
        sys.stderr.write(f"{TTY_WANTS_SECRET}\n")
    return sys.stdin.buffer.read()
