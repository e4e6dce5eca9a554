"""The flags of `seal` without a verb: kubeseal's, read as kubeseal reads them.

argparse would abbreviate, refuse `--raw=false` and stop at other errors, so the few
rules of Go's flag library are here. `dropin_help` and `completion` use the same table.
Nothing heavy is imported: `seal --help` comes this way.
"""

from __future__ import annotations

from types import SimpleNamespace

from secretsync.cli.seal import certificate_options as shared
from secretsync.cli.seal import flag_values as values

TYPE_CHECKING = False
if TYPE_CHECKING:  # `collections` and `typing` cost a tenth of what `--help` takes
    from collections.abc import Callable, Mapping, Sequence

    #: Takes what the flag holds so far and the text given; ValueError says why it is refused.
    Reader = Callable[[object, str], object]

__all__ = ["FLAGS", "SCOPES", "SHORTHANDS", "FlagError", "HelpWanted", "Options", "parse_flags"]

SCOPES = ("strict", "namespace-wide", "cluster-wide")
#: What a switch means that is given without a value.
_SWITCHED_ON = "true"
_DEPRECATED = {"rotate": "please use --re-encrypt instead"}

#: What the flags came to, under their names with underscores; `given` names those of
#: the command line, `notes` is what must be said about them.
Options = SimpleNamespace

_STRINGS = (
    *("cert", "controller-name", "controller-namespace", "format", "kubeconfig", "merge-into"),
    *("name", "namespace", "sealed-secret-file", "secret-file"),
    *(name for name in shared.KUBECTL if name not in (*shared.SWITCHES, *shared.LISTS)),
)
_SWITCHES = (
    *("allow-empty-data", "fetch-cert", "help", "raw", "re-encrypt", "recovery-unseal"),
    *("rotate", "validate", "version", *shared.SWITCHES),
)
_DEFAULTS: Mapping[str, object] = {**shared.DEFAULTS, "format": "json", "scope": "strict"}

#: Flag → how its value is read. kubeseal's own come from the environment as well.
FLAGS: dict[str, Reader] = {
    **dict.fromkeys(_STRINGS, values.text),
    **dict.fromkeys(_SWITCHES, values.switch),
    **dict.fromkeys(shared.LISTS, values.item),
    **dict.fromkeys(("from-file", "recovery-private-key"), values.comma_separated),
    "scope": values.one_of(*SCOPES),
}
#: Flags of the logging library that kubeseal is built with: taken, and without effect.
LOGGING: dict[str, Reader] = {
    **dict.fromkeys(
        (
            *("add_dir_header", "alsologtostderr", "legacy_stderr_threshold_behavior"),
            *("logtostderr", "one_output", "skip_headers", "skip_log_headers"),
        ),
        values.switch,
    ),
    **dict.fromkeys(("log_dir", "log_file"), values.text),
    **dict.fromkeys(("alsologtostderrthreshold", "stderrthreshold"), values.severity),
    "log_backtrace_at": values.trace_location,
    "log_file_max_size": values.unsigned,
    "v": values.integer,
    "vmodule": values.levels_by_module,
}
SHORTHANDS = {"f": "secret-file", "n": "namespace", "o": "format", "v": "v"} | {
    "w": "sealed-secret-file"
}


class FlagError(Exception):
    """The command line is wrong; the text says where."""


class HelpWanted(Exception):
    """`-h` was met."""


def parse_flags(argv: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Read a command line over the environment; what is no flag is not looked at.

    Raises:
        FlagError: a flag is unknown, or its value is refused.
        HelpWanted: `-h` comes before any error.

    Source: the rules of github.com/spf13/pflag, and of kubeseal's pkg/pflagenv.
    """
    options = Options(given=set(), notes=[], **{_attribute(name): _empty(name) for name in FLAGS})
    _take_environment(options, environment)
    rest = list(argv)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            break
        if argument.startswith("--"):
            _long(options, argument, rest)
        elif argument.startswith("-") and argument != "-":
            _shorthands(options, argument[1:], rest)
    return options


def _attribute(name: str) -> str:
    return name.replace("-", "_")


def _empty(name: str) -> object:
    if FLAGS[name] is values.switch:
        return False
    if FLAGS[name] in (values.item, values.comma_separated):
        return []
    return _DEFAULTS.get(name, "")


def _take_environment(options: Options, environment: Mapping[str, str]) -> None:
    for name, read in FLAGS.items():
        text = environment.get(shared.variable(name))
        if text is None:
            continue
        try:
            _store(options, name, read, text)
        except ValueError as exc:
            # kubeseal says nothing; whoever set the variable believes that it counts.
            options.notes.append(f"{shared.variable(name)} is ignored: {exc}")


def _store(options: Options, name: str, read: Reader, text: str) -> None:
    attribute = _attribute(name)
    setattr(options, attribute, read(getattr(options, attribute, None), text))


def _long(options: Options, argument: str, rest: list[str]) -> None:
    name, assigned, text = argument[2:].partition("=")
    if not name or name.startswith("-"):
        raise FlagError(f"bad flag syntax: {argument}")
    read = FLAGS.get(name) or LOGGING.get(name)
    if read is None:
        raise FlagError(f"unknown flag: --{name}")
    if not assigned:
        if read is values.switch:
            text = _SWITCHED_ON
        elif rest:
            text = rest.pop(0)
        else:
            raise FlagError(f"flag needs an argument: --{name}")
    _set(options, name, read, text)


def _shorthands(options: Options, letters: str, rest: list[str]) -> None:
    """One argument like `-oyaml`, `-o=yaml`, `-o`: no shorthand here is a switch."""
    letter, text = letters[0], letters[1:]
    name = SHORTHANDS.get(letter)
    if name is None:
        if letter == "h":
            raise HelpWanted
        raise FlagError(f"unknown shorthand flag: '{letter}' in -{letters}")
    if len(letters) > 2 and text.startswith("="):
        text = text[1:]
    elif not text:
        if not rest:
            raise FlagError(f"flag needs an argument: '{letter}' in -{letters}")
        text = rest.pop(0)
    _set(options, name, FLAGS.get(name) or LOGGING[name], text)


def _set(options: Options, name: str, read: Reader, text: str) -> None:
    try:
        _store(options, name, read, text)
    except ValueError as exc:
        letter = next((key for key, value in SHORTHANDS.items() if value == name), "")
        shown = f"-{letter}, --{name}" if letter else f"--{name}"
        raise FlagError(f'invalid argument "{text}" for "{shown}" flag: {exc}') from exc
    options.given.add(name)
    if name in _DEPRECATED:
        options.notes.append(f"Flag --{name} has been deprecated, {_DEPRECATED[name]}")
