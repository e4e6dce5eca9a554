"""The KV secrets engine of Vault and OpenBao as a provider.

Neighbours: `session` logs in; `reading`, `finding`, `changes` and `pushing` do the work.
No retries, sleeps, clock, or cache of values here: whoever calls the provider owns those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from providers.base import (
    CallObserver,
    Changes,
    Credentials,
    FindQuery,
    FoundSecret,
    ProviderError,
    SecretRef,
    SecretValue,
)
from providers.parts import PushesByWriter, each_alone, raise_first
from providers.vault.changes import ChangeDetector
from providers.vault.config import VaultConfig
from providers.vault.finding import KvFinder
from providers.vault.listing import Lister
from providers.vault.paths import KvPaths
from providers.vault.pushing import KvWriter
from providers.vault.reading import KvReader
from providers.vault.session import VaultSession

__all__ = ["VaultKv"]


class VaultKv(PushesByWriter):
    """KV secrets of one store, for one identity.

    Args:
        session: logs in at the first call.
        paths: of the store's engine.
    """

    def __init__(self, session: VaultSession, paths: KvPaths) -> None:
        self._session = session
        self._reader = KvReader(session, paths)
        lister = Lister(session, paths)
        self._detector = ChangeDetector(lister, self._reader, paths)
        self._finder = KvFinder(lister, self._reader, paths)
        self._writer = KvWriter(session, self._reader, paths)

    @classmethod
    def from_config(
        cls, config: VaultConfig, credentials: Credentials, *, observe: CallObserver
    ) -> Self:
        """Return a provider for a store's block; nothing is sent yet.

        Raises:
            ProviderError: the block or the credentials cannot work.
        """
        paths = KvPaths.of(config.path, config.version)
        return cls(VaultSession.of(config, credentials, observe=observe), paths)

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Group refs: each alone, as the engine reads one in a call."""
        return each_alone(refs)

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read refs; see `providers.base.Provider`."""
        return {ref: self._reader.read(ref) for ref in dict.fromkeys(refs)}

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List the secrets that match; see `finding`.

        Raises:
            ProviderError: the listing failed.
        """
        return self._finder.find(query)

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Say which refs moved; see `providers.vault.changes` for why it is sound.

        Without a watermark what was learned about engines and permissions is forgotten.

        Raises:
            Unavailable: the server cannot be asked now.
            ProviderError: there is no login.
        """
        if watermark is None:
            self._reader.doubt()
        return self._detector.changes(watermark, known)

    def check(self, refs: Sequence[SecretRef]) -> None:
        """Log in, have the server confirm the token, and read `refs` once.

        Raises:
            ProviderError: the first problem found.
        """
        self._reader.doubt()
        self._session.look_up_self()
        raise_first(self.fetch(refs))

    def renew(self) -> float | None:
        """Log in, or prolong the login; see `providers.base.Renewable`."""
        return self._session.renew()

    def close(self) -> None:
        """Revoke what was issued to this session and close; may be called again."""
        self._session.close()
