"""How secrets, their versions and endpoints are named.

Neighbours: everything in this room names things with these. What a manifest writes is
checked against Google's own rules first, so that no key, version or location can reach
another secret, project or host. Pure.

Source: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets
and https://cloud.google.com/secret-manager/docs/regional-secrets-overview
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from providers.base import InvalidRef, SecretRef
from providers.showing import shown

__all__ = [
    "LATEST",
    "Place",
    "is_latest",
    "is_number",
    "number_in",
    "number_of",
    "place_of",
    "version_id",
    "version_of",
]

#: The alias that every secret has, of its newest version, whatever that one's state.
LATEST = "latest"

_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
#: What `version_id` makes of a number; a reference may name a version so as well.
_ID = re.compile(r"(?P<number>[1-9][0-9]{0,18})[@#][0-9A-Za-z:.+-]{1,64}", re.ASCII)
#: A project's id, its number, or the id of a project in a domain (`example.com:web`).
_PROJECT = re.compile(r"(?:[a-z0-9.-]{1,63}:)?[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_LOCATION = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A project, and the location of its regional secrets ("" for the global ones)."""

    project: str
    location: str = ""

    @property
    def parent(self) -> str:
        """Resource name under which secrets are listed and created."""
        if self.location:
            return f"projects/{self.project}/locations/{self.location}"
        return f"projects/{self.project}"

    @property
    def endpoint(self) -> str:
        """Host name of the service."""
        if self.location:
            return f"secretmanager.{self.location}.rep.googleapis.com"
        return "secretmanager.googleapis.com"

    def secret(self, key: str) -> str:
        """Return the resource name of a secret.

        Raises:
            InvalidRef: no secret can have that name.
        """
        if not _SECRET_ID.fullmatch(key):
            raise InvalidRef(
                f'"{shown(key)}" cannot be the name of a secret at Google',
                remedy="use up to 255 letters, digits, hyphens and underscores",
            )
        return f"{self.parent}/secrets/{key}"

    def key_of(self, resource: str) -> str:
        """Return the short name of a secret of this place, "" for anything else.

        Google answers with the project's number where its id was asked for.
        """
        head, _, key = resource.partition("/secrets/")
        parts = head.split("/")
        tail = parts[2:] == (["locations", self.location] if self.location else [])
        return key if parts[0] == "projects" and tail and _SECRET_ID.fullmatch(key) else ""


def place_of(project: str, location: str) -> Place:
    """Return the place that a store names.

    Raises:
        InvalidRef: there can be no such project or location.
    """
    if not _PROJECT.fullmatch(project):
        raise InvalidRef(
            "spec.provider.gcpsm.projectID is no id of a project",
            remedy="use the project's id or number",
        )
    if location and not _LOCATION.fullmatch(location):
        raise InvalidRef(
            "spec.provider.gcpsm.location is no region",
            remedy="use a region such as europe-west3, or none for global secrets",
        )
    return Place(project, location)


def version_of(ref: SecretRef) -> str:
    """Return the version that a ref asks for: a number, an alias, or `latest`.

    Raises:
        InvalidRef: it is none of these.
    """
    version = number_of(ref.version) or ref.version or LATEST
    if not _NUMBER.fullmatch(version) and not _ALIAS.fullmatch(version):
        raise InvalidRef(
            f'the version asked of "{shown(ref.key)}" is neither a number nor an alias',
            remedy="use a version number, an alias of the secret, or latest",
        )
    return version


def version_id(number: str, created_at: datetime | None, digest: str) -> str:
    """Return what tells a version from all others that ever had its name.

    A number alone does not: a secret that is deleted and made anew counts from 1 again,
    which is what replacing it in Terraform does. So the date of the version is part of it,
    and where that is not told, a digest that is good for comparing only.
    """
    if created_at is None:
        return f"{number}#{digest[:16]}"
    return f"{number}@{created_at.astimezone(UTC).isoformat()}"


def number_of(version: str) -> str:
    """Return the number in a version's id, or "" for what is none."""
    found = _ID.fullmatch(version)
    return found["number"] if found else version if is_number(version) else ""


def is_number(version: str) -> bool:
    """Return whether a version is named by its number, which always means the same."""
    return _NUMBER.fullmatch(version) is not None


def is_latest(ref: SecretRef) -> bool:
    """Return whether the ref means the newest version."""
    return ref.version in ("", LATEST)


def number_in(resource: str) -> str:
    """Return the number at the end of a version's resource name, or ""."""
    number = resource.rpartition("/versions/")[2]
    return number if is_number(number) else ""
