"""Which engine is mounted where: what makes an absence certain.

Neighbours: `reading` and `finding` ask before they take a silence for an absence; `session`
calls. Each mount is asked about once, at its first absence, and again when in doubt.

Source: OpenBao and Vault, `sys/internal/ui/mounts` (API).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from providers.base import AuthFailed, InvalidRef
from providers.vault.errors import Refused
from providers.vault.paths import api_path
from providers.vault.session import VaultSession

__all__ = ["Engines"]


class Engines:
    """What one session was told of the engines of its server.

    Args:
        v2: the version of the KV engine that the store names.
    """

    def __init__(self, session: VaultSession, *, v2: bool) -> None:
        self._session = session
        self._v2 = v2
        self._lock = threading.Lock()
        self._known: dict[str, bool] = {}

    def doubt(self) -> None:
        """Forget what was learned."""
        with self._lock:
            self._known.clear()

    def has_kv_at(self, mount: str) -> bool:
        """Return whether an engine of the store's version is certainly mounted there.

        Raises:
            InvalidRef: another one is.
            ProviderError: the server cannot be asked.
        """
        with self._lock:
            if mount in self._known:
                return self._known[mount]
        try:
            # What the server's own command asks before it touches a KV engine.
            path = api_path("sys/internal/ui/mounts", mount)
            reply = self._session.call("ReadMount", "GET", path)
        except Refused as refused:
            error = self._session.explain(refused, f'engine "{mount}"')
            if isinstance(error, AuthFailed) or refused.status >= 429:
                raise error from None
            right = False
        else:
            right = self._judged(reply.get("data"), mount)
        with self._lock:
            self._known[mount] = right
        return right

    def _judged(self, found: object, mount: str) -> bool:
        if not isinstance(found, Mapping) or not isinstance(found.get("path"), str):
            return False
        options = found.get("options")
        version = options.get("version") if isinstance(options, Mapping) else None
        wanted = "2" if self._v2 else "1"
        here, kind = found["path"].strip("/"), found.get("type")
        if kind not in ("kv", "generic") or (version or "1") != wanted:
            raise InvalidRef(
                f'the engine at "{mount}" is {kind} of version {version or "1"}, '
                f"the store says v{wanted}",
                remedy="correct path or version of the store",
            )
        # A namespace may come before the mount.
        return bool(here == mount or mount.endswith("/" + here))
