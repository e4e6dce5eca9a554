"""Where the values of a PushSecret come from: Secrets, a generator, and its template.

Neighbours: `pushing` sends them; `core.target_template` renders.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from providers.base import ProviderError, SecretBytes
from secretsync.cluster.base import KINDS, Cluster
from secretsync.core.target_template import TargetTemplateError, Texts, render_target
from secretsync.errors import ClusterError, ConfigError
from secretsync.refresh.credential_source import CredentialSource, Overlay
from secretsync.refresh.generations import Runner
from secretsync.resources.external_secret_template import Template, TemplateSource
from secretsync.resources.meta import ObjectRef
from secretsync.resources.push_secret import PushSecret, SecretSource

__all__ = ["PushSources", "Sourced"]

_PATH_THERE = "spec.target.template"
_PATH_HERE = "spec.template"


@dataclass(frozen=True, slots=True)
class Sourced:
    """The values of one Secret, or of one run of a generator.

    Args:
        name: of the Secret; "" for a generator's.
    """

    name: str
    data: Mapping[str, SecretBytes]


class PushSources:
    """Reads sources.

    Args:
        credentials: where Secrets and ConfigMaps are looked up.
        overlay: what PATH brings, whose Secrets may be selected by their labels.
        runner: None where generators are not served.
    """

    def __init__(
        self,
        cluster: Cluster,
        credentials: CredentialSource,
        overlay: Overlay,
        runner: Runner | None,
    ) -> None:
        self._cluster = cluster
        self._credentials = credentials
        self._overlay = overlay
        self._runner = runner
        self._lock = threading.Lock()
        self._generated: dict[ObjectRef, Sourced] = {}

    def read(self, item: PushSecret) -> list[Sourced]:
        """Return the values, templates rendered; none where no Secret is there.

        Values of a generator are made once a refresh: until `pushed` says that they
        arrived, the same ones come again.

        Raises:
            TargetTemplateError: the template cannot be rendered.
            ConfigError: there is no such generator.
            ProviderError: the generator cannot make values.
            ClusterError: the cluster cannot be asked.
        """
        found = list(self._raw(item))
        if item.template is None:
            return found
        texts = self._texts(item, item.template)
        return [Sourced(each.name, _rendered(item.template, each, texts)) for each in found]

    def pushed(self, ref: ObjectRef) -> None:
        """Say that the generated values arrived, or are not wanted any more."""
        with self._lock:
            self._generated.pop(ref, None)

    def _raw(self, item: PushSecret) -> Iterator[Sourced]:
        if not isinstance(item.source, SecretSource):
            yield self._generate(item)
            return
        names = [item.source.name] if item.source.name else self._selected(item, item.source)
        for name in names:
            data = self._secret(item.meta.namespace, name)
            if data is not None:
                yield Sourced(name, data)

    def _secret(self, namespace: str, name: str) -> Mapping[str, SecretBytes] | None:
        try:
            return self._credentials.secret(namespace, name)
        except ProviderError as exc:  # as credentials; here it is a plain Secret
            problem = ClusterError(exc.message, remedy=exc.remedy)
        raise problem

    def _selected(self, item: PushSecret, source: SecretSource) -> list[str]:
        selector, namespace = source.selector, item.meta.namespace
        if selector is None:
            return []
        given = {
            name: secret.labels
            for (where, name), secret in list(self._overlay.secrets.items())
            if where == namespace
        }
        page = self._cluster.list(KINDS["Secret"], namespace, metadata_only=True)
        live = {obj["metadata"]["name"]: obj["metadata"].get("labels") or {} for obj in page.items}
        return sorted(
            name for name, labels in {**live, **given}.items() if selector.matches(labels)
        )

    def _generate(self, item: PushSecret) -> Sourced:
        with self._lock:
            kept = self._generated.get(item.ref)
        if kept is not None:
            return kept
        if self._runner is None or isinstance(item.source, SecretSource):
            raise ConfigError("generators are not served here")
        made = Sourced("", self._runner.run(item.source, item.meta.namespace))
        with self._lock:
            self._generated[item.ref] = made
        return made

    def _texts(self, item: PushSecret, template: Template) -> Texts:
        namespace = item.meta.namespace
        return {source: self._text(namespace, source) for source in template.sources()}

    def _text(self, namespace: str, source: TemplateSource) -> Mapping[str, bytes]:
        found: Mapping[str, bytes] | None
        if source.kind == "ConfigMap":
            texts = self._credentials.config_map(namespace, source.name)
            found = None if texts is None else {key: text.encode() for key, text in texts.items()}
        else:
            data = self._secret(namespace, source.name)
            found = None if data is None else {key: each.reveal() for key, each in data.items()}
        if found is None:
            raise TargetTemplateError(
                f"{_PATH_HERE}.templateFrom",
                f"{source.kind} {namespace}/{source.name} does not exist",
                remedy="create it, or correct the name",
            )
        return found


def _rendered(template: Template, sourced: Sourced, texts: Texts) -> Mapping[str, SecretBytes]:
    try:
        return render_target(template, sourced.data, texts).data
    except TargetTemplateError as exc:
        path = exc.field.replace(_PATH_THERE, _PATH_HERE, 1)
        said = exc.message.removeprefix(f"{exc.field}: ")
        remedy = exc.remedy
    raise TargetTemplateError(path, said, remedy=remedy)
