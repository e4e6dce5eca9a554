"""What an ExternalSecret depends on in stores, with the versions that were written.

Neighbours: `reconciler` puts it into the index, `intake` asks whether all of it is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from secretsync.controller.world import World, store_ref
from secretsync.core.sources import (
    FindSource,
    GeneratorSource,
    Source,
    found_versions,
    remote_stores,
    sources,
    version_key,
)
from secretsync.refresh.index import Need
from secretsync.resources.external_secret import ExternalSecret, StoreRef

__all__ = ["all_known", "needs"]


def needs(
    world: World, item: ExternalSecret, versions: Mapping[str, str]
) -> Iterator[tuple[StoreRef, Need, str | None]]:
    """Yield what it depends on, each with the version that was written, if any.

    Args:
        versions: as the provider-versions annotation has them.
    """
    for source in _read(world, item):
        need = source.query if isinstance(source, FindSource) else source.ref
        yield source.store, need, versions.get(version_key(source))
    for found, version in found_versions(item, versions):
        yield found.store, found.ref, version


def all_known(world: World, item: ExternalSecret, versions: Mapping[str, str]) -> bool:
    """Return whether the version of everything that it reads or generates is known."""
    generated = [source for source in sources(item) if isinstance(source, GeneratorSource)]
    return all(version_key(source) in versions for source in [*generated, *_read(world, item)])


def _read(world: World, item: ExternalSecret) -> list[Source | FindSource]:
    remote = remote_stores(_dialects(world, item))
    read = sources(item, remote=remote)
    return [source for source in read if not isinstance(source, GeneratorSource)]


def _dialects(world: World, item: ExternalSecret) -> dict[StoreRef, str]:
    found = {store: world.store(store_ref(item, store.name, store.kind)) for store in item.stores()}
    return {store: each[0].provider for store, each in found.items() if each and each[0]}
