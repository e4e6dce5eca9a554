"""What holds a private key is not stored, copied or shown whole by accident."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import pprint

import msgspec
import pytest
import yaml

from sealing import load_key_ring
from tests.sealing.kit import key_object, vector_key

RING = load_key_ring([key_object("k"), key_object("marked", status="compromised")])
(KEY,) = RING.keys
HOLDERS = {"key": KEY.private_key, "key of a ring": KEY, "ring": RING}
LINES = vector_key().reveal_pem().decode().splitlines()[1:-1]
NUMBERS = vector_key()._key.private_numbers()
PIECES = [*LINES, str(NUMBERS.d), str(NUMBERS.p), f"{NUMBERS.d:x}", f"{NUMBERS.p:x}"]

STORES = {
    "pickle": pickle.dumps,
    "pickle, oldest": lambda value: pickle.dumps(value, 0),
    "deepcopy": copy.deepcopy,
    "json": json.dumps,
    "msgspec JSON": msgspec.json.encode,
    "msgspec MessagePack": msgspec.msgpack.encode,
    "msgspec builtins": msgspec.to_builtins,
    "yaml": yaml.safe_dump,
    "yaml of objects": yaml.dump,
}
SHOWS = {
    "repr": repr,
    "str": str,
    "format": format,
    "format with width": "{!r:>9}".format,
    "f-string": lambda value: f"{value!r} {value!s} {value}",
    "percent": lambda value: "%r %s" % (value, value),  # noqa: UP031 - a way to show it
    "ascii": ascii,
    "pprint": pprint.pformat,
    "pprint of a mapping": lambda value: pprint.pformat({"k": [value]}),
    "json by repr": lambda value: json.dumps(value, default=repr),
    "dir": lambda value: str(dir(value)),
}


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_holder_of_a_key_is_not_stored_or_copied(holder, store):
    with pytest.raises((TypeError, yaml.YAMLError)):
        store(holder)


@pytest.mark.parametrize("take_apart", [dataclasses.asdict, dataclasses.astuple])
@pytest.mark.parametrize("holder", [KEY, RING], ids=["key of a ring", "ring"])
def test_holder_of_a_key_is_not_taken_apart(holder, take_apart):
    with pytest.raises(TypeError, match="never copied or pickled"):
        take_apart(holder)


@pytest.mark.parametrize("show", SHOWS.values(), ids=SHOWS)
@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_holder_of_a_key_is_shown_without_it(holder, show):
    shown = show(holder)
    assert not any(piece in shown for piece in PIECES)
    assert "BEGIN" not in shown


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_holder_of_a_key_has_no_dictionary(holder):
    with pytest.raises(TypeError, match="__dict__"):
        vars(holder)


def test_log_record_of_a_ring_shows_no_key(caplog):
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("ring %s, key %r", RING, KEY.private_key)
    assert vector_key().fingerprint in caplog.text
    assert not any(piece in caplog.text for piece in PIECES)
