"""Parts of a provider that several have alike: grouping, checking, pushing through a writer.

Neighbours: the adapters; `base` says what each method promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from providers.base import ProviderError, PushItem, PushRef, SecretRef, SecretValue, Writer

__all__ = ["PushesByWriter", "each_alone", "raise_first"]


def each_alone(refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
    """Group refs for a service that reads one at a time; see `Provider.pack`."""
    return [[ref] for ref in dict.fromkeys(refs)]


def raise_first(answers: Mapping[SecretRef, SecretValue | ProviderError]) -> None:
    """Make a check of what was read.

    Raises:
        ProviderError: the first problem among the answers.
    """
    for answer in answers.values():
        if isinstance(answer, ProviderError):
            raise answer


class PushesByWriter:
    """The three methods of `providers.base.Writer`, for a provider that has one do it."""

    _writer: Writer

    def push(self, item: PushItem) -> bool:
        """Make the service hold the value; see `providers.base.Writer`.

        Raises:
            NotManaged: something that no push made is in the way.
            ProviderError: it could not be written.
        """
        return self._writer.push(item)

    def exists(self, ref: PushRef) -> bool:
        """Return whether the service holds something there; see `providers.base.Writer`.

        Raises:
            ProviderError: it cannot tell.
        """
        return self._writer.exists(ref)

    def delete(self, ref: PushRef) -> bool:
        """Remove what was pushed there; see `providers.base.Writer`.

        Raises:
            NotManaged: no push made it.
            ProviderError: it could not be removed.
        """
        return self._writer.delete(ref)
