"""The flags of the verbs on key rings, and the texts that are refused in them.

Names and defaults are the Sealed Secrets controller's where it has the same flag.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from secretsync.errors import ConfigError

__all__ = [
    "KEY_PREFIX",
    "RING_NAMESPACE_HELP",
    "add_form_option",
    "add_new_key_options",
    "add_order_option",
    "add_ring_options",
    "duration",
    "flag_type",
]

#: As `sealing.keyring.KEY_PREFIX`, whose import would make --help wait.
KEY_PREFIX = "sealed-secrets-key"
RING_NAMESPACE_HELP = (
    "namespace of the ring (default: the service's own, $POD_NAMESPACE or secretsync-system)"
)


def flag_type(module: str, name: str) -> Callable[[str], object]:
    """Return an argparse type that loads its parser on first use; bad texts are usage errors.

    Args:
        module: below `secretsync`.
        name: a function that takes the text and raises ConfigError.
    """

    def parse(text: str) -> object:
        from importlib import import_module  # noqa: PLC0415 - --help stays light

        try:
            return getattr(import_module(f"secretsync.{module}"), name)(text)
        except ConfigError as exc:
            raise argparse.ArgumentTypeError(f"{exc.message}; {exc.remedy}") from exc

    return parse


def duration(text: str) -> float:
    """Return the seconds of a Go duration that is not negative.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    from secretsync.resources.durations import parse_duration  # noqa: PLC0415 - --help stays light

    seconds = parse_duration(text)
    if seconds is None or seconds < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write one like 720h")
    return seconds


def add_ring_options(parser: argparse.ArgumentParser, *, namespace_help: str) -> None:
    """Let a verb know which ring of which cluster is meant."""
    parser.add_argument(
        "--to", required=True, metavar="CLUSTER", help="dir:ROOT, kube or kube:CONTEXT"
    )
    parser.add_argument(
        "-n",
        "--namespace",
        default="",
        metavar="NAMESPACE",
        type=_namespace,
        help=namespace_help,
    )
    parser.add_argument(
        "--key-prefix",
        default=KEY_PREFIX,
        metavar="PREFIX",
        type=flag_type("sealed.key_options", "check_key_prefix"),
        help="names of key Secrets begin with it (default: %(default)s)",
    )


def add_order_option(parser: argparse.ArgumentParser) -> None:
    """Let a verb know which key seals."""
    parser.add_argument(
        "--key-order-priority",
        default="CertNotBefore",
        metavar="ORDER",
        type=flag_type("sealed.key_options", "parse_key_order"),
        help="which time makes a key the newest: CertNotBefore or SecretCreationTimestamp "
        "(default: %(default)s)",
    )


def add_form_option(parser: argparse.ArgumentParser) -> None:
    """Let a verb print JSON."""
    parser.add_argument(
        "-o",
        "--output",
        dest="form",
        choices=("text", "json"),
        default="text",
        help="form of the data on standard output (default: %(default)s)",
    )


def add_new_key_options(parser: argparse.ArgumentParser) -> None:
    """Let a verb say what a new key looks like."""
    group = parser.add_argument_group("the new key")
    group.add_argument(
        "--key-size", type=int, default=4096, metavar="BITS", help="default: %(default)s"
    )
    group.add_argument(
        "--key-ttl",
        type=duration,
        default="87600h",
        metavar="DURATION",
        help="how long its certificate lasts (default: %(default)s)",
    )
    group.add_argument(
        "--my-cn", default="", metavar="NAME", help="common name in its certificate (default: none)"
    )
    for what in ("labels", "annotations"):
        group.add_argument(
            f"--privatekey-{what}",
            type=flag_type("sealed.key_options", f"parse_{what}"),
            default="",
            metavar="K=V,...",
            help=f"further {what} of its Secret",
        )


def _namespace(text: str) -> str:
    from secretsync.resources.names import check_label  # noqa: PLC0415 - --help stays light

    if text and (hint := check_label(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no namespace; it is {hint}")
    return text
