"""The inverted index: which ExternalSecrets depend on which upstream key.

It also knows the version of each key that was last written, which is what change
detection compares with. A query is a need like a key: its version is the digest of what
it found, and what it found are needs of their own. Values are never here.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from providers.base import FindQuery, SecretRef
from secretsync.refresh.sessions import SessionKey
from secretsync.resources.meta import ObjectRef

__all__ = ["DependencyIndex", "GroupKey", "Need"]

#: What an ExternalSecret depends on in a store.
Need = SecretRef | FindQuery


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What is refreshed together: one session's objects of one interval (seconds)."""

    session: SessionKey
    interval_s: float


class DependencyIndex:
    """Dependencies and known versions, per group; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[GroupKey, dict[Need, set[ObjectRef]]] = defaultdict(dict)
        self._groups_of: dict[ObjectRef, dict[GroupKey, tuple[Need, ...]]] = {}
        # The same over all intervals of a session, with the number of groups per user.
        self._readers: dict[SessionKey, dict[Need, Counter[ObjectRef]]] = defaultdict(dict)
        self._known: dict[SessionKey, dict[Need, str]] = defaultdict(dict)

    def put(self, user: ObjectRef, needs: Mapping[GroupKey, Iterable[Need]]) -> None:
        """Note what an ExternalSecret depends on, replacing what was known of it.

        The known versions of keys that it goes on needing stay known.
        """
        with self._lock:
            kept = {group: tuple(dict.fromkeys(refs)) for group, refs in needs.items()}
            self._replace(user, kept)
            self._groups_of[user] = kept

    def remove(self, user: ObjectRef) -> None:
        """Forget an ExternalSecret."""
        with self._lock:
            self._replace(user, {})
            self._groups_of.pop(user, None)

    def _replace(self, user: ObjectRef, needs: Mapping[GroupKey, tuple[Need, ...]]) -> None:
        before = _links(self._groups_of.get(user, {}))
        after = _links(needs)
        for group, ref in after - before:
            self._users[group].setdefault(ref, set()).add(user)
            self._readers[group.session].setdefault(ref, Counter())[user] += 1
        for group, ref in before - after:
            self._unlink(user, group, ref)

    def _unlink(self, user: ObjectRef, group: GroupKey, ref: Need) -> None:
        users = self._users[group]
        users[ref].discard(user)
        if not users[ref]:
            del users[ref]
        if not users:
            del self._users[group]
        readers = self._readers[group.session]
        readers[ref][user] -= 1
        if not readers[ref][user]:
            del readers[ref][user]
        if not readers[ref]:
            del readers[ref]
            self._known.get(group.session, {}).pop(ref, None)
        if not readers:
            del self._readers[group.session]
            self._known.pop(group.session, None)

    def learn(self, session: SessionKey, ref: Need, version: str) -> bool:
        """Note the version of a key that was just written, or found written.

        Returns:
            Whether another version was known before: others may still have that one.
        """
        with self._lock:
            before = self._known[session].get(ref)
            self._known[session][ref] = version
        return before is not None and before != version

    def unlearn_alone(self, user: ObjectRef) -> None:
        """Forget the versions that only this user vouched for, so that they are read again."""
        with self._lock:
            for group, refs in self._groups_of.get(user, {}).items():
                known = self._known.get(group.session, {})
                for ref in refs:
                    if self._session_users(group.session, ref) <= {user}:
                        known.pop(ref, None)

    def session_users(self, session: SessionKey, ref: Need) -> frozenset[ObjectRef]:
        """Return who depends on a key through a session, at any interval."""
        with self._lock:
            return self._session_users(session, ref)

    def _session_users(self, session: SessionKey, ref: Need) -> frozenset[ObjectRef]:
        return frozenset(self._readers.get(session, {}).get(ref, ()))

    def groups(self) -> frozenset[GroupKey]:
        """Return the groups that have members."""
        with self._lock:
            return frozenset(self._users)

    def needs(self, group: GroupKey) -> dict[Need, str | None]:
        """Return what a group depends on, each with its known version or None."""
        with self._lock:
            known = self._known.get(group.session, {})
            return {ref: known.get(ref) for ref in self._users.get(group, {})}

    def users(self, group: GroupKey, refs: Iterable[Need]) -> frozenset[ObjectRef]:
        """Return who depends on any of the refs."""
        with self._lock:
            by_ref = self._users.get(group, {})
            return frozenset[ObjectRef]().union(*(by_ref.get(ref, ()) for ref in refs))

    def member(self, group: GroupKey) -> ObjectRef | None:
        """Return any one member: it tells through which namespace the session is used."""
        with self._lock:
            for users in self._users.get(group, {}).values():
                return next(iter(users))
            return None


def _links(
    needs: Mapping[GroupKey, tuple[Need, ...]],
) -> frozenset[tuple[GroupKey, Need]]:
    return frozenset((group, ref) for group, refs in needs.items() for ref in refs)
