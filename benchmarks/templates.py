"""Templates: what compiling and rendering the common ones costs in CPU, beside each other.

The templates are those that documentation shows; each is compiled once and rendered many
times over the same values, as the service does it. Microseconds depend on the machine; the
ratio of compiling to rendering holds.

Run: benchmarks/templates.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gotpl import Template
from gotpl.funcs.sprig import text_func_map

from secretsync.core.templates.dialect import Dialect
from secretsync.core.templates.engine import compile_text
from secretsync.core.templates.limits import Limits
from secretsync.core.templating import rendering
from tests.core.eso_template_cases import REPRESENTATIVE
from tests.core.eso_template_data import data, text_data

#: What a case may take, in microseconds of CPU.
TARGET_US = 100
_ROUNDS = 15
_RENDERINGS = 200
_COMPILATIONS = 20
#: Of the representative templates, those that no cryptography makes slow.
COMMON = ("1", "1-config", "2", "2-encoded", "2-decoded", "3", "4", "5", "6", "6-endpoint")
#: gotpl has no function of that name, or not with as many arguments.
_OURS_ALONE = ("10", "16-digest", "16-yaml", "16-yaml-twelve")
MORE = ("7", "8", "8-variable", "9", "10", "16", "16-rewrite", "16-digest", "16-time", "16-yaml")
#: Shown beside them, with no target: YAML of twelve values, one of each type and quirk, and
#: keys and certificates, whose time is cryptography's.
BEYOND = ("16-yaml-twelve",)
KEYS = ("11", "11-key", "12", "12-password", "13", "14", "14-names", "14-first", "15")
_RENDERINGS_OF_KEYS = 5
#: Those that walk all values, and so need their own: as in the documentation, two of JSON.
_CERTS = (
    "{{- range $key, $val := . }}{{- $json := $val | fromJson }}\n"
    "{{ $key }}: {{ $json.cert }}\n{{- end }}"
)
_YAML = REPRESENTATIVE["16-yaml"]
_WHOLE = {
    "16-yaml": (_YAML, {"yaml": b"foo: bar"}),
    "16-yaml-twelve": (_YAML, {"yaml": text_data()["yaml"]}),
    "9": (
        _CERTS,
        {"one": b'{"cert":"first","key":"x"}', "two": b'{"cert":"second","key":"y"}'},
    ),
}


def _cpu_us(work: Callable[[], object], times: int) -> float:
    """Microseconds of CPU for one call; the least, since other work only adds to it."""
    work()
    taken = []
    for _ in range(_ROUNDS):
        before_s = time.process_time()
        for _ in range(times):
            work()
        taken.append((time.process_time() - before_s) / times * 1e6)
    return min(taken)


def _case(name: str) -> tuple[str, dict[str, bytes]]:
    """The template and the values of one object, as they are: those that it names."""
    if name in _WHOLE:
        return _WHOLE[name]
    text = REPRESENTATIVE[name]
    values = data() if name in KEYS else text_data()
    return text, {key: value for key, value in values.items() if key in text}


def _row(name: str) -> tuple[float, float, float, float]:
    """Microseconds to compile, to render, to render as one of five, and in gotpl alone."""
    text, values = _case(name)

    def compiled() -> object:
        return compile_text("k", text, Limits(), Dialect.EXTERNAL_SECRETS)

    def alone() -> object:
        return rendering(values).render("k", text)

    def of_five() -> object:
        return [one.render("k", text) for one in [rendering(values)] for _ in range(5)]

    times = _RENDERINGS_OF_KEYS if name in KEYS else _RENDERINGS
    return (
        _cpu_us(compiled, _COMPILATIONS),
        _cpu_us(alone, times),
        _cpu_us(of_five, times // 5) / 5,
        _gotpl_us(text, values) if name not in (*_OURS_ALONE, *KEYS) else 0.0,
    )


def _gotpl_us(text: str, values: dict[str, bytes]) -> float:
    bare = Template(text, functions=text_func_map())
    dot = {key: value.decode() for key, value in values.items()}
    return _cpu_us(lambda: bare.render(dot), _RENDERINGS)


def main() -> int:
    """Measure every case and print one table; 1 where a case misses its target."""
    print("microseconds of CPU; gotpl: without a sandbox, without limits, by itself")
    print(f"{'template':14} {'compile':>8} {'render':>8} {'of five':>8} {'gotpl':>8} {'saved':>6}")
    missed = []
    for name in (*COMMON, *MORE, *BEYOND, *KEYS):
        compiling, alone, of_five, bare = _row(name)
        print(
            f"{name:14} {compiling:8.0f} {alone:8.1f} {of_five:8.1f} {bare:8.1f} "
            f"{compiling / alone:5.1f}x"
        )
        if alone > TARGET_US and name not in (*BEYOND, *KEYS):
            missed.append(name)
    if missed:
        print(f"MISSED, more than {TARGET_US} us: {', '.join(missed)}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
