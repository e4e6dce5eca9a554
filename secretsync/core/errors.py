"""What the core refuses, and why; no message ever quotes a secret value.

    CoreError
    ├─ ValueProblem              the value upstream does not fit what was asked of it
    │  ├─ PropertyMissing        the value has no such property
    │  ├─ UnmarshalError         the value is not the JSON object that extract needs
    │  ├─ UndecodableValue       decodingStrategy does not fit the value
    │  └─ NullByteFound          nullBytePolicy Fail met a null byte
    ├─ PropertyPathLimit         a property path asks for more work than is allowed
    ├─ RewriteProblem            a rewrite cannot be carried out on the keys or values
    ├─ TemplateProblem           a template cannot be rendered
    └─ KeyProblem                the keys do not fit a Kubernetes Secret
       ├─ KeyCollision           two keys become one after conversion
       └─ InvalidKey             Kubernetes would refuse the key

All are permanent until the manifest or the value upstream changes.
"""

from __future__ import annotations

from providers.showing import shown
from secretsync.errors import SecretSyncError

__all__ = [
    "CoreError",
    "InvalidKey",
    "KeyCollision",
    "KeyProblem",
    "NullByteFound",
    "PropertyMissing",
    "PropertyPathLimit",
    "RewriteProblem",
    "TemplateProblem",
    "UndecodableValue",
    "UnmarshalError",
    "ValueProblem",
]


class CoreError(SecretSyncError):
    """A desired Secret cannot be made from what is there."""


class ValueProblem(CoreError):
    """The value upstream does not fit what the manifest asks of it."""


class PropertyMissing(ValueProblem):
    """The value has no such property.

    Args:
        property_path: as the manifest has it.
        key: the provider key of the secret.
        certain: the value is good JSON; what is not may be cut off or broken.
        absent: it counts as a secret that does not exist.
    """

    def __init__(
        self, property_path: str, key: str, *, certain: bool = True, absent: bool = False
    ) -> None:
        super().__init__(
            f"key {shown(property_path)} does not exist in secret {shown(key)}",
            remedy="correct remoteRef.property, or add the property to the secret at the provider",
        )
        self.property_path = property_path
        self.key = key
        self.certain = certain
        self.absent = absent


class UnmarshalError(ValueProblem):
    """The value is not the JSON object that `extract` needs."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"unable to unmarshal secret: {reason}",
            remedy="extract needs a JSON object; use spec.data for a value of another shape",
        )


class UndecodableValue(ValueProblem):
    """The value cannot be decoded as decodingStrategy says."""


class NullByteFound(ValueProblem):
    """nullBytePolicy is Fail and the value has a null byte."""


class PropertyPathLimit(CoreError):
    """A property path asks for more depth, work or output than is allowed."""


class RewriteProblem(CoreError):
    """A rewrite does not fit the keys or values that it is given."""


class TemplateProblem(CoreError):
    """A template is broken, fails on the values it got, or asks for too much.

    The text quotes the template and never what its functions got: a `fail .password`
    would print the plaintext.
    """


class KeyProblem(CoreError):
    """The keys do not fit a Kubernetes Secret."""


class KeyCollision(KeyProblem):
    """Two provider keys become the same key after conversion."""


class InvalidKey(KeyProblem):
    """Kubernetes would refuse the key."""
