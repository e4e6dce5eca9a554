"""What the YAML writer and the plain reader must agree on.

Source: go.yaml.in/yaml/v2 resolve.go, yamlprivateh.go.
"""

from __future__ import annotations

__all__ = ["BREAKS", "INDENT", "WORDS"]

INDENT = 2
BREAKS = "\r\n\x85\u2028\u2029"
#: Texts that a YAML 1.1 reader takes for something else than a string.
WORDS = frozenset(
    form
    for word in (
        *("y", "yes", "true", "on", "n", "no", "false", "off", "null"),
        *(".nan", ".inf", "+.inf", "-.inf"),
    )
    for form in (word, word.capitalize(), word.upper())
) | {"", "~", "<<", ".NaN", ".Inf", "+.Inf", "-.Inf"}
