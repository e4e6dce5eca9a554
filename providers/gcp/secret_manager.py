"""Google Cloud Secret Manager (API v1) as a provider.

Neighbours: `login` and `tokens` make the identity; `channel` the client; `reading`,
`versions`, `changes`, `finding` and `writing` do the work. No retries, sleeps, clock, or
cache of values here: whoever calls the provider owns those.

Order of authentication and least permissions: see `providers.gcp.login` and
`providers.gcp`. Source: https://cloud.google.com/secret-manager/docs/reference/rpc
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self

from google.cloud.secretmanager_v1 import ListSecretsRequest, SecretManagerServiceClient

from providers.base import (
    AccessDenied,
    CallObserver,
    Changes,
    Credentials,
    FindQuery,
    FoundSecret,
    ProviderError,
    SecretRef,
    SecretValue,
)
from providers.gcp.calls import CallError, Calls
from providers.gcp.changes import ChangeDetector
from providers.gcp.channel import open_client
from providers.gcp.config import GcpConfig
from providers.gcp.finding import find_secrets
from providers.gcp.ids import Place, place_of
from providers.gcp.login import plan_login
from providers.gcp.reading import SecretReader
from providers.gcp.tokens import TokenSource
from providers.gcp.versions import VersionReader
from providers.gcp.writing import SecretWriter
from providers.parts import PushesByWriter, each_alone, raise_first

__all__ = ["GcpSecretManager"]

_FETCH = "LatestOrFetch"


class GcpSecretManager(PushesByWriter):
    """Secret Manager, for one identity in one project and location.

    Args:
        client: on a channel of this session's own.
        calls: runs its methods.
        place: project and location.
        fetch_enabled: the policy LatestOrFetch.
        release: closes what the client came from.
    """

    def __init__(
        self,
        client: SecretManagerServiceClient,
        calls: Calls,
        *,
        place: Place,
        fetch_enabled: bool,
        release: Callable[[], None],
    ) -> None:
        self._client = client
        self._calls = calls
        self._place = place
        self._release = release
        versions = VersionReader(client, calls, place=place, fetch_enabled=fetch_enabled)
        self._reader = SecretReader(client, calls, place=place, versions=versions)
        self._writer = SecretWriter(
            client, calls, place=place, reader=self._reader, versions=versions
        )
        self._detector = ChangeDetector(versions, lambda ref: self._reader.metadata(ref).version)

    @classmethod
    def from_config(
        cls, config: GcpConfig, credentials: Credentials, *, observe: CallObserver
    ) -> Self:
        """Return a provider for a store's block; nothing is sent yet.

        Raises:
            ProviderError: the block, the credentials or the environment cannot work.
        """
        place = place_of(config.project_id, config.location)
        bearer = TokenSource(plan_login(config, credentials), observe=observe)
        client, channel = open_client(place)

        def release() -> None:
            channel.close()
            bearer.close()

        return cls(
            client,
            Calls(bearer, observe),
            place=place,
            fetch_enabled=config.secret_version_selection_policy == _FETCH,
            release=release,
        )

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Group refs: each alone, as the service reads one at a time."""
        return each_alone(refs)

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read refs; see `providers.base.Provider`."""
        return {ref: self._reader.read(ref) for ref in dict.fromkeys(refs)}

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List the secrets that match; see `providers.gcp.finding`.

        Raises:
            ProviderError: the listing failed.
        """
        return find_secrets(self._client, self._calls, self._place, query)

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Say which refs moved; see `providers.gcp.changes` for what it costs.

        Raises:
            Unavailable: the service cannot be asked now.
            AuthFailed: there is no login.
        """
        return self._detector.changes(watermark, known)

    def check(self, refs: Sequence[SecretRef]) -> None:
        """Read `refs` once; without any, prove that Google accepts the credentials.

        Being denied the list still means being known, except where the denial is about
        the project as a whole.

        Raises:
            ProviderError: the first problem found.
        """
        if not refs:
            self._check_login()
        raise_first(self.fetch(refs))

    def close(self) -> None:
        """Close the channel; may be called again."""
        self._release()

    def _check_login(self) -> None:
        request = ListSecretsRequest(parent=self._place.parent, page_size=1)
        try:
            self._calls.run("ListSecrets", self._client.list_secrets, request)
        except CallError as failed:
            denied = failed.fault.kind is AccessDenied
            error = failed.error(self._place.parent)
            if denied and not failed.fault.concerns_project:
                return
        else:
            return
        raise error
