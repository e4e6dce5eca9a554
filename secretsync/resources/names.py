"""Which names Kubernetes takes where.

Each `check_*` returns "" for a good name, or what it must look like. The name itself
is never in the answer.

Source: k8s.io/apimachinery pkg/util/validation.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = [
    "MANAGED_TARGET_LABEL",
    "SECRET_KEY_HINT",
    "SECRET_KEY_PATTERN",
    "SUBDOMAIN_HINT",
    "SUBDOMAIN_PATTERN",
    "check_annotation_key",
    "check_label",
    "check_label_key",
    "check_label_value",
    "check_secret_key",
    "check_subdomain",
]

#: ESO's mark of an object, of any kind, that one of its ExternalSecrets writes.
MANAGED_TARGET_LABEL = "externalsecrets.external-secrets.io/managed"

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
#: DNS-1123 subdomain: names of objects.
SUBDOMAIN_PATTERN = rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*"
SUBDOMAIN_HINT = (
    "a DNS subdomain: at most 253 lower case letters, digits, '-' and '.', "
    "beginning and ending with a letter or digit"
)
#: Keys of a Secret's data.
SECRET_KEY_PATTERN = r"[-._a-zA-Z0-9]{1,253}"  # noqa: S105 - a pattern, not a password
SECRET_KEY_HINT = "at most 253 letters, digits, '-', '_' and '.'"  # noqa: S105 - as above

_LABEL_HINT = (
    "a DNS label: at most 63 lower case letters, digits and '-', "
    "beginning and ending with a letter or digit"
)
_QUALIFIED_HINT = (
    "[prefix/]name, the name of at most 63 letters, digits, '-', '_' and '.', "
    "beginning and ending with a letter or digit, the prefix a DNS subdomain"
)
_VALUE_HINT = (
    "empty, or at most 63 letters, digits, '-', '_' and '.', "
    "beginning and ending with a letter or digit"
)

_SUBDOMAIN_RE = re.compile(SUBDOMAIN_PATTERN)
_LABEL_RE = re.compile(rf"(?=.{{1,63}}\Z){_LABEL}")
_SECRET_KEY_RE = re.compile(SECRET_KEY_PATTERN)
_VALUE_RE = re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")


def check_subdomain(name: str) -> str:
    """Check the name of an object."""
    return "" if _SUBDOMAIN_RE.fullmatch(name) else SUBDOMAIN_HINT


def check_label(name: str) -> str:
    """Check the name of a namespace."""
    return "" if _LABEL_RE.fullmatch(name) else _LABEL_HINT


def check_secret_key(key: str) -> str:
    """Check a key of a Secret's data."""
    return "" if _SECRET_KEY_RE.fullmatch(key) and key not in (".", "..") else SECRET_KEY_HINT


@lru_cache(maxsize=1024)
def check_label_key(key: str) -> str:
    """Check the key of a label."""
    prefix, slash, name = key.rpartition("/")
    prefix_ok = bool(_SUBDOMAIN_RE.fullmatch(prefix)) if slash else True
    return "" if prefix_ok and _VALUE_RE.fullmatch(name) else _QUALIFIED_HINT


def check_label_value(value: str) -> str:
    """Check the value of a label."""
    return "" if not value or _VALUE_RE.fullmatch(value) else _VALUE_HINT


def check_annotation_key(key: str) -> str:
    """Check the key of an annotation: as a label's, its prefix in any case."""
    prefix, slash, name = key.rpartition("/")
    return check_label_key(f"{prefix.lower()}{slash}{name}")
