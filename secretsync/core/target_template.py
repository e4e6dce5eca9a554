"""`target.template` and the provider's data → data, labels and annotations. Pure.

Order of precedence: `template.data`, then `templateFrom` (later entries win), then the
provider's data (with mergePolicy Merge, or where the template has neither). Keys that
others wrote into the Secret are `plan`'s affair.

Neighbours: `templating` renders each text, `refresh.template_sources` fetches the texts of
`templateFrom`, `materialize` gives the data and takes the result.

Source: External Secrets Operator 2.9, template engine v2; GHSA-fq7h-9x26-6j22 (which
templates a Secret of type service-account-token may have).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from providers.base import SecretBytes
from secretsync.core.errors import CoreError
from secretsync.core.templates.limits import TemplateLimit
from secretsync.core.templates.yaml_reading import YamlProblem
from secretsync.core.templating import Rendering, rendering
from secretsync.core.values import decode
from secretsync.resources.external_secret_template import (
    SERVICE_ACCOUNT_NAME,
    SERVICE_ACCOUNT_TOKEN,
    Template,
    TemplateFrom,
    TemplateItem,
    TemplateSource,
)
from secretsync.resources.findings import field_path
from secretsync.resources.names import (
    check_annotation_key,
    check_label_key,
    check_label_value,
    check_secret_key,
)

__all__ = ["Rendered", "TargetTemplateError", "Texts", "decoded", "render_target", "texts_of"]

#: The texts of every ConfigMap and Secret that a template takes templates from.
Texts = Mapping[TemplateSource, Mapping[str, bytes]]

_PATH = ("spec", "target", "template")
#: Kubernetes' own limit on the data of a Secret, and on its annotations.
_MAX_DATA_BYTES = 1024 * 1024
_MAX_ANNOTATION_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template makes of the data."""

    data: Mapping[str, SecretBytes]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


class TargetTemplateError(CoreError):
    """A template cannot be rendered; the message holds no value.

    Args:
        field: path of the template, `spec.target.template.data.url`.
        message: what is wrong.
    """

    def __init__(self, field: str, message: str, *, remedy: str = "") -> None:
        super().__init__(f"{field}: {message}", remedy=remedy)
        self.field = field


def render_target(template: Template, data: Mapping[str, SecretBytes], texts: Texts) -> Rendered:
    """Render a template.

    Args:
        template: of an ExternalSecret, or of anything with the same shape.
        data: what the provider gave: the dot of every template.
        texts: an entry for every source of `template.sources()`.

    Raises:
        TargetTemplateError: a template is broken, fails, asks for too much, or makes
            something that a Secret cannot hold or must not have.
    """
    target = _Target(template, data)
    for entry in template.template_from:
        for path, key, text, scope in texts_of(entry, texts):
            target.add(path, key, text, entry, scope=scope)
    for key, text in template.data:
        target.set(
            "Data", _under("data", key), key, target.rendered(_under("data", key), key, text)
        )
    for key, text in template.metadata.labels:
        path = _under("metadata", "labels", key)
        target.set("Labels", path, key, target.rendered(path, key, text))
    for key, text in template.metadata.annotations:
        path = _under("metadata", "annotations", key)
        target.set("Annotations", path, key, target.rendered(path, key, text))
    return target.result()


def _under(*names: str) -> str:
    return field_path((*_PATH, *names))


def texts_of(entry: TemplateFrom, texts: Texts) -> Iterator[tuple[str, str, str, str]]:
    """Yield field, key, text and scope of each template of an entry."""
    if entry.source is None:
        yield entry.field, "literal", entry.literal, "KeysAndValues"
        return
    found = texts[entry.source]
    for index, item in enumerate(entry.items):
        path = f"{entry.field}.items[{index}]"
        yield path, item.key, _text(path, entry.source, item, found), item.template_as


def _text(path: str, source: TemplateSource, item: TemplateItem, found: Mapping[str, bytes]) -> str:
    where = f"{source.kind} {source.name}"
    if item.key not in found:
        raise TargetTemplateError(
            path,
            f"{where} has no key {field_path((item.key,))}",
            remedy="add the key, or correct the item",
        )
    try:
        return found[item.key].decode()
    except UnicodeDecodeError:
        problem = f"key {field_path((item.key,))} of {where} is not UTF-8 text"
    raise TargetTemplateError(path, problem, remedy="a template is text")


