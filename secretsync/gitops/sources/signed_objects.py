"""Commits and tags as Git stores them → what was signed, and the signature. Pure.

What an object says twice, readers could take for different things: it is refused.
Neighbours: `ssh_signatures` and `gpg_program` verify, `integrity` says whose signature counts.

Source: Git 2.47, Documentation/gitformat-signature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from secretsync.gitops.errors import SourceError

__all__ = ["SignedObject", "read_signed"]

#: Of a repository of SHA-1 and of SHA-256 ids.
_HEADERS = {40: b"gpgsig", 64: b"gpgsig-sha256"}
_SIGNED = re.compile(
    rb"^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----"
)
_SEAL = re.compile(r"^argocd-gpg-seal:[ \t]*\S", re.IGNORECASE | re.MULTILINE)
_ID = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SignedObject:
    """One commit or annotated tag.

    Args:
        payload: what the signature is about.
        signature: armoured; empty where there is none.
        parents: of a commit; of a tag, the one object that it names.
        who: the committer, or who made the tag, as `Name <address>`.
    """

    kind: str
    id: str
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    parents: tuple[str, ...]
    who: str
    message: str = field(repr=False)

    @property
    def seals(self) -> bool:
        """Whether a signer says with it that all before it was looked at."""
        return _SEAL.search(self.message) is not None

    def __str__(self) -> str:
        """Return how messages name it."""
        return f"{self.kind} {self.id[:10]} by {self.who!r}"


def read_signed(kind: str, object_id: str, raw: bytes) -> SignedObject:
    """Return a commit or a tag.

    Args:
        kind: `commit` or `tag`.
        raw: the object as `git cat-file` gives it.

    Raises:
        SourceError: it is neither, or says something twice.
    """
    if kind == "commit":
        return _commit(object_id, raw)
    if kind == "tag":
        return _tag(object_id, raw)
    raise SourceError(f"{object_id[:10]} is a {kind}, which nobody signs")


def _commit(object_id: str, raw: bytes) -> SignedObject:
    head, _, message = raw.partition(b"\n\n")
    signature, parents, kept, who = b"", [], [], b""
    for field_ in _fields(head):
        name, _, value = field_.partition(b" ")
        if name.startswith(b"gpgsig"):
            if signature or name != _HEADERS[len(object_id)]:
                raise SourceError(f"commit {object_id[:10]} is signed more than once")
            signature = value.replace(b"\n ", b"\n") + b"\n"
            continue
        kept.append(field_)
        if name == b"parent":
            parents.append(_named(value, object_id))
        elif name == b"committer":
            who = value
    payload = b"\n".join(kept) + b"\n\n" + message
    text = message.decode(errors="replace")
    return SignedObject("commit", object_id, payload, signature, tuple(parents), _person(who), text)


def _tag(object_id: str, raw: bytes) -> SignedObject:
    begins, at = len(raw), 0
    for line in raw.splitlines(keepends=True):
        if _SIGNED.match(line):
            begins = at  # Git takes the last one.
        at += len(line)
    payload, signature = raw[:begins], raw[begins:]
    head, _, message = payload.partition(b"\n\n")
    fields = dict(each.partition(b" ")[::2] for each in reversed(_fields(head)))
    about = _named(fields.get(b"object", b""), object_id)
    text, who = message.decode(errors="replace"), _person(fields.get(b"tagger", b""))
    return SignedObject("tag", object_id, payload, signature, (about,), who, text)


def _fields(head: bytes) -> list[bytes]:
    """Return the fields, each with the lines that go on with it."""
    found: list[bytes] = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and found:
            found[-1] += b"\n" + line
        else:
            found.append(line)
    return found


def _named(value: bytes, object_id: str) -> str:
    if not _ID.fullmatch(value):
        raise SourceError(f"{object_id[:10]} is no good object: it names no other one")
    return value.decode()


def _person(value: bytes) -> str:
    """Return `Name <address>` without the time; it goes into messages."""
    return value.decode(errors="replace").rpartition(">")[0][:120] + ">" if value else "?"
