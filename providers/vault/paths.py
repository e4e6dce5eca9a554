"""From keys of references to the paths of a KV engine; no key reaches another path.

Neighbours: `reading`, `listing` and `pushing` ask for paths. Pure.

Source of how keys are read: External Secrets Operator 2.9. With `path: P` in the store a
key may begin with `P/`, and then with `data/` for version 2. Without it a key begins with
the mount, and with version 2 may have `/data/` anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from providers.base import InvalidRef
from providers.showing import shown

__all__ = ["KvPaths", "Place", "api_path", "checked"]

#: Longer ones no storage of Vault takes, and no server's limit of a request line.
_MAX_KEY_BYTES = 2048
#: What is no engine for secrets: without a mount in the store, whoever writes keys could
#: read the store's own token there.
_NOT_FOR_KEYS = frozenset({"auth", "cubbyhole", "identity", "sys"})


@dataclass(frozen=True, slots=True)
class Place:
    """A secret of a KV engine.

    Args:
        mount: of the engine, e.g. `secret` or `team/kv`.
        path: inside of it, without `data/`.
    """

    mount: str
    path: str

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}"


class KvPaths:
    """Paths of one store.

    Args:
        mount: the store's `path`; "" where keys bring it.
        v2: version 2 of the engine.

    Raises:
        InvalidRef: the store's path cannot be one.
    """

    def __init__(self, mount: str, *, v2: bool) -> None:
        self.v2 = v2
        self.mount = mount.strip("/")
        if self.mount:
            checked(self.mount, "the store's path")

    @classmethod
    def of(cls, path: str, version: str) -> Self:
        """Return the paths of a store that has this path and version."""
        return cls(path, v2=version != "v1")

    def place(self, key: str, *, listed: bool = False) -> Place:
        """Return where a key is kept.

        Args:
            key: as a reference names it; slashes at its ends do not count.
            listed: `find` gave the key, which is a path inside the engine to the letter.

        Raises:
            InvalidRef: it could mean another place than it says.
        """
        plain = key.strip("/")
        checked(plain, "the key")
        if not self.mount:
            return self._brought(plain)
        if not listed and plain.startswith(self.mount + "/"):
            plain = plain.removeprefix(self.mount + "/")
            if self.v2:
                plain = plain.removeprefix("data/")
        return Place(self.mount, plain)

    def folder(self, path: str) -> Place:
        """Return the folder that `find.path` names; its path is "" for the whole engine.

        Raises:
            InvalidRef: neither it nor the store names an engine.
        """
        plain = path.strip("/")
        if plain:
            checked(plain, "find.path")
        if self.mount:
            return Place(self.mount, plain)
        if not plain:
            raise InvalidRef(
                "neither the store nor find.path says where the engine is mounted",
                remedy="set path in the store's provider block",
            )
        mount, _, rest = plain.partition("/")
        _check_engine(mount)
        return Place(mount, rest)

    def key_of(self, place: Place) -> str:
        """Return the key by which a listed reference names a place."""
        return place.path if self.mount else str(place)

    def data(self, place: Place) -> str:
        """Return the API path of the values."""
        return api_path(place.mount, "data" if self.v2 else "", place.path)

    def about(self, place: Place, kind: str = "metadata", *, folder: bool = False) -> str:
        """Return the API path of what describes a secret, or a folder of them.

        Args:
            kind: metadata or detailed-metadata.
        """
        path = api_path(place.mount, kind if self.v2 else "", place.path)
        return path + "/" if folder else path

    def _brought(self, plain: str) -> Place:
        """Split a key that names the mount itself."""
        mount, middle, rest = plain.partition("/data/") if self.v2 else ("", "", "")
        if not middle:
            mount, _, rest = plain.partition("/")
        _check_engine(mount.partition("/")[0])
        if not rest:
            raise InvalidRef(
                f'the key "{shown(plain)}" names no secret of an engine',
                remedy="begin it with the mount, or set path in the store's provider block",
            )
        return Place(mount, rest)


def api_path(*parts: str) -> str:
    """Return a path of the API; whatever could end a path or leave it is encoded."""
    return "/v1/" + "/".join(quote(part, safe="/") for part in parts if part)


def _check_engine(first: str) -> None:
    if first in _NOT_FOR_KEYS:
        raise InvalidRef(
            f'keys may not reach into "{first}/", which is no secrets engine',
            remedy="set path in the store's provider block",
        )


def checked(path: str, what: str) -> None:
    """Refuse what servers and proxies clean up, each in its own way.

    Args:
        what: names the path in the error.

    Raises:
        InvalidRef: it could mean another path than it says.
    """
    problem = ""
    if not path:
        problem = "is empty"
    elif len(path.encode("utf-8", "replace")) > _MAX_KEY_BYTES:
        problem = f"is longer than {_MAX_KEY_BYTES} bytes"
    elif any(part in ("", ".", "..") for part in path.split("/")):
        problem = 'has an empty part, "." or ".." between slashes'
    elif not path.isprintable():
        problem = "holds a control character"
    if problem:
        named = f' "{shown(path)}"' if path else ""
        raise InvalidRef(
            f"{what}{named} {problem}", remedy="name the secret as the engine lists it"
        )
