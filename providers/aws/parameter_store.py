"""AWS Systems Manager Parameter Store (API 2014-11-06) as a provider.

Neighbours: `login` and `session` make the client; `parameter_reading` reads values,
`parameter_listing` lists, `parameter_writing` pushes. No retries, sleeps, clock, or cache
of values here: whoever calls the provider owns those.

Least permissions: `ssm:GetParameters` on the parameters, or `ssm:GetParameter` alone at
ten times the calls. With `ssm:DescribeParameters` (only grantable on "*") unchanged ones
are not read; `dataFrom.find` needs that or `ssm:GetParametersByPath`, metadata
`ssm:ListTagsForResource`.

Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from providers.aws.calls import CallError, Calls
from providers.aws.config import AwsConfig
from providers.aws.login import plan_login
from providers.aws.parameter_listing import ParameterLister
from providers.aws.parameter_names import bare_name, invalid_name, parameter_name
from providers.aws.parameter_reading import BATCH_MAX_NAMES, ParameterReader
from providers.aws.parameter_writing import ParameterWriter
from providers.aws.service import AwsService, chunks, empty_key, traceless
from providers.aws.session import open_session
from providers.aws.tags import tag_map, tags_value
from providers.base import (
    CallObserver,
    Changes,
    Credentials,
    FindQuery,
    FoundSecret,
    InvalidRef,
    ProviderError,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from providers.showing import shown

__all__ = ["AwsParameterStore"]

_TAGS = "ListTagsForResource"


class AwsParameterStore(AwsService):
    """Parameter Store, for one identity in one region.

    Args:
        client: a boto3 client of `ssm`, without retries of its own.
        observe: is told of each request.
        prefix: put before each key that is a name.
        release: closes what the client came from.
    """

    def __init__(
        self,
        client: Any,
        *,
        observe: CallObserver,
        prefix: str = "",
        release: Callable[[], None] | None = None,
    ) -> None:
        calls = Calls(observe)
        super().__init__(
            calls,
            ParameterWriter(client, calls, prefix=prefix),
            probe=("DescribeParameters", client.describe_parameters),
            release=release or client.close,
        )
        self._client = client
        self._prefix = prefix
        self._reader = ParameterReader(client, calls)
        self._lister = ParameterLister(client, calls, prefix=prefix)

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
            session.client("ssm"), observe=observe, prefix=config.prefix, release=session.close
        )

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Group refs: by ten; alone what is not a value, or spoils a call for others."""
        together: list[SecretRef] = []
        alone: list[list[SecretRef]] = []
        for ref in dict.fromkeys(refs):
            name = parameter_name(self._prefix, ref)
            if self._reader.singles_only or self._is_alone(ref, name):
                alone.append([ref])
            else:
                together.append(ref)
        return [*chunks(together, BATCH_MAX_NAMES), *alone]

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read refs; see `providers.base.Provider`."""
        results: dict[SecretRef, SecretValue | ProviderError] = {}
        together: dict[str, list[SecretRef]] = {}
        alone: dict[str, list[SecretRef]] = {}
        for ref in dict.fromkeys(refs):
            name = parameter_name(self._prefix, ref)
            refusal = _refused(ref, name)
            if refusal is not None:
                results[ref] = refusal
            elif ref.metadata:
                results[ref] = _checked(ref, self._metadata(bare_name(name)))
            else:
                by_name = alone if self._is_alone(ref, name) else together
                by_name.setdefault(name, []).append(ref)
        for names in [*chunks(list(together), BATCH_MAX_NAMES), *([name] for name in alone)]:
            answers = self._reader.get(names)
            for name in names:
                for ref in together.get(name, []) + alone.get(name, []):
                    results[ref] = _checked(ref, answers[name])
        return results

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List the parameters below `path` ("/" by default) by their full names.

        Raises:
            ProviderError: the listing failed.
        """
        return self._lister.find(query)

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Say which refs moved; see `providers.aws.parameter_listing` for why it is sound.

        Without a watermark everything that was learned about denied calls is forgotten, so
        that a granted permission is noticed at the next full sweep.

        Raises:
            Unavailable: the service cannot be asked now.
            ProviderError: there is no login.
        """
        if watermark is None:
            self._reader.forget()
        return self._lister.changes(watermark, known)

    def _is_alone(self, ref: SecretRef, name: str) -> bool:
        return ref.metadata or name in self._reader.alone or _refused(ref, name) is not None

    def _metadata(self, name: str) -> SecretValue | ProviderError:
        """Read the tags of a parameter, as ESO gives them: one JSON object."""
        try:
            reply = self._calls.run(
                _TAGS,
                self._client.list_tags_for_resource,
                ResourceType="Parameter",
                ResourceId=name,
            )
        except CallError as failed:
            if failed.fault.code == "InvalidResourceId":
                # Said of what is absent too; only a read of it is certain.
                read = self._reader.get([name])[name]
                return read if isinstance(read, SecretNotFound) else failed.error(name)
            return failed.error(name)
        tags = tag_map(reply.get("TagList"))
        if tags is None:
            return Unavailable(f'the reply of AWS to {_TAGS} of "{shown(name)}" holds no tags')
        return tags_value(tags)


def _refused(ref: SecretRef, name: str) -> InvalidRef | None:
    return empty_key(ref, what="parameter") or invalid_name(name)


def _checked(ref: SecretRef, answer: SecretValue | ProviderError) -> SecretValue | ProviderError:
    if isinstance(answer, ProviderError):
        return traceless(answer)
    if "@" in ref.version and not ref.metadata and answer.version != ref.version:
        return Unavailable(f'parameter "{shown(ref.key)}" was made anew while it was being found')
    return answer
