"""The texts of the flags on keys: what they mean, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sealing import KeyOrder
from secretsync.errors import ConfigError
from secretsync.sealed.key_options import (
    KeyOptions,
    check_key_prefix,
    parse_annotations,
    parse_cutoff,
    parse_key_order,
    parse_labels,
)


@pytest.mark.parametrize("prefix", ["sealed-secrets-key", "a", "9-", "a" * 245])
def test_key_prefix_is_taken_as_it_is(prefix):
    assert check_key_prefix(prefix) == prefix


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        pytest.param("aBc", r"^name contains illegal character B$", id="upper case"),
        pytest.param("a.b", r"^name contains illegal character \.$", id="dot"),
        pytest.param("clé", r"^name contains illegal character é$", id="not ASCII"),
        pytest.param(
            "a" * 246, r"^name is too long, must be shorter than 245, got 246$", id="too long"
        ),
        pytest.param(
            "é" * 123, r"^name is too long, must be shorter than 245, got 246$", id="in bytes"
        ),
        pytest.param("", "begins no name of a Secret", id="empty"),
        pytest.param("-a", "begins no name of a Secret", id="dash in front"),
    ],
)
def test_key_prefix_that_begins_no_name_is_refused_in_the_controllers_words(prefix, says):
    with pytest.raises(ConfigError, match=says):
        check_key_prefix(prefix)


def test_key_order_is_one_of_two():
    assert [parse_key_order(str(order)) for order in KeyOrder] == list(KeyOrder)
    with pytest.raises(ConfigError, match="'Newest' is no order of keys") as caught:
        parse_key_order("Newest")
    assert caught.value.remedy == "give CertNotBefore or SecretCreationTimestamp"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", None),
        ("Mon, 04 May 2026 03:02:01 +0000", datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)),
        (
            "Mon, 04 May 2026 03:02:01 -0730",
            datetime(2026, 5, 4, 3, 2, 1, tzinfo=timezone(-timedelta(hours=7, minutes=30))),
        ),
    ],
)
def test_cutoff_is_read_as_date_prints_it(text, moment):
    assert parse_cutoff(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-04T03:02:01Z",
        "Mon, 04 May 2026 03:02:01 GMT",
        "Mon, 4 May 2026 03:02:01 +0000",
        "Mon, 31 Feb 2026 03:02:01 +0000",
        "Mon, 04 Mai 2026 03:02:01 +0000",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "now",
    ],
)
def test_cutoff_of_another_form_is_refused(text):
    with pytest.raises(ConfigError, match="is no cut-off time"):
        parse_cutoff(text)


def test_labels_and_annotations_are_pairs():
    assert parse_labels("") == {}
    assert parse_labels("a=b,example.com/c=") == {"a": "b", "example.com/c": ""}
    assert parse_annotations("url=https://example.com/?a=b") == {"url": "https://example.com/?a=b"}


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (parse_labels, "a", "'a' is no label for a key"),
        (parse_labels, "a=b,", "'' is no label"),
        (parse_labels, "a b=c", "'a b' is refused in a label"),
        (parse_labels, "a=b c", "'b c' is refused in a label"),
        (parse_annotations, "=x", "'' is refused in an annotation"),
    ],
)
def test_pair_that_no_cluster_takes_is_refused(parse, text, says):
    with pytest.raises(ConfigError, match=says):
        parse(text)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"key_bits": 2047}, "the key size is 2047 bits"),
        ({"key_bits": 16385}, "the key size is 16385 bits"),
        ({"ttl": timedelta(0)}, "lasts is less than a second"),
        ({"ttl": timedelta(days=-1)}, "lasts is less than a second"),
    ],
)
def test_key_that_cannot_be_is_refused_before_it_is_made(options, says):
    with pytest.raises(ConfigError, match=says):
        KeyOptions(**options)
