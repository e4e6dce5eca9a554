"""What an ExternalSecret or a PushSecret reads from: stores, keys, queries, generators.

The same shapes stand in the manifest and in the parsed object: they are defined once.

Source: External Secrets Operator 2.9, the CRD of ExternalSecret.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.spec import wire
from secretsync.resources.names import SUBDOMAIN_HINT, SUBDOMAIN_PATTERN

__all__ = [
    "GENERATOR_VERSION",
    "Find",
    "FindName",
    "GeneratorRef",
    "RemoteRef",
    "SourceRefSpec",
    "StoreRef",
]

#: The only version of generators that there is.
GENERATOR_VERSION = "generators.external-secrets.io/v1alpha1"

#: Whether a source that does not exist is an error, for one item at a time.
_EMPTY_RESULT = wire(choices=("Fail", "Ignore"))


@dataclass(frozen=True, slots=True)
class StoreRef:
    """`secretStoreRef`: which store to read from."""

    name: str = field(metadata=wire(required=True, pattern=SUBDOMAIN_PATTERN, hint=SUBDOMAIN_HINT))
    kind: str = field(
        default="SecretStore", metadata=wire(choices=("SecretStore", "ClusterSecretStore"))
    )


@dataclass(frozen=True, slots=True)
class GeneratorRef:
    """`generatorRef`: which generator makes the values."""

    kind: str = field(metadata=wire(required=True))
    name: str = field(metadata=wire(required=True, pattern=SUBDOMAIN_PATTERN, hint=SUBDOMAIN_HINT))
    api_version: str = field(default=GENERATOR_VERSION, metadata=wire(choices=(GENERATOR_VERSION,)))


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """`remoteRef` and `extract`: one key at the provider, and what to take from it.

    Args:
        empty_result_policy: Ignore makes it optional: the item is left out where the
            key, or the property in it, does not exist. A field of secretsync's own.
    """

    key: str = field(metadata=wire(required=True))
    version: str = ""
    property: str = ""
    metadata_policy: str = field(default="None", metadata=wire(choices=("None", "Fetch")))
    conversion_strategy: str = field(
        default="Default", metadata=wire(choices=("Default", "Unicode"))
    )
    decoding_strategy: str = field(
        default="None", metadata=wire(choices=("Auto", "Base64", "Base64URL", "None"))
    )
    null_byte_policy: str = field(default="Ignore", metadata=wire(choices=("Ignore", "Fail")))
    empty_result_policy: str = field(default="Fail", metadata=_EMPTY_RESULT)


@dataclass(frozen=True, slots=True)
class FindName:
    """`find.name`: which names to take.

    Args:
        regexp: a Go regular expression that matches anywhere in the full name.
    """

    regexp: str = ""


@dataclass(frozen=True, slots=True)
class Find:
    """`find`: every secret that fits, each under its own name.

    Args:
        path: where to look; what that means is the provider's affair.
        tags: name and value of each tag that a secret must have.
        empty_result_policy: Ignore lets it find nothing. A field of secretsync's own.
    """

    path: str = ""
    name: FindName | None = None
    tags: tuple[tuple[str, str], ...] = ()
    conversion_strategy: str = field(
        default="Default", metadata=wire(choices=("Default", "Unicode"))
    )
    decoding_strategy: str = field(
        default="None", metadata=wire(choices=("Auto", "Base64", "Base64URL", "None"))
    )
    null_byte_policy: str = field(default="Ignore", metadata=wire(choices=("Ignore", "Fail")))
    empty_result_policy: str = field(default="Fail", metadata=_EMPTY_RESULT)

    @property
    def name_regexp(self) -> str:
        """The expression that names must match, "" for any name."""
        return self.name.regexp if self.name is not None else ""


@dataclass(frozen=True, slots=True)
class SourceRefSpec:
    """`sourceRef`: a store other than the object's own, or a generator."""

    store_ref: StoreRef | None = None
    generator_ref: GeneratorRef | None = None
