"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from secretsync.resources.names import check_label

__all__ = [
    "help_epilog",
    "namespace_option",
    "one_shot_options",
    "output_option",
    "sealing_options",
    "to_option",
]

F = TypeVar("F", bound=Callable[..., Any])


def _checked_namespace(_: click.Context, __: click.Parameter, namespace: str) -> str:
    """Refuse what no cluster takes, before it becomes part of every object's name."""
    if namespace and (wanted := check_label(namespace)):
        raise click.BadParameter(f"a namespace is {wanted}")
    return namespace


to_option = click.option(
    "--to",
    "cluster",
    required=True,
    metavar="CLUSTER",
    help="dir:ROOT or kube[:CONTEXT].",
)

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the data on standard output.",
)

namespace_option = click.option(
    "-n",
    "--namespace",
    default="",
    callback=_checked_namespace,
    help="Namespace of objects that name none (default: the context's, else `default`).",
)


def sealing_options(function: F) -> F:
    """Add where the keys that unseal come from."""
    for option in reversed(
        (
            click.option(
                "--sealing-key",
                multiple=True,
                metavar="FILE",
                help="Unseal with the private keys of this file: PEM, or key Secrets. Repeatable.",
            ),
            click.option(
                "--sealing-namespace",
                default="",
                metavar="NAMESPACE",
                callback=_checked_namespace,
                help="Without --sealing-key: unseal with the cluster's keys in this namespace "
                "(default: the service's own).",
            ),
        )
    ):
        function = option(function)
    return function


def help_epilog(exit_status: str, example: str) -> str:
    """Return how every help ends: the exit codes, and a line to copy.

    Args:
        exit_status: each code and its meaning.
        example: a command line without the program's name; it is never wrapped.
    """
    return f"Exit status: {exit_status}.\n\n\b\nExample:\n  secretsync {example}"


def one_shot_options(function: F) -> F:
    """Add what `plan` and `sync` take."""
    for option in reversed(
        (
            click.argument("paths", nargs=-1, required=True, metavar="PATH..."),
            to_option,
            namespace_option,
            output_option,
            click.option(
                "--prune",
                is_flag=True,
                help="Delete what an earlier run from the same PATHs made and this one does not.",
            ),
            click.option(
                "--inventory",
                default="",
                metavar="NAME",
                help="Name the set of PATHs for --prune (default: their absolute paths).",
            ),
            click.option(
                "--acknowledge",
                multiple=True,
                metavar="TOKEN",
                help="Go on with the mass deletion that was stopped with this token.",
            ),
            click.option(
                "--controller-class",
                default="default",
                show_default=True,
                help="Serve stores of this spec.controller, and those without one.",
            ),
            sealing_options,
        )
    ):
        function = option(function)
    return function
