"""Templates made to eat a worker's time or memory, and the child that runs them.

As a program: runs every bomb under the kernel's own limits, so that one that gets
through is killed, and prints what became of each as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping

__all__ = ["BOMBS", "ESO_BOMBS", "MEMORY_BYTES"]

#: What one rendering may take beside what the process has.
MEMORY_BYTES = 50 * 1024 * 1024
#: Far more than any bomb needs on a slow machine: it stops what would not end.
_CPU_S = 20

_DOUBLED = "{{ $d := dict }}{{ $e := list $d $d }}" + "{{ $e = list $e $e }}" * 14
_FAN = "".join(
    f'{{{{ define "a{n}" }}}}' + f'{{{{ template "a{n + 1}" }}}}' * 2 + "{{ end }}"
    for n in range(60)
)

BOMBS: dict[str, str] = {
    "repeat": '{{ repeat 2000000000 "x" }}',
    "repeat of repeat": '{{ repeat 1000 (repeat 1000 (repeat 1000 "x")) }}',
    "until": "{{ range until 1000000000 }}{{ end }}",
    "until below zero": "{{ until -1000000000 }}",
    "untilStep": "{{ untilStep 0 1000000000 1 }}",
    "seq": "{{ seq 1000000000 }}",
    "range over a number": "{{ range 1000000000 }}x{{ end }}",
    "range in range": "{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}",
    "range over much text": "{{ range 100000 }}" + "{{ if $ }}{{ end }}" * 1500 + "{{ end }}",
    "range that prints": "{{ range 100000 }}" + "{{ . }}" * 1500 + "{{ end }}",
    "template calls itself": '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
    "templates fan out": _FAN + '{{ define "a60" }}{{ end }}{{ template "a0" }}',
    "indent": '{{ indent 1000000000 "x" }}',
    "nindent of lines": '{{ nindent 100000 (repeat 100000 "\n") }}',
    "printf width": '{{ printf "%999999999d" 1 }}',
    "printf width as argument": '{{ printf "%*d" 999999999 1 }}',
    "printf precision": '{{ printf "%.999999999f" 1.5 }}',
    "printf many widths": '{{ printf (repeat 10000 "%9999d") 1 }}',
    "printf one argument often": '{{ printf (repeat 20000 "%[1]v") (repeat 100000 "x") }}',
    "regular expression, all matches": '{{ regexFindAll "a*b|a" (repeat 30000 "a") -1 }}',
    "regular expression, nested counts": '{{ regexMatch "(((a{10}){10}){10}){10}" "a" }}',
    "regular expression, classes": '{{ regexMatch "' + "\\\\pL" * 90 + '" .foo }}',
    "regular expression, fill": '{{ regexReplaceAll "" (repeat 99999 "a") (repeat 99 "b") }}',
    "regular expression, literal fill": '{{ regexReplaceAllLiteral "" (repeat 99999 "a")'
    ' (repeat 99 "b") }}',
    "regular expression, little fill": '{{ regexReplaceAll "" (repeat 99999 "a") (repeat 9 "$") }}',
    "regular expression, one character": '{{ regexFindAll "a" (repeat 250000 "a") -1 }}',
    "regular expression, split": '{{ regexSplit "" (repeat 250000 "a") -1 }}',
    "regular expression, ends of groups": '{{ regexReplaceAll "' + "()" * 450 + '"'
    ' (repeat 99999 "a") "" }}',
    "regular expression, long classes": '{{ regexMatch "\\\\pL\\\\pN" (repeat 99999 "!") }}',
    "regular expression, a long group": '{{ regexMatch "(?:' + "a" * 900 + '){1000}" "a" }}',
    "regular expression, groups": '{{ regexReplaceAll "(.*)" (repeat 9999 "a")'
    ' (repeat 999 "${1}") }}',
    "RSA keys": "{{ range 100 }}{{ genPrivateKey `rsa` }}{{ end }}",
    "certificates": "{{ range 100 }}{{ $c := genCA `x` 1 }}{{ end }}",
    "password hashes": "{{ range 1000 }}{{ htpasswd `a` `b` }}{{ end }}",
    "derived passwords": "{{ range 100 }}{{ derivePassword 1 `long` `a` `b` `c` }}{{ end }}",
    "long number": "{{ " + "9" * 100_000 + " }}",
    "many tokens": "{{ print " + "1 " * 60_000 + "}}",
    "many parentheses": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "many blocks": "{{ if .foo }}" * 5000 + "{{ end }}" * 5000,
    "huge text": "{{ .foo }}" + "x" * 10_000_000,
    "list of itself twice": "{{ $x := list 1 }}{{ range 100 }}{{ $x = list $x $x }}{{ end }}",
    "text of itself twice": '{{ $x := "a" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}',
    "a value grown behind its aliases": _DOUBLED
    + '{{ $_ := set $d "k" (repeat 1000000 "x") }}{{ $e }}',
    "cycle": '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toJson $d }}',
    "sorting again and again": "{{ $d := dict }}{{ range $i := until 3000 }}"
    "{{ $_ := set $d (toString $i) $i }}{{ end }}"
    "{{ range 100000 }}{{ range $d }}{{ break }}{{ end }}{{ end }}",
    "uniq": "{{ uniq (until 20000) }}",
    "split": '{{ split "" (repeat 250000 "x") }}',
    "deep JSON": '{{ fromJson (repeat 100000 "[") }}',
    "deep list": "{{ $x := list }}{{ range 1000 }}{{ $x = list $x }}{{ end }}{{ toPrettyJson $x }}",
    "JSON again and again": "{{ range 100 }}"
    '{{ $x := fromJson (print "[" (repeat 80000 "{},") "1]") }}{{ end }}',
    "slow functions": "{{ range 100000 }}{{ $x := upper (repeat 1000 `é`) }}{{ end }}",
    "random text": "{{ randAlphaNum 1000000000 }}",
    "random bytes": "{{ randBytes 1000000000 }}",
    "join": '{{ join (repeat 10000 "x") (until 10000) }}',
    "replace of nothing": '{{ replace "" (repeat 1000 "y") (repeat 10000 "x") }}',
    "calls": "{{ range 1000000 }}{{ $x := add 1 2 }}{{ end }}",
    "ciphers": "{{ range 100000 }}{{ $x := encryptAES `a` `b` }}{{ end }}",
    "copies": "{{ $l := until 20000 }}{{ range 10000 }}{{ $x := deepCopy $l }}{{ end }}",
    "all values again and again": "{{ range 1000 }}{{ $x := print $ }}{{ end }}",
}

_STORE = "-----BEGIN CERTIFICATE-----\n"
_ALIASES = "a0: &a0 [x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [*a{n - 1},*a{n - 1},*a{n - 1},*a{n - 1}]\n" for n in range(1, 12)
)
_SEQUENCE = "\x30\x84\x7f\xff\xff\xff"

#: What the functions of ExternalSecrets can be made to do.
ESO_BOMBS: dict[str, str] = {
    "YAML, aliases of aliases": "{{ `" + _ALIASES + "` | fromYaml | toYaml }}{{ fail `x` }}",
    "YAML, many values": "{{ range 100 }}{{ $x := fromYaml (repeat 80000 `[],`) }}{{ end }}",
    "YAML, many maps": "{{ range 100 }}{{ $x := fromYaml (repeat 9000 `a: {b: [c]}\n`) }}{{ end }}",
    "YAML, deep": "{{ fromYaml (print `a: ` (repeat 100000 `[`)) }}{{ fail `x` }}",
    "YAML, written again and again": "{{ $l := until 20000 }}"
    "{{ range 1000 }}{{ $x := toYaml $l }}{{ end }}",
    "YAML, long keys": "{{ $d := dict }}{{ range $i := until 500 }}"
    "{{ $_ := set $d (print (repeat 5000 `k`) $i) $i }}{{ end }}"
    "{{ range 100 }}{{ $x := toYaml $d }}{{ end }}",
    "YAML, cycle": "{{ $d := dict }}{{ $_ := set $d `d` $d }}{{ toYaml $d }}",
    "PEM, blocks without end": "{{ range 100 }}"
    f"{{{{ $x := filterPEM `X` (repeat 9000 `{_STORE}`) }}}}{{{{ end }}}}",
    "PEM, one end for all": "{{ range 100 }}"
    f"{{{{ $x := filterPEM `X` (print (repeat 9000 `{_STORE}`) `-----END X-----`) }}}}"
    "{{ end }}",
    "certificates": "{{ range 10000 }}{{ $x := filterCertChain `root` $.root }}{{ end }}",
    "RSA": "{{ range 10000 }}{{ $x := rsaDecrypt `RSA-OAEP` `SHA1` $.sealed1 $.rsa }}{{ end }}",
    "JWK, a huge part": '{{ jwkPrivateKeyPem (print `{"kty":"RSA","e":"AQAB","n":"AQAB",`'
    ' `"d":"AQAB","p":"` (repeat 200000 `f`) `","q":"AQAB"}`) }}',
    "JWK, again and again": "{{ range 10000 }}{{ $x := jwkPrivateKeyPem $.rsajwk }}{{ end }}",
    "PKCS #12, rounds": "{{ .rounds | pkcs12keyPass `pw` }}",
    "PKCS #12, made again and again": "{{ $c := genCA `x` 1 }}{{ range 10000 }}"
    "{{ $x := pemToPkcs12Pass $c.Cert $c.Key `pw` }}{{ end }}",
    "PKCS #12, lengths that lie": f'{{{{ pkcs12key "{_SEQUENCE}" }}}}',
    "hexdec": "{{ range 100000 }}{{ $x := hexdec (repeat 100000 `ff`) }}{{ end }}",
    "password hashes": "{{ range 1000 }}{{ htpasswd `a` `b` `bcrypt` }}{{ end }}",
}

_VALUES = {"foo": b"bar", "big": b"x" * 900_000}


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as pages:  # noqa: PTH123 - no path is at hand here
        return int(pages.read().split()[0]) * resource.getpagesize()


def _timed(
    text: str, values: Mapping[str, bytes] = _VALUES, *, eso: bool = False
) -> tuple[str, float]:
    """What became of a bomb, and the seconds of CPU that it took."""
    before = time.process_time()
    outcome = _outcome(text, values, eso=eso)
    return outcome, time.process_time() - before


def _outcome(text: str, values: Mapping[str, bytes] = _VALUES, *, eso: bool = False) -> str:
    from sealing import TemplateFailed
    from secretsync.core.errors import TemplateProblem
    from secretsync.core.templating import render_sealed_template, render_template

    render = render_template if eso else render_sealed_template
    cpu_s = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime) + _CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, resource.RLIM_INFINITY))
    try:
        render("k", text, values)
    except (TemplateFailed, TemplateProblem) as exc:
        return f"failed: {exc}"
    return "rendered"


def main() -> None:
    """Run all bombs; the harmless first ones load what is loaded once."""
    from tests.core.eso_template_data import data, keystore

    keys = data()
    values = {**_VALUES, **keys, "rounds": keystore(rounds=20_000_000)}
    for text in ("{{ .foo }}", "{{ $c := genCA `x` 1 }}{{ htpasswd `a` `b` }}"):
        _outcome(text)
    for text in ("{{ .modern | pkcs12keyPass `pw` }}", "{{ .yaml | fromYaml | toYaml }}"):
        _outcome(text, keys, eso=True)
    space = _address_space() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    found = {name: _timed(text) for name, text in BOMBS.items()}
    for name, text in ESO_BOMBS.items():
        found[f"ESO: {name}"] = _timed(text, values, eso=True)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