class _Target:
    """What has been rendered so far."""

    def __init__(self, template: Template, data: Mapping[str, SecretBytes]) -> None:
        self._type = template.type
        plain = not template.data and not template.template_from
        kept = plain or template.merge_policy == "Merge"
        self._data: dict[str, SecretBytes] = dict(data) if kept else {}
        self._metadata: dict[str, dict[str, str]] = {"Labels": {}, "Annotations": {}}
        self._values: Rendering = rendering({key: value.reveal() for key, value in data.items()})
        self._left = _MAX_DATA_BYTES

    def rendered(self, path: str, key: str, text: str) -> bytes:
        """Render one text."""
        try:
            return self._values.render(key, text)
        except CoreError as exc:
            problem, remedy = exc.message, exc.remedy
        raise TargetTemplateError(path, problem, remedy=remedy)

    def add(self, path: str, key: str, text: str, entry: TemplateFrom, *, scope: str) -> None:
        """Render one text of `templateFrom` and set what it makes."""
        made = self.rendered(path, key, text)
        found = {key: made} if scope == "Values" else _pairs(path, made, self._values)
        for name, value in found.items():
            self.set(entry.target, path, name, decoded(path, value, entry.values_decoding_strategy))

    def set(self, target: str, path: str, key: str, value: bytes) -> None:
        """Set one key; it may have been rendered, so that no message shows it."""
        if target == "Data":
            self._set_data(path, key, value)
            return
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = None
        if text is None:
            raise TargetTemplateError(path, "what it renders to is not UTF-8 text")
        _check_metadata(target, path, key, text)
        self._metadata[target][key] = text

    def _set_data(self, path: str, key: str, value: bytes) -> None:
        if wanted := check_secret_key(key):
            raise TargetTemplateError(
                path, "a key that it makes is not valid", remedy=f"it must be {wanted}"
            )
        self._left -= len(value)
        if self._left < 0:
            raise TargetTemplateError(
                path, "the templates make more than 1 MiB", remedy="split the Secret"
            )
        self._data[key] = SecretBytes(value)

    def result(self) -> Rendered:
        """Return everything, if a Secret may have it."""
        annotations = self._metadata["Annotations"]
        if self._type == SERVICE_ACCOUNT_TOKEN and SERVICE_ACCOUNT_NAME in annotations:
            raise TargetTemplateError(
                _under("type"),
                f"a Secret of type {SERVICE_ACCOUNT_TOKEN} with the annotation "
                f"{SERVICE_ACCOUNT_NAME} is refused: Kubernetes would put a token into it",
                remedy="remove the annotation, or use another type",
            )
        if sum(len(key) + len(text) for key, text in annotations.items()) > _MAX_ANNOTATION_BYTES:
            raise TargetTemplateError(
                _under("metadata", "annotations"), "the annotations are larger than 256 KiB"
            )
        return Rendered(self._data, self._metadata["Labels"], annotations)


def _pairs(path: str, made: bytes, values: Rendering) -> dict[str, bytes]:
    """Read a rendered map of strings."""
    from secretsync.core.templates.yaml import string_map  # noqa: PLC0415 - most need no YAML

    try:
        text = made.decode()
        return {key: value.encode() for key, value in string_map(text, values.pay).items()}
    except UnicodeError:
        problem = "not UTF-8 text"
    except TemplateLimit:
        problem = "too many values"
    except YamlProblem as exc:
        problem = str(exc)
    raise TargetTemplateError(
        path,
        f"what it renders to is not a YAML map of strings: {problem}",
        remedy="write KEY: VALUE lines; quote values that may hold any text, by | quote",
    )


def decoded(path: str, value: bytes, strategy: str) -> bytes:
    """Return what `valuesDecodingStrategy` makes of a value.

    Raises:
        TargetTemplateError: it is not encoded that way.
    """
    try:
        return decode(value, strategy)
    except CoreError as exc:
        problem = exc.message
    raise TargetTemplateError(
        path, problem, remedy="correct valuesDecodingStrategy, or what the template makes"
    )


def _check_metadata(target: str, path: str, key: str, text: str) -> None:
    check_key = check_label_key if target == "Labels" else check_annotation_key
    what = target.lower().removesuffix("s")
    if wanted := check_key(key):
        raise TargetTemplateError(
            path, f"the key of the {what} is not valid", remedy=f"it must be {wanted}"
        )
    if target == "Labels" and (wanted := check_label_value(text)):
        raise TargetTemplateError(
            path,
            "what it renders to is not valid as a label's value",
            remedy=f"it must be {wanted}",
        )
