"""The ConfigMaps and Secrets that templates are taken from: `target.template.templateFrom`.

They are looked up in the ExternalSecret's own namespace, in PATH first and then in the
cluster, each once a batch. Nothing watches them: External Secrets Operator renders again
at each refresh, and so a tick asks here whether a text has changed since it was rendered.

Neighbours: `core.target_template` renders; `pipeline` and the ticks of the service ask.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import Future

from providers.base import ProviderError
from secretsync.core.target_template import TargetTemplateError, Texts
from secretsync.errors import ClusterError
from secretsync.refresh.credential_source import CredentialSource
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.external_secret_template import TemplateFrom, TemplateSource
from secretsync.resources.meta import ObjectRef

__all__ = ["TemplateBatch", "TemplateSources"]

#: ExternalSecrets with templates elsewhere; one that is forgotten is rendered once more.
_REMEMBERED = 50_000

Place = tuple[str, TemplateSource]
Found = Mapping[str, bytes] | None


class TemplateSources:
    """Fetches texts, and remembers of each ExternalSecret which ones it was rendered from.

    Args:
        source: where Secrets and ConfigMaps are looked up.
    """

    def __init__(self, source: CredentialSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._rendered: OrderedDict[ObjectRef, bytes] = OrderedDict()

    def batch(self) -> TemplateBatch:
        """Begin a batch, in which each source is fetched once."""
        return TemplateBatch(self, self._source)

    def moved(self, items: Iterable[ExternalSecret]) -> frozenset[ObjectRef]:
        """Return those whose texts are not what they were last rendered from.

        Raises:
            ClusterError: the cluster cannot be asked.
        """
        batch = self.batch()
        return frozenset(
            item.ref
            for item in items
            if _has_sources(item) and self._known(item.ref) != batch.digest(item)
        )

    def remember(self, ref: ObjectRef, digest: bytes) -> None:
        """Note what an ExternalSecret is rendered from now."""
        with self._lock:
            self._rendered[ref] = digest
            self._rendered.move_to_end(ref)
            if len(self._rendered) > _REMEMBERED:
                self._rendered.popitem(last=False)

    def _known(self, ref: ObjectRef) -> bytes | None:
        with self._lock:
            return self._rendered.get(ref)


class TemplateBatch:
    """The texts of one batch; safe to share between threads."""

    def __init__(self, sources: TemplateSources, source: CredentialSource) -> None:
        self._sources = sources
        self._source = source
        self._lock = threading.Lock()
        self._fetched: dict[Place, Future[Found]] = {}

    def texts(self, item: ExternalSecret) -> Texts:
        """Return the texts of every source that an ExternalSecret's template has.

        Raises:
            TargetTemplateError: a source does not exist.
            ClusterError: the cluster cannot be asked.
        """
        template = item.target.template
        if template is None or not _has_sources(item):
            return {}
        self._sources.remember(item.ref, self.digest(item))
        texts: dict[TemplateSource, Mapping[str, bytes]] = {}
        for entry in template.template_from:
            if entry.source is not None:
                texts[entry.source] = self._present(item, entry, entry.source)
        return texts

    def digest(self, item: ExternalSecret) -> bytes:
        """Return what differs where any of the sources does, or is not there."""
        digest = hashlib.sha256()
        template = item.target.template
        for source in template.sources() if template is not None else ():
            found = self._find(item.meta.namespace, source)
            for key, text in sorted(found.items()) if found is not None else ():
                for part in (key.encode(), text):
                    digest.update(len(part).to_bytes(8, "big") + part)
            digest.update(b"\0" if found is None else b"\1")
        return digest.digest()

    def _present(
        self, item: ExternalSecret, entry: TemplateFrom, source: TemplateSource
    ) -> Mapping[str, bytes]:
        found = self._find(item.meta.namespace, source)
        if found is None:
            raise TargetTemplateError(
                entry.field,
                f"{source.kind} {item.meta.namespace}/{source.name} does not exist",
                remedy="create it, or correct the name",
            )
        return found

    def _find(self, namespace: str, source: TemplateSource) -> Found:
        """Return what a source holds; whoever asks first fetches it for all."""
        place = namespace, source
        with self._lock:
            future = self._fetched.get(place)
            mine = future is None
            if future is None:
                future = self._fetched[place] = Future()
        if mine:
            try:
                future.set_result(self._fetch(namespace, source))
            except Exception as exc:  # noqa: BLE001 - everyone who waits gets it
                future.set_exception(exc)
        return future.result()

    def _fetch(self, namespace: str, source: TemplateSource) -> Found:
        if source.kind == "ConfigMap":
            texts = self._source.config_map(namespace, source.name)
            return None if texts is None else {key: text.encode() for key, text in texts.items()}
        try:
            data = self._source.secret(namespace, source.name)
        except ProviderError as exc:  # as credentials; here it is a plain Secret
            problem = ClusterError(exc.message, remedy=exc.remedy)
        else:
            return None if data is None else {key: each.reveal() for key, each in data.items()}
        raise problem


def _has_sources(item: ExternalSecret) -> bool:
    template = item.target.template
    return template is not None and any(entry.source for entry in template.template_from)
