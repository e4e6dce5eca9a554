"""What an error could show of what it met: to a log, a debugger, a status."""

from __future__ import annotations

import traceback

__all__ = ["shown"]


def shown(error: BaseException) -> str:
    """Return the texts of an error, of its causes and contexts, and of their fields."""
    links: list[str] = []
    link: BaseException | None = error
    while link is not None:
        links.append(f"{link!r} {vars(link)}")
        link = link.__cause__ or link.__context__
    return "".join([*links, *traceback.format_exception(error)])
