"""What `seal --help` prints."""

from __future__ import annotations

from secretsync.cli.seal import certificate_options as shared
from secretsync.cli.seal.verbs import VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:  # `collections` and `typing` cost a tenth of what `--help` takes
    from collections.abc import Mapping

__all__ = ["FILE_FLAGS", "FLAG_HELP", "help_text"]

_COLUMN = 33

_INPUT = {
    "secret-file": "-f FILE|Secrets to seal: YAML or JSON, any number (default: stdin)",
    "sealed-secret-file": "-w FILE|where to write (default: stdout); .yaml and .yml mean YAML",
    "format": "-o FORMAT|json or yaml (default json)",
    "namespace": "-n NAME|namespace of what names none; must not contradict the input",
    "name": "NAME|name in place of the input's",
    "scope": "SCOPE|strict, namespace-wide or cluster-wide (default strict)",
    "allow-empty-data": "|seal a Secret that has no values",
}
_MODES = {
    "merge-into": "FILE|seal the input into a SealedSecret that is there",
    "raw": "|seal one value, from stdin or --from-file; print base64",
    "from-file": "[KEY=]FILE|the value for --raw",
    "fetch-cert": "|print the certificate, to be given as --cert later",
    "validate": "|ask the controller whether it can open the input",
    "re-encrypt": "|have the input sealed anew for the newest key; -f FILE is changed in place",
    "recovery-unseal": "|open the input with private keys, without a cluster",
    "recovery-private-key": "FILE|PEM, or key Secrets as YAML or JSON; repeat, or use commas",
}
_OTHER = {
    "version": "|print the version of kubeseal whose behaviour this is",
    "help": "|print this",
}
_LOGGING = "-v N, --vmodule and the like   kubeseal's logging flags: taken, without effect"
_SYNOPSIS = """\
seal: turn Secrets into SealedSecrets, which are safe to commit.

Usage:
  seal [FLAGS] < secret.yaml > sealedsecret.yaml     everything that kubeseal does
  seal VERB [OPTIONS]                                more; see `seal VERB --help`
"""
_TAIL = """\
Environment:
  Each flag is also taken from SEALED_SECRETS_<FLAG>, as in SEALED_SECRETS_CERT or
  SEALED_SECRETS_CONTROLLER_NAMESPACE. The command line wins.

Exit status:
  0  done      1  failed: `error: …` on stderr      2  the command line is wrong

Examples:
  seal --fetch-cert > cert.pem
  kubectl create secret generic db --dry-run=client -o yaml --from-file=password.txt \\
    | seal --cert cert.pem -o yaml > db-sealed.yaml
  seal --raw --cert cert.pem --namespace web --name db --from-file=password.txt
"""


def _split(table: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    parted = {name: text.partition("|") for name, text in table.items()}
    return {name: (left, right) for name, (left, _, right) in parted.items()}


def _value_of(name: str) -> str:
    if name in shared.SWITCHES:
        return ""
    return "FILE" if name in shared.FILES else "VALUE"


_GROUPS = {
    "Sealing": _split(_INPUT),
    "Other tasks": _split(_MODES),
    "Certificate (with --cert, no network is used)": {
        "cert": ("FILE|URL", shared.CERTIFICATE["cert"]),
        "controller-name": ("NAME", shared.CERTIFICATE["controller-name"]),
        "controller-namespace": ("NAME", shared.CERTIFICATE["controller-namespace"]),
    },
    "Cluster (as kubectl)": {
        name: (_value_of(name), text) for name, text in shared.KUBECTL.items()
    },
    "General": _split(_OTHER),
}

#: Flags that name a file.
FILE_FLAGS = frozenset(
    name
    for group in _GROUPS.values()
    for name, (value, _) in group.items()
    if "FILE" in value.rpartition(" ")[2]
)
#: Flag → one line about it; `completion` shows it where the shell can.
FLAG_HELP = {name: text for group in _GROUPS.values() for name, (_, text) in group.items()}


def help_text() -> str:
    """Return the whole help."""
    parts = [_SYNOPSIS, "Verbs:"]
    parts += [f"  {verb:<12} {text}" for verb, (_, text) in VERBS.items()]
    for title, flags in _GROUPS.items():
        parts += ["", f"{title}:"]
        parts += [_line(name, *described) for name, described in flags.items()]
    return "\n".join([*parts, f"  {_LOGGING}", "", _TAIL])


def _line(name: str, value: str, text: str) -> str:
    letter, _, value = value.rpartition(" ")
    shown = f"  {letter or '   '}{',' if letter else ''} --{name}"
    shown = shown if letter else f"      --{name}"
    shown += f" {value}" if value else ""
    if len(shown) < _COLUMN:
        return f"{shown:<{_COLUMN}} {text}"
    return f"{shown}\n{'':<{_COLUMN}} {text}"
