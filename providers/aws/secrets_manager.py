"""AWS Secrets Manager (API 2017-10-17) as a provider.

Neighbours: `login` and `session` make the client; `reading` reads values, `listing`
detects changes, `secret_finding` finds, `secret_writing` pushes. No retries, sleeps,
clock, or cache of values here: whoever calls the provider owns those.

Order of authentication and least permissions: see `providers.aws.login` and
`providers.aws`. Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from providers.aws.calls import Calls
from providers.aws.config import AwsConfig, SecretsManagerOptions
from providers.aws.ids import asked_id, is_current, pinned_version, version_params
from providers.aws.listing import ChangeDetector
from providers.aws.login import plan_login
from providers.aws.reading import BATCH_MAX_IDS, Read, SecretReader
from providers.aws.secret_finding import SecretFinder
from providers.aws.secret_writing import SecretWriter
from providers.aws.service import AwsService, chunks, empty_key, traceless
from providers.aws.session import open_session
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

__all__ = ["AwsSecretsManager"]


class AwsSecretsManager(AwsService):
    """Secrets Manager, for one identity in one region.

    Args:
        client: a boto3 client of `secretsmanager`, without retries of its own.
        observe: is told of each request.
        prefix: put before each key that is a name.
        options: how pushed secrets are deleted.
        release: closes what the client came from.
    """

    def __init__(
        self,
        client: Any,
        *,
        observe: CallObserver,
        prefix: str = "",
        options: SecretsManagerOptions | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        calls = Calls(observe)
        super().__init__(
            calls,
            SecretWriter(client, calls, prefix=prefix, options=options),
            probe=("ListSecrets", client.list_secrets),
            release=release or client.close,
        )
        self._prefix = prefix
        self._reader = SecretReader(client, calls)
        self._detector = ChangeDetector(client, calls, prefix=prefix)
        self._finder = SecretFinder(client, calls)

    @classmethod
    def from_config(
        cls, config: AwsConfig, credentials: Credentials, *, observe: CallObserver
    ) -> Self:
        """Return a provider for a store's block; nothing is sent yet.

        Raises:
            ProviderError: the block, the credentials or the SDK's set-up cannot work.
        """
        plan = plan_login(config, credentials)
        session = open_session(plan, region=config.region, observe=observe)
        return cls(
            session.client("secretsmanager"),
            observe=observe,
            prefix=config.prefix,
            options=config.secrets_manager,
            release=session.close,
        )

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Group refs: current values by twenty, other versions and metadata alone.

        A version that a list has just shown as the current one counts as current. Alone as
        well once this identity turned out to have no batches.
        """
        distinct = list(dict.fromkeys(refs))
        if self._reader.singles_only:
            return [[ref] for ref in distinct]
        together = [ref for ref in distinct if _batchable(ref)]
        alone = [[ref] for ref in distinct if not _batchable(ref)]
        return [*chunks(together, BATCH_MAX_IDS), *alone]

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read refs; see `providers.base.Provider`."""
        since = self._detector.moment()
        results: dict[SecretRef, SecretValue | ProviderError] = {}
        by_id: dict[str, list[SecretRef]] = {}
        for ref in dict.fromkeys(refs):
            refusal = empty_key(ref, what="secret")
            if refusal is not None:
                results[ref] = refusal
            elif ref.metadata:
                results[ref] = traceless(self._finder.metadata(asked_id(self._prefix, ref)))
            elif _batchable(ref):
                by_id.setdefault(asked_id(self._prefix, ref), []).append(ref)
            else:
                answer = self._reader.get(asked_id(self._prefix, ref), version_params(ref))
                results[ref] = self._noted(ref, answer, since)
        for ids in chunks(list(by_id), BATCH_MAX_IDS):
            answers = self._reader.get_current(ids)
            for ref in (ref for asked in ids for ref in by_id[asked]):
                answer = answers[asked_id(self._prefix, ref)]
                if isinstance(answer, Read) and _is_other(ref, answer):
                    answer = self._reader.get(ref.key, version_params(ref))
                results[ref] = self._noted(ref, answer, since)
        return results

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List the secrets whose names begin with `path`; the store's prefix plays no part.

        Raises:
            ProviderError: the listing failed.
        """
        return self._finder.find(query)

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Say which refs moved; see `providers.aws.listing` for why it is sound.

        Without a watermark everything that was learned about denied calls is forgotten, so
        that a granted permission is noticed at the next full sweep.

        Raises:
            Unavailable: the service cannot be asked now.
            ProviderError: there is no login.
        """
        if watermark is None:
            self._reader.singles_only = False
        return self._detector.changes(watermark, known)

    def _noted(
        self, ref: SecretRef, answer: Read | ProviderError, since: int
    ) -> SecretValue | ProviderError:
        if isinstance(answer, ProviderError):
            return traceless(answer)
        self._detector.note_read(ref, version=answer.value.version, arn=answer.arn, since=since)
        return answer.value


def _batchable(ref: SecretRef) -> bool:
    listed = ref.listed and bool(pinned_version(ref))
    return (is_current(ref) or listed) and not ref.metadata and bool(ref.key)


def _is_other(ref: SecretRef, read: Read) -> bool:
    """Return whether the current version is no longer the one that a list gave."""
    return ref.listed and pinned_version(ref) not in ("", read.value.version)
