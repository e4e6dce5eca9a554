"""AWS Secrets Manager (API 2017-10-17) as a provider.

Neighbours: `login` and `session` make the client; `reading` reads values, `listing`
detects changes, `secret_finding` finds, `secret_writing` pushes. No retries, sleeps,
clock, or cache of values here: whoever calls the provider owns those.

Order of authentication and least permissions: see `providers.aws.login` and
`providers.aws`. Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

from providers.aws.calls import CallError, Calls
from providers.aws.config import AwsConfig, SecretsManagerOptions
from providers.aws.ids import asked_id, is_current, pinned_version, version_params
from providers.aws.listing import ChangeDetector
from providers.aws.login import plan_login
from providers.aws.reading import BATCH_MAX_IDS, Read, SecretReader
from providers.aws.secret_finding import SecretFinder
from providers.aws.secret_writing import SecretWriter
from providers.aws.session import open_session
from providers.base import (
    AccessDenied,
    CallObserver,
    Changes,
    Credentials,
    FindQuery,
    FoundSecret,
    InvalidRef,
    ProviderError,
    PushItem,
    PushRef,
    SecretRef,
    SecretValue,
)

__all__ = ["AwsSecretsManager"]

_T = TypeVar("_T")


class AwsSecretsManager:
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
        self._client = client
        self._calls = Calls(observe)
        self._prefix = prefix
        self._release = release or client.close
        self._reader = SecretReader(client, self._calls)
        self._detector = ChangeDetector(client, self._calls, prefix=prefix)
        self._finder = SecretFinder(client, self._calls)
        self._writer = SecretWriter(client, self._calls, prefix=prefix, options=options)

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
        return [*_chunks(together), *alone]

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read refs; see `providers.base.Provider`."""
        since = self._detector.moment()
        results: dict[SecretRef, SecretValue | ProviderError] = {}
        by_id: dict[str, list[SecretRef]] = {}
        for ref in dict.fromkeys(refs):
            refusal = _refused(ref)
            if refusal is not None:
                results[ref] = refusal
            elif ref.metadata:
                results[ref] = _traceless(self._finder.metadata(asked_id(self._prefix, ref)))
            elif _batchable(ref):
                by_id.setdefault(asked_id(self._prefix, ref), []).append(ref)
            else:
                answer = self._reader.get(asked_id(self._prefix, ref), version_params(ref))
                results[ref] = self._noted(ref, answer, since)
        for ids in _chunks(list(by_id)):
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

    def check(self, refs: Sequence[SecretRef]) -> None:
        """Read `refs` once; without any, prove that AWS accepts the credentials.

        The proof is a signed call to the endpoint that the work uses: being denied it
        still means being known, and STS may not be reachable from here.

        Raises:
            ProviderError: the first problem found.
        """
        if not refs:
            self._check_login()
        for group in self.pack(refs):
            for answer in self.fetch(group).values():
                if isinstance(answer, ProviderError):
                    raise answer

    def push(self, item: PushItem) -> bool:
        """Write a value, if it is another one; see `providers.base.Writer`.

        Raises:
            NotManaged: something is there that has no tag of a push.
            ProviderError: it could not be written.
        """
        return self._writer.push(item)

    def exists(self, ref: PushRef) -> bool:
        """Return whether something is there.

        Raises:
            ProviderError: it cannot tell.
        """
        return self._writer.exists(ref)

    def delete(self, ref: PushRef) -> bool:
        """Remove what was pushed; return whether it was there.

        Raises:
            NotManaged: something is there that has no tag of a push.
            ProviderError: it could not be removed.
        """
        return self._writer.delete(ref)

    def close(self) -> None:
        """Close the connections; may be called again."""
        self._release()

    def _check_login(self) -> None:
        try:
            self._calls.run("ListSecrets", self._client.list_secrets, MaxResults=1)
        except CallError as failed:
            if failed.fault.kind is not AccessDenied and not failed.fault.unknown_operation:
                raise failed.error() from failed.__cause__

    def _noted(
        self, ref: SecretRef, answer: Read | ProviderError, since: int
    ) -> SecretValue | ProviderError:
        if isinstance(answer, ProviderError):
            return _traceless(answer)
        self._detector.note_read(ref, version=answer.value.version, arn=answer.arn, since=since)
        return answer.value


def _batchable(ref: SecretRef) -> bool:
    listed = ref.listed and bool(pinned_version(ref))
    return (is_current(ref) or listed) and not ref.metadata and _refused(ref) is None


def _is_other(ref: SecretRef, read: Read) -> bool:
    """Return whether the current version is no longer the one that a list gave."""
    return ref.listed and pinned_version(ref) not in ("", read.value.version)


def _traceless(answer: SecretValue | ProviderError) -> SecretValue | ProviderError:
    """An error may be kept for long; the frames it went through hold values."""
    return answer.with_traceback(None) if isinstance(answer, ProviderError) else answer


def _refused(ref: SecretRef) -> InvalidRef | None:
    if not ref.key:
        return InvalidRef("a reference has an empty key", remedy="name the secret in remoteRef.key")
    return None


def _chunks(items: list[_T]) -> Iterator[list[_T]]:
    for start in range(0, len(items), BATCH_MAX_IDS):
        yield items[start : start + BATCH_MAX_IDS]
