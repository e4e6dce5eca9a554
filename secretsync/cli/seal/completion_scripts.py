"""Completion scripts, from words; nothing in them runs `seal` again."""

from __future__ import annotations

from collections.abc import Sequence

from secretsync.cli.seal.completion_words import CommandWords, FlagWords

__all__ = ["script"]

#: For bash from 3.2 on, which macOS has. `=` ends a word there, so that `--scope=st`
#: arrives in three parts.
_BASH = r"""# bash completion for seal
_seal_words() { COMPREPLY=( $(compgen -W "$1" -- "$cur") ); }
_seal_files() {
    local IFS=$'\n'
    compopt -o filenames 2>/dev/null
    COMPREPLY=( $(compgen -f -- "$cur") )
}
_seal() {
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" verb=""
    if [[ $cur == "=" ]]; then
        cur=""
    elif [[ $prev == "=" ]]; then
        prev="${COMP_WORDS[COMP_CWORD-2]}"
    fi
    if (( COMP_CWORD > 1 )); then
        case "${COMP_WORDS[1]}" in
            %(verbs)s) verb="${COMP_WORDS[1]}" ;;
        esac
    fi
    COMPREPLY=()
    case "$verb:$prev" in
%(values)s
    esac
    case "$verb" in
%(flags)s
    esac
}
complete -F _seal seal
"""
_BASH_FILES = "_seal_files"


def script(shell: str, commands: Sequence[CommandWords]) -> str:
    """Return the script.

    Args:
        shell: bash, zsh or fish.
        commands: kubeseal's form first, then the verbs.
    """
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands)


def _bash(commands: Sequence[CommandWords]) -> str:
    values, flags = [], []
    for command in commands:
        for flag in command.flags:
            if flag.takes != "nothing":
                keys = "|".join(f'"{command.name}:{name}"' for name in flag.names)
                values.append(f"        {keys}) {_bash_value(flag)}; return ;;")
        names = " ".join(name for flag in command.flags for name in flag.names)
        other = _bash_words(command.words) if command.words else _BASH_FILES
        if not command.name:
            other = f"if (( COMP_CWORD == 1 )); then {other}; fi"
        flags += [
            f'        "{command.name}")',
            f"            if [[ $cur == -* ]]; then {_bash_words(names.split())}; else {other}; fi",
            "            ;;",
        ]
    verbs = "|".join(command.name for command in commands if command.name)
    parts = {"verbs": verbs, "values": "\n".join(values), "flags": "\n".join(flags)}
    return _BASH % parts


def _bash_words(words: Sequence[str]) -> str:
    return f"_seal_words '{' '.join(words)}'"


def _bash_value(flag: FlagWords) -> str:
    if flag.takes == "word":
        return _bash_words(flag.words)
    return _BASH_FILES if flag.takes == "file" else ":"


def _zsh(commands: Sequence[CommandWords]) -> str:
    lines = ["#compdef seal", "", "_seal() {", "    local curcontext=$curcontext state line"]
    lines += ["    if (( CURRENT > 2 )); then", '        case "${words[2]}" in']
    lines += [line for command in commands[1:] for line in _zsh_verb(command)]
    lines += ["        esac", "    fi", "    local -a verbs", "    verbs=("]
    lines += [f"        {_zsh_quoted(f'{verb.name}:{verb.text}')}" for verb in commands[1:]]
    lines += ["    )"]
    flags = [f"        {_zsh_flag(flag)}" for flag in commands[0].flags]
    lines += [" \\\n".join(["    _arguments", *flags, "        '1: :->verb'"])]
    lines += ["    [[ $state == verb ]] && _describe verb verbs"]
    return "\n".join([*lines, "}", "", 'compdef _seal seal 2>/dev/null || _seal "$@"', ""])


def _zsh_verb(command: CommandWords) -> list[str]:
    last = f"'*:word:({' '.join(command.words)})'" if command.words else "'*:file:_files'"
    flags = [f"                    {_zsh_flag(flag)}" for flag in command.flags]
    call = " \\\n".join(["                _arguments", *flags, f"                    {last}"])
    return [
        f"            {command.name})",
        "                shift words; (( CURRENT-- ))",
        call,
        "                return ;;",
    ]


def _zsh_flag(flag: FlagWords) -> str:
    value = {
        "nothing": "",
        "file": ":file:_files",
        "word": f":word:({' '.join(flag.words)})",
        "text": ":value:",
    }[flag.takes]
    text = flag.text.replace("[", "(").replace("]", ")").replace(":", "\\:")
    return " ".join(_zsh_quoted(f"*{name}[{text}]{value}") for name in flag.names)


def _zsh_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(commands: Sequence[CommandWords]) -> str:
    verbs = " ".join(command.name for command in commands if command.name)
    lines = ["# fish completion for seal", f"set -l verbs {verbs}"]
    nothing = '"not __fish_seen_subcommand_from $verbs"'
    lines += [
        f"complete -c seal -n {nothing} -f -a {verb.name} -d {_fish_quoted(verb.text)}"
        for verb in commands[1:]
    ]
    for command in commands:
        seen = f'"__fish_seen_subcommand_from {command.name}"' if command.name else nothing
        lines += [f"complete -c seal -n {seen} {_fish_flag(flag)}" for flag in command.flags]
        if command.name and command.words:
            words = _fish_quoted(" ".join(command.words))
            lines.append(f"complete -c seal -n {seen} -f -a {words}")
    return "\n".join([*lines, ""])


def _fish_flag(flag: FlagWords) -> str:
    value = {
        "nothing": "",
        "file": " -r -F",
        "word": f" -x -a {_fish_quoted(' '.join(flag.words))}",
        "text": " -x",
    }[flag.takes]
    names = " ".join(
        f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names
    )
    return f"{names}{value} -d {_fish_quoted(flag.text)}"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
