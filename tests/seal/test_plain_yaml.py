"""The reader of the plainest YAML gives what the full reader gives, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretsync.cli.seal.plain_yaml import plain_events
from secretsync.resources.composer import compose
from secretsync.resources.text_events import TextError
from secretsync.resources.yaml_events import yaml_events

KUBECTL = """\
apiVersion: v1
data:
  password: c3VwZXJzZWNyZXQ=
  username: YWRtaW4=
kind: Secret
metadata:
  creationTimestamp: null
  name: database-credentials
  namespace: production
"""


def outcome(events):
    """Documents and the line of each path, or the error's class."""
    try:
        return [(part.value, part.lines) for part in compose(events)]
    except TextError:
        return TextError


def full(text):
    """As `outcome`; an empty document counts for nothing, whether it is noticed or not."""
    try:
        documents = outcome(list(yaml_events(text)))
    except TextError:
        return TextError
    if documents is TextError:
        return TextError
    return [document for document in documents if document[0] is not None]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(KUBECTL, id="kubectl"),
        pytest.param(f"---\n{KUBECTL}---\n{KUBECTL}", id="two"),
        pytest.param("---\n---\n" + KUBECTL, id="empty-document"),
        pytest.param("\n\n" + KUBECTL.replace("\n", "\n\n"), id="empty-lines"),
        pytest.param("a:\nb:\n", id="nothing-behind-keys"),
        pytest.param("a:\n  b:\n    c: d\n  e: f\ng: h", id="deep"),
        pytest.param("  a: b\n  c: d\n", id="indented"),
        pytest.param("a: 0KHR\nb: +x\nc: 1a\nd: a_b\n", id="almost-numbers"),
        pytest.param("a: b\na: c\n", id="twice"),
        pytest.param("data:\n  tls.crt: LS0t\n  a/b: LS0t\n", id="dots-and-slashes"),
    ],
)
def test_plain_text_is_read_as_the_full_reader_reads_it(text):
    events = plain_events(text)
    assert events is not None
    assert outcome(events) == full(text)


@pytest.mark.parametrize(
    "text",
    [
        *("a: yes", "a: 1", "a: 1_0", "a: 1e3", "yes: a", "a: ~", "a: 'b'", "a: b c", "a: b #c"),
        *("- a", "a: [b]", "a: &b c", "a: !!str b", "a: |\n  b", "a:  b", "a: b ", "a:\tb"),
        *("a: b\n  c: d", "  a: b\nc: d", "a:\n    b: c\n  d: e", "a\n", "a: b\n...\n", "# a"),
        *("a: b\r\n", "--- \na: b", "--- a", "a: .5", "a: -1", "a: =", "1: a", "a: é", "a:b"),
        *("a: 190:20", "a: 2001-01-01x:", "? a", "%YAML 1.1\n---\na: b", "a: <<", "<<: a"),
    ],
)
def test_text_that_is_less_plain_is_left_to_the_full_reader(text):
    assert plain_events(text) is None


SCALARS = st.one_of(
    st.sampled_from(["", "null", "yes", "~", "1", "0x1", "1e3", "0KHR", "+a", "a_b", "2001-01-01"]),
    st.text("ab01_./+=-:# ", max_size=5),
)
LINES = st.builds(
    lambda indent, key, colon, value: " " * indent + key + colon + value,
    st.sampled_from([0, 0, 2, 2, 4, 3]),
    st.sampled_from(["a", "b", "c", "d-e", "f.g", "no", "1", "---"]) | SCALARS,
    st.sampled_from([": ", ":", ""]),
    SCALARS,
)


@settings(max_examples=600, deadline=None)
@given(st.lists(LINES | st.sampled_from(["---", "", "a: b", "  c: d"]), max_size=8))
def test_whatever_is_read_is_read_as_the_full_reader_reads_it(lines):
    text = "\n".join(lines)
    events = plain_events(text)
    if events is not None:
        assert outcome(events) == full(text)
