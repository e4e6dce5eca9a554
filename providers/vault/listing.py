"""Lists a KV engine: names alone, or with all that describes them.

Neighbours: `finding` and `changes` ask. OpenBao lists a whole tree in one call (`scan`) and
tells the metadata of what it lists (`detailed-metadata`); Vault lists one folder, by name.

Source: OpenBao, KV secrets engine version 2 (API), "List secrets with metadata".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.base import AccessDenied, MalformedSecret, ProviderError
from providers.vault.errors import Refused
from providers.vault.paths import KvPaths, Place
from providers.vault.session import VaultSession

__all__ = ["Lister", "Listing"]

#: Paths inside of the engine, each with what describes it.
Listing = Mapping[str, Mapping[str, Any]]

_LIST = "ListSecrets"
_DETAILED = "detailed-metadata"


class Lister:
    """Lists through one session."""

    def __init__(self, session: VaultSession, paths: KvPaths) -> None:
        self._session = session
        self._paths = paths

    def scan(self, folder: Place) -> Listing | None:
        """Return all secrets below a folder, described.

        Returns:
            None where the server, or the identity's policies, do not offer that, or where
            it is too much for one answer. An empty engine is {}.

        Raises:
            ProviderError: the server cannot be asked now.
        """
        return self._detailed(folder, "scan")

    def detailed(self, folder: Place) -> Listing | None:
        """Return the secrets of one folder, described; as `scan` otherwise."""
        found = self._detailed(folder, "list")
        if found is None:
            return None
        return {path: entry for path, entry in found.items() if not path.endswith("/")}

    def names(self, folder: Place) -> list[str] | None:
        """Return what a folder holds; names of folders end with a slash.

        Returns:
            None where the server says that nothing is there.

        Raises:
            ProviderError: it cannot be listed.
        """
        try:
            reply = self._session.call(
                _LIST, "GET", self._paths.about(folder, folder=True), params={"list": "true"}
            )
        except Refused as refused:
            if refused.nothing_there:
                return None
            raise self._session.explain(refused, f'"{folder}"') from None
        data = reply.get("data")
        keys = data.get("keys") if isinstance(data, Mapping) else None
        if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
            raise MalformedSecret(f'Vault\'s list of "{folder}" is not a list')
        return keys

    def _detailed(self, folder: Place, verb: str) -> Listing | None:
        path = self._paths.about(folder, _DETAILED, folder=True)
        try:
            reply = self._session.call(_LIST, "GET", path, params={verb: "true"})
        except Refused as refused:
            return self._without(refused, folder)
        except MalformedSecret:
            # More than one answer may hold.
            return None
        data = reply.get("data")
        keys = data.get("keys") if isinstance(data, Mapping) else None
        info = data.get("key_info") if isinstance(data, Mapping) else None
        if not isinstance(keys, list) or not isinstance(info, Mapping):
            # A server that does not know the parameter may answer something else.
            return None
        before = f"{folder.path}/" if folder.path else ""
        return {before + key: entry for key, entry in info.items() if isinstance(entry, Mapping)}

    def _without(self, refused: Refused, folder: Place) -> Listing | None:
        if refused.nothing_there:
            return {}
        if refused.not_offered:
            return None
        error: ProviderError = self._session.explain(refused, f'"{folder}"')
        if isinstance(error, AccessDenied):
            return None
        raise error from None
