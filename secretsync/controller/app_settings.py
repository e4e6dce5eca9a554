"""What the part of the service that serves Applications can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from secretsync.cores import usable_cores

__all__ = ["AppSettings"]


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Settings of the GitOps loop.

    Args:
        poll_interval_s: seconds between two looks at each repository.
        cache_dir: where repositories are kept.
        local: `file://` repositories are allowed, which only a directory cluster does.
        namespaces: of the Applications; empty for all. Whoever may write an Application of
            the project `default` may have anything applied.
        workers: applications that are worked on at the same time: at least as many as render,
            which keeps a core busy each, and some that wait for the API server.
    """

    poll_interval_s: float
    cache_dir: Path
    local: bool
    namespaces: tuple[str, ...] = ()
    workers: int = max(4, usable_cores())
