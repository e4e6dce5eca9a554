"""A change of one entry changes that entry and nothing else, however the file is written."""

from __future__ import annotations

import copy

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secretsync.cli.seal.manifest_text import Change, parse_manifest_text
from secretsync.cli.seal.splicing import CannotSplice
from secretsync.errors import InputError
from tests.seal_verbs.manifest_texts import KEYS, manifests

ENCRYPTED = ("spec", "encryptedData")
NEW = "AgNEWnewNEW/+=="
quick = settings(max_examples=25, deadline=None)
NOTE = "SHA256:abcDEF/+0,unknown"


def parsed(made):
    return parse_manifest_text(made.text.encode(), file="f.yaml")


def values(text):
    return [copy.deepcopy(document.value) for document in text.documents]


def index_of(made, document):
    """Documents without content count: find ours by name."""
    found = values(parsed(made))
    return next(i for i, v in enumerate(found) if v and v["metadata"]["name"] == f"s{document}")


@quick
@given(manifests())
def test_generated_manifest_means_what_was_written(made):
    found = values(parsed(made))
    for (document, key), value in made.values.items():
        assert found[index_of(made, document)]["spec"]["encryptedData"][key] == value


@quick
@given(manifests(), st.data())
def test_set_of_an_existing_key_replaces_its_value_alone(made, data):
    document, key = data.draw(st.sampled_from(sorted(made.values)))
    before, at = parsed(made), index_of(made, document)
    after = before.changed([Change(at, (*ENCRYPTED, key), NEW)])
    start, end = made.spans[document, key]
    assert after.text.startswith(made.text[:start])
    assert after.text.endswith(made.text[end:])
    written = after.text[start : len(after.text) - (len(made.text) - end)]
    assert written.split("#")[0].removeprefix("!!str ").strip("'\" ") == NEW
    meant = values(before)
    meant[at]["spec"]["encryptedData"][key] = NEW
    assert values(after) == meant


@quick
@given(manifests(), st.data())
def test_set_of_a_new_key_only_adds(made, data):
    document = data.draw(st.sampled_from(sorted({number for number, _ in made.values})))
    key = data.draw(st.sampled_from([*KEYS, "new"]))
    assume((document, key) not in made.values)
    before, at = parsed(made), index_of(made, document)
    after = before.changed([Change(at, (*ENCRYPTED, key), NEW)])
    assert_inserted(made.text, after.text)
    meant = values(before)
    meant[at]["spec"]["encryptedData"][key] = NEW
    assert values(after) == meant


@quick
@given(manifests(), st.data())
def test_set_of_an_annotation_only_adds(made, data):
    document = data.draw(st.sampled_from(sorted({number for number, _ in made.values})))
    before, at = parsed(made), index_of(made, document)
    path = ("metadata", "annotations", "secretsync.io/sealed-with")
    after = before.changed([Change(at, path, NOTE)])
    assert_inserted(made.text, after.text)
    meant = values(before)
    meant[at]["metadata"].setdefault("annotations", {})[path[-1]] = NOTE
    assert values(after) == meant
    again = after.changed([Change(at, path, "SHA256:other")])
    assert again.text.replace("SHA256:other", "") == after.text.replace(NOTE, "")


@quick
@given(manifests(), st.data())
def test_unset_removes_the_entry_alone(made, data):
    document, key = data.draw(st.sampled_from(sorted(made.values)))
    before, at = parsed(made), index_of(made, document)
    after = before.changed([Change(at, (*ENCRYPTED, key), None)])
    meant = values(before)
    del meant[at]["spec"]["encryptedData"][key]
    assert values(after) == meant
    start, end = made.keys_at[document, key]
    rest = made.text[:start] + made.text[end:]
    if made.flow or not meant[at]["spec"]["encryptedData"]:
        # Commas and the braces of a map that got empty move; nothing else may.
        assert "".join(after.text.split()).replace(",", "").replace("{}", "") == "".join(
            rest.split()
        ).replace(",", "").replace("{}", "")
    else:
        assert after.text.removesuffix("\n").rstrip("\r") == rest.removesuffix("\n").rstrip("\r")


@quick
@given(manifests(), st.data())
def test_many_changes_at_once_mean_all_of_them(made, data):
    before = parsed(made)
    meant, changes = values(before), []
    for document in sorted({number for number, _ in made.values}):
        at = index_of(made, document)
        for key in data.draw(st.lists(st.sampled_from(KEYS), max_size=5, unique=True)):
            items = meant[at]["spec"]["encryptedData"]
            remove = key in items and data.draw(st.booleans())
            changes.append(Change(at, (*ENCRYPTED, key), None if remove else NEW))
            items.pop(key, None) if remove else items.update({key: NEW})
    assume(changes)
    after = before.changed(changes)
    assert values(after) == meant
    for line in made.text.splitlines():
        if line.lstrip().startswith("#"):
            assert line in after.text.splitlines()


@quick
@given(manifests(), st.data())
def test_change_and_its_reverse_give_the_same_bytes(made, data):
    document = data.draw(st.sampled_from(sorted({number for number, _ in made.values})))
    before, at = parsed(made), index_of(made, document)
    path = (*ENCRYPTED, "added.and.removed")
    after = before.changed([Change(at, path, NEW)]).changed([Change(at, path, None)])
    assert after.content == before.content


@quick
@given(st.text("ab:{}[]&*!|>-'\"#%@`,? \n\t\r\u2028\x85\ufeff<é😀", max_size=80))
def test_any_text_is_refused_or_changed_as_meant(text):
    source = f"spec:\n  encryptedData:\n    a: {text}\nlast: 1\n"
    try:
        before = parse_manifest_text(source.encode(), file="f.yaml")
    except InputError:
        return
    meant = values(before)
    items = meant[0].get("spec", {}).get("encryptedData") if isinstance(meant[0], dict) else None
    if not isinstance(items, dict) or "a" not in items:
        return
    items["a"] = NEW
    try:
        after = before.changed([Change(0, (*ENCRYPTED, "a"), NEW)])
    except CannotSplice:
        return
    assert values(after) == meant


def assert_inserted(before, after):
    """`after` is `before` with one piece put in."""
    assert len(after) > len(before)
    head = alike(before, after)
    tail = alike(before[::-1], after[::-1])
    assert head + tail >= len(before)


def alike(one, other):
    """How many characters two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
