"""Versions of charts and ranges of them, as Helm compares and chooses. Pure.

Neighbours: `chart_index` has the versions of a repository, `charts` asks for the best.

Source: Semantic Versioning 2.0.0; Helm 3.19 "version constraints", which are those of the
library Masterminds/semver 3.4: `=`, `!=`, `<`, `<=`, `>`, `>=`, `~`, `^`, `x`, `1.2 - 1.4`,
`,` and blanks for and, `||` for or.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering

from secretsync.gitops.errors import SourceError

__all__ = ["Version", "best_version", "is_exact", "matches", "parse_version"]

_REST = r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_VERSION = re.compile(r"v?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?" + _REST, re.ASCII)
_EXACT = re.compile(r"v?\d{1,18}\.\d{1,18}\.\d{1,18}" + _REST, re.ASCII)
_PART = r"(\d{1,18}|[xX*])"
_RANGE = re.compile(
    r"\s*(=<|=>|>=|<=|!=|~>|=|>|<|~|\^|)\s*v?" + _PART + rf"(?:\.{_PART})?(?:\.{_PART})?" + _REST,
    re.ASCII,
)
_HYPHEN = re.compile(r"\s*(\S+)\s+-\s+(\S+)\s*")
_MAX_CHARS = 256


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """One version; what follows a `+` does not count in comparisons."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""

    def __lt__(self, other: Version) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[object, ...]:
        return (self.major, self.minor, self.patch, *_prerelease_order(self.prerelease))


def _prerelease_order(text: str) -> tuple[object, ...]:
    """Numbers before words, fewer parts before more, and no prerelease last of all."""
    if not text:
        return (1, ())
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in text.split(".")
    )
    return (0, parts)


@dataclass(frozen=True, slots=True)
class _Constraint:
    """One comparison; `parts` is how many numbers were written, 0 for `*`."""

    operator: str
    version: Version
    parts: int

    @property
    def whole(self) -> bool:
        return self.parts == 3

    def holds(self, found: Version) -> bool:
        wanted = self.version
        match self.operator:
            case "!=":
                return not self._same(found)
            case ">":
                return self._above(found)
            case "<":
                return found < wanted
            case ">=" | "=>":
                return found >= wanted
            case "<=" | "=<":
                return self._at_most(found)
            case "~" | "~>":
                return self._tilde(found)
            case "^":
                return self._caret(found)
            case _:
                return found == wanted if self.whole else self._tilde(found)

    def _same(self, found: Version) -> bool:
        wanted = self.version
        if self.parts in (0, 3):  # Helm takes `!=*` for `!=0.0.0`.
            return found == wanted
        pairs = ((found.major, wanted.major), (found.minor, wanted.minor))
        return all(one == other for one, other in pairs[: self.parts])

    def _above(self, found: Version) -> bool:
        wanted = self.version
        if self.parts == 1:
            return found.major > wanted.major
        if self.parts == 2:
            return (found.major, found.minor) > (wanted.major, wanted.minor)
        return found > wanted

    def _at_most(self, found: Version) -> bool:
        wanted = self.version
        if self.parts == 1:
            return found.major <= wanted.major
        if self.parts == 2:
            return (found.major, found.minor) <= (wanted.major, wanted.minor)
        return found <= wanted

    def _tilde(self, found: Version) -> bool:
        wanted = self.version
        if found < wanted:
            return False
        if self.parts == 0 or (
            self.whole and (wanted.major, wanted.minor, wanted.patch) == (0,) * 3
        ):
            return True
        if found.major != wanted.major:
            return False
        return self.parts == 1 or found.minor == wanted.minor

    def _caret(self, found: Version) -> bool:
        wanted = self.version
        if found < wanted or found.major != wanted.major:
            return False
        if wanted.major > 0 or self.parts == 1:
            return True
        if wanted.minor > 0 or self.parts == 2:
            return found.minor == wanted.minor
        return found.minor == 0 and found.patch == wanted.patch


def parse_version(text: str) -> Version | None:
    """Return a version; None for a text that is none. Missing numbers count as 0."""
    match = _VERSION.fullmatch(text) if len(text) <= _MAX_CHARS else None
    if match is None:
        return None
    return Version(int(match[1]), int(match[2] or 0), int(match[3] or 0), match[4] or "")


def is_exact(text: str) -> bool:
    """Return whether a text is one version, and no range."""
    return len(text) <= _MAX_CHARS and _EXACT.fullmatch(text) is not None


def matches(text: str, wanted: str) -> bool:
    """Return whether a version is in a range.

    Raises:
        SourceError: the range is none.
    """
    found = parse_version(text)
    return found is not None and _in(found, _parsed(wanted))


def best_version(versions: Iterable[str], wanted: str) -> str | None:
    """Return the highest version in a range; one that is written so goes before all.

    Args:
        wanted: "" is any version that is no prerelease.

    Raises:
        SourceError: the range is none.
    """
    known = list(versions)
    if wanted in known:
        return wanted
    groups = _parsed(wanted or "*")
    found = [(parsed, text) for text in known if (parsed := parse_version(text)) is not None]
    fitting = [(parsed, text) for parsed, text in found if _in(parsed, groups)]
    return max(fitting, key=lambda each: each[0])[1] if fitting else None


_Groups = list[list[_Constraint]]


def _in(found: Version, groups: _Groups) -> bool:
    return any(
        # Prereleases only where somebody names one.
        (not found.prerelease or any(each.version.prerelease for each in group))
        and all(each.holds(found) for each in group)
        for group in groups
    )


def _parsed(text: str) -> _Groups:
    if len(text) > _MAX_CHARS:
        raise _no_range(text)
    return [_group(part, text) for part in text.split("||")]


def _group(part: str, text: str) -> list[_Constraint]:
    hyphen = _HYPHEN.fullmatch(part)
    if hyphen is not None:
        part = f">={hyphen[1]},<={hyphen[2]}"
    found: list[_Constraint] = []
    rest = part.strip(" \t,")
    while rest:
        match = _RANGE.match(rest)
        if match is None or not (match.end() == len(rest) or rest[match.end()] in " \t,<>=!~^"):
            raise _no_range(text)
        found.append(_constraint(match))
        rest = rest[match.end() :].lstrip(" \t,")
    if not found:
        raise _no_range(text)
    return found


def _constraint(match: re.Match[str]) -> _Constraint:
    operator, *numbers, prerelease = match.groups()
    written: list[int] = []
    for number in numbers:
        if number is None or not number.isdigit():
            break
        written.append(int(number))
    major, minor, patch = (*written, 0, 0, 0)[:3]
    return _Constraint(operator, Version(major, minor, patch, prerelease or ""), len(written))


def _no_range(text: str) -> SourceError:
    return SourceError(
        f"{text[:100]!r} is no version and no range of versions",
        remedy="correct targetRevision, such as 1.2.3 or ~1.2",
    )
