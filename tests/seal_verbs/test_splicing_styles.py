"""Ways to write a map and its values, before and after: the text around stays."""

from __future__ import annotations

import pytest

from secretsync.cli.seal.manifest_text import Change, parse_manifest_text

DATA = ("spec", "encryptedData")

CASES = {
    "plain": (
        "{k: set}",
        "spec:\n  encryptedData:\n    k: AgA # c\n",
        "spec:\n  encryptedData:\n    k: NEW # c\n",
    ),
    "quotes-stay": (
        "{k: set}",
        "spec: {encryptedData: {'k': 'AgA'}}",
        "spec: {encryptedData: {'k': 'NEW'}}",
    ),
    "anchor-stays": (
        "{k: set}",
        "spec: {encryptedData: {k: &a AgA}}",
        "spec: {encryptedData: {k: &a NEW}}",
    ),
    "tag-stays": (
        "{k: set}",
        "spec:\n  encryptedData:\n    k: !!str AgA\n",
        "spec:\n  encryptedData:\n    k: !!str NEW\n",
    ),
    "block": (
        "{k: set}",
        "spec:\n  encryptedData:\n    k: |- # wrapped\n      AgA\n      BBB\n\n# end\n",
        "spec:\n  encryptedData:\n    k: NEW # wrapped\n\n# end\n",
    ),
    "explicit-key": (
        "{k: set}",
        "spec:\n  encryptedData:\n    ? k\n    : AgA\n",
        "spec:\n  encryptedData:\n    ? k\n    : NEW\n",
    ),
    "null-value": (
        "{k: set}",
        "spec:\n  encryptedData:\n    k:   # c\n",
        "spec:\n  encryptedData:\n    k: NEW   # c\n",
    ),
    "null-map": (
        "{k: set}",
        "spec:\n  encryptedData: # c\n",
        "spec:\n  encryptedData: # c\n    k: NEW\n",
    ),
    "null-word": (
        "{k: set}",
        "spec:\n  encryptedData: ~\n  x: 1\n",
        "spec:\n  encryptedData:\n    k: NEW\n  x: 1\n",
    ),
    "empty-map": (
        "{k: set}",
        "spec:\n  encryptedData: {} # c\n",
        "spec:\n  encryptedData: # c\n    k: NEW\n",
    ),
    "no-map": (
        "{k: set}",
        "spec:\n  template: {}\n",
        "spec:\n  template: {}\n  encryptedData:\n    k: NEW\n",
    ),
    "in-a-list": (
        "{k: set}",
        "spec:\n  x:\n  - a: 1\n    b: 2\n",
        "spec:\n  x:\n  - a: 1\n    b: 2\n  encryptedData:\n    k: NEW\n",
    ),
    "flow-added": (
        "{k: set}",
        "spec: {encryptedData: {a: AgA, }}",
        "spec: {encryptedData: {a: AgA, k: NEW, }}",
    ),
    "flow-lines": (
        "{k: set}",
        'spec: {\n  "encryptedData": {\n    "a": "AgA" # c\n  }\n}\n',
        'spec: {\n  "encryptedData": {\n    "a": "AgA",\n    "k": "NEW" # c\n  }\n}\n',
    ),
    "json-tight": (
        "{k: set}",
        '{"spec":{"encryptedData":{"a":"AgA"}}}',
        '{"spec":{"encryptedData":{"a":"AgA","k":"NEW"}}}',
    ),
    "json-tabs": (
        "{k: set}",
        '{\n\t"spec": {\n\t\t"encryptedData": {}\n\t}\n}\n',
        '{\n\t"spec": {\n\t\t"encryptedData": {\n\t\t\t"k": "NEW"\n\t\t}\n\t}\n}\n',
    ),
    "json-surrogates": (
        "{k: set}",
        '{"x":"\\ud83d\\ude00","spec":{"encryptedData":{"k":"AgA"}}}',
        '{"x":"\\ud83d\\ude00","spec":{"encryptedData":{"k":"NEW"}}}',
    ),
    "merge-is-overridden": (
        "{k: set}",
        "b: &b {k: AgA}\nspec:\n  encryptedData:\n    <<: *b\n",
        "b: &b {k: AgA}\nspec:\n  encryptedData:\n    <<: *b\n    k: NEW\n",
    ),
    "no-last-break": (
        "{k: set}",
        "spec:\n  encryptedData:\n    a: AgA",
        "spec:\n  encryptedData:\n    a: AgA\n    k: NEW",
    ),
    "remove-first": (
        "{a: unset}",
        "spec:\n  encryptedData:\n    # of a\n    a: AgA\n    b: AgB\n",
        "spec:\n  encryptedData:\n    # of a\n    b: AgB\n",
    ),
    "remove-block": (
        "{a: unset}",
        "spec:\n  encryptedData:\n    a: |\n      AgA\n      x\n    b: AgB\n",
        "spec:\n  encryptedData:\n    b: AgB\n",
    ),
    "remove-only": (
        "{a: unset}",
        "spec:\n  encryptedData: # c\n    a: AgA\n  x: 1\n",
        "spec:\n  encryptedData: {} # c\n  x: 1\n",
    ),
    "remove-flow": (
        "{a: unset}",
        "spec: {encryptedData: {a: AgA, b: AgB}}",
        "spec: {encryptedData: {b: AgB}}",
    ),
    "remove-flow-last": (
        "{b: unset}",
        "spec: {encryptedData: {a: AgA, b: AgB}}",
        "spec: {encryptedData: {a: AgA}}",
    ),
    "remove-flow-only": (
        "{a: unset}",
        "spec: {encryptedData: {a: AgA}}",
        "spec: {encryptedData: {}}",
    ),
    "replace-all": (
        "{a: unset, k: set}",
        "spec:\n  encryptedData:\n    a: AgA\n",
        "spec:\n  encryptedData:\n    k: NEW\n",
    ),
}


@pytest.mark.parametrize(("changes", "before", "after"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("eol", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_change_touches_its_place_alone(changes, before, after, eol):
    wanted = [word.split(": ") for word in changes.strip("{}").split(", ")]
    made = [Change(0, (*DATA, key), "NEW" if verb == "set" else None) for key, verb in wanted]
    text = parse_manifest_text(before.replace("\n", eol).encode(), file="f.yaml")
    assert text.changed(made).text == after.replace("\n", eol)
