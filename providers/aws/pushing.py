"""What pushes to both services of AWS have in common: options, tags, and how they fail.

Neighbours: `secret_writing`, `parameter_writing`.

Source: External Secrets Operator, `metadata` of a PushSecret's entry: an object of kind
PushSecretMetadata with a `spec`, or in older manifests the fields of the spec themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from providers.aws.calls import CallError
from providers.aws.tags import MANAGED_BY, is_managed
from providers.base import InvalidRef, NotManaged, ProviderError, PushItem
from providers.json_property import with_property
from providers.showing import shown

__all__ = [
    "DESCRIPTION",
    "PushOptions",
    "push_options",
    "pushed_payload",
    "require_managed",
    "settled",
]

#: What ESO describes with if nothing is given.
DESCRIPTION = f"secret '{MANAGED_BY[0]}:{MANAGED_BY[1]}'"

_ENVELOPE = ("apiVersion", "kind", "spec")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PushOptions:
    """The options of one entry.

    Args:
        fields: as written, without `tags`.
        tags: to set besides the mark.
    """

    fields: Mapping[str, Any]
    tags: Mapping[str, str]

    def text(self, name: str, default: str = "", *, choices: Collection[str] = ()) -> str:
        """Return a field that is a text.

        Raises:
            InvalidRef: it is something else, or none of the choices.
        """
        value = self.fields.get(name) or default
        if not isinstance(value, str) or (choices and value not in choices):
            expected = f"one of {', '.join(choices)}" if choices else "a text"
            raise InvalidRef(f"metadata.{name} is not {expected}", remedy="correct it")
        return value

    def marked(self) -> dict[str, str]:
        """Return the tags of something that is made now: the mark among them."""
        return {**self.tags, MANAGED_BY[0]: MANAGED_BY[1]}

    def missing(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return which of the tags something that exists lacks, or has otherwise.

        Tags that are not named stay: who set them may be somebody else.
        """
        return {name: value for name, value in self.tags.items() if tags.get(name) != value}


def push_options(
    metadata: Mapping[str, Any], *, known: Collection[str], refused: Mapping[str, str]
) -> PushOptions:
    """Read the `metadata` of an entry.

    Args:
        metadata: as written.
        known: names of the fields that the service has.
        refused: names of those that are not served, each with why.

    Raises:
        InvalidRef: a field is unknown, refused, or not what it must be.
    """
    spec = metadata.get("spec", metadata)
    spec = {} if spec is None else spec
    if not isinstance(spec, Mapping):
        raise InvalidRef("metadata.spec is no object", remedy="write its fields there")
    fields = _canonical(spec, known, refused)
    tags = fields.pop("tags", None) or {}
    if not isinstance(tags, Mapping) or not all(isinstance(tag, str) for tag in tags.values()):
        raise InvalidRef("metadata.tags is no object of texts", remedy="quote the values")
    if MANAGED_BY[0] in tags:
        raise InvalidRef(
            f'metadata.tags sets "{MANAGED_BY[0]}", which marks what was pushed',
            remedy="leave it out",
        )
    return PushOptions(fields, dict(tags))


def _canonical(
    spec: Mapping[str, Any], known: Collection[str], refused: Mapping[str, str]
) -> dict[str, Any]:
    """Return the fields under their own names; Go's decoder takes them in any case."""
    names = {name.lower(): name for name in (*known, *refused, *_ENVELOPE, "tags")}
    fields: dict[str, Any] = {}
    for written, value in spec.items():
        name = names.get(str(written).lower(), "")
        if name in refused:
            raise InvalidRef(f"metadata.{name} is not supported: {refused[name]}")
        if not name:
            raise InvalidRef(
                f'metadata has an unknown field "{shown(written)}"',
                remedy=f"use one of {', '.join(sorted({*known, 'tags'}))}",
            )
        if name not in _ENVELOPE:
            fields[name] = value
    return fields


def pushed_payload(item: PushItem, payload: bytes | None) -> bytes:
    """Return what is to be held: the value, or the payload with it as one property.

    Args:
        payload: what is held now; None where nothing is.
    """
    value = item.value.reveal()
    return with_property(payload, item.ref.property, value) if item.ref.property else value


def require_managed(tags: Mapping[str, str], subject: str) -> None:
    """Go on only if the tags say that the thing was pushed.

    Raises:
        NotManaged: they do not.
    """
    if not is_managed(tags):
        key, value = MANAGED_BY
        raise NotManaged(
            f'"{shown(subject)}" exists and has no tag {key}={value}, so it is left alone',
            remedy=f"push to another key, or tag it {key}={value} to hand it over",
        )


def settled(work: Callable[[], _T], subject: str) -> _T:
    """Do the work; what goes wrong is raised without the frames and causes that hold values.

    Raises:
        ProviderError: what the work reported, about `subject` where AWS refused a call.
    """
    problem: ProviderError
    try:
        return work()
    except CallError as failed:
        problem = failed.error(subject)
    except ProviderError as exc:
        problem = exc
    # Outside of the handlers, so that none of their exceptions becomes the context.
    problem.__cause__ = problem.__context__ = None
    raise problem.with_traceback(None)
