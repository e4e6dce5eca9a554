"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secretsync.resources.names import check_label

if TYPE_CHECKING:
    from secretsync.refresh.allowances import Allowances

__all__ = [
    "allowed_by",
    "allowing_options",
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


def allowing_options(function: F) -> F:
    """Add what objects of tenants may reach only where the process allows it."""
    for option in reversed(
        (
            click.option(
                "--unsafe-allow-generic-targets",
                "generic_targets",
                is_flag=True,
                help="Serve target.manifest: values then also go to objects that are not "
                "Secrets, which nothing encrypts.",
            ),
            click.option(
                "--allow-webhook-network",
                "webhook_networks",
                multiple=True,
                metavar="CIDR",
                callback=_checked_networks,
                help="Let webhooks be in this private network too. Repeatable.",
            ),
            click.option(
                "--allow-directory-root",
                "directory_roots",
                multiple=True,
                metavar="FOLDER",
                help="Let directory stores read below this folder. Repeatable.",
            ),
        )
    ):
        function = option(function)
    return function


def allowed_by(options: dict[str, Any]) -> Allowances:
    """Take what `allowing_options` adds out of a command's options."""
    from secretsync.refresh.allowances import Allowances  # noqa: PLC0415 - --help stays light

    names = ("generic_targets", "webhook_networks", "directory_roots")
    return Allowances(**{name: options.pop(name) for name in names})


def _checked_networks(
    _: click.Context, __: click.Parameter, networks: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse what is no network: it would allow nothing, in silence."""
    import ipaddress  # noqa: PLC0415 - --help stays light

    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise click.BadParameter(
                f"{network!r} is no network: write one such as 10.0.0.0/8"
            ) from None
    return networks


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
            allowing_options,
            sealing_options,
        )
    ):
        function = option(function)
    return function
