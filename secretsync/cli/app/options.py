"""Options that the verbs of `app` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from secretsync.cli.options import namespace_option, output_option, to_option

__all__ = ["acknowledge_option", "app_options", "hard_refresh_option", "prune_option"]

F = TypeVar("F", bound=Callable[..., Any])

cache_option = click.option(
    "--cache-dir",
    default="",
    metavar="FOLDER",
    help="Where repositories are kept (default: secretsync below the user's cache folder).",
)

prune_option = click.option(
    "--prune/--no-prune",
    default=None,
    help="Delete what left the repository (default: as automated.prune says).",
)

acknowledge_option = click.option(
    "--acknowledge",
    multiple=True,
    metavar="TOKEN",
    help="Go on with the mass deletion that was stopped with this token.",
)


hard_refresh_option = click.option(
    "--hard-refresh",
    is_flag=True,
    help="Fetch charts anew: a version may have been published once more.",
)


def app_options(function: F) -> F:
    """Add what every verb takes that is about one application."""
    for option in reversed(
        (
            click.argument("app", metavar="APP"),
            to_option,
            namespace_option,
            output_option,
            cache_option,
        )
    ):
        function = option(function)
    return function
