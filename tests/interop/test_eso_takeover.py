"""From External Secrets Operator to ours and back, over live objects: no Secret is written.

The real operator syncs one ExternalSecret of every sort, ours takes its place, first with
its CRDs, then with those of `deploy/` applied over them; in the end theirs comes back,
over what it made itself and over what ours made.
"""

from __future__ import annotations

import pytest

from tests.interop.eso_cases import SORTS, name_of
from tests.interop.eso_makers import CHILDREN, PUSHES
from tests.interop.eso_story import tell
from tests.support.aws import shared_moto
from tests.support.aws_front import StrictFront
from tests.support.eso_operator import PROGRAM
from tests.support.kube import KubeServer
from tests.support.tools import KUBERNETES_TOOLS

pytestmark = [
    pytest.mark.built(PROGRAM, *KUBERNETES_TOOLS),
    pytest.mark.e2e,
    pytest.mark.xdist_group("eso-takeover"),
]

#: Sorts that people change while ours runs.
USED = {"owner", "copied", "merge", "extracted", "long-63", "long-90"}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """An API server of its own: it starts with the CRDs of External Secrets Operator."""
    server = KubeServer(tmp_path_factory.mktemp("kube"))
    server.start()
    try:
        with StrictFront(shared_moto().url) as front:
            return tell(server, tmp_path_factory.mktemp("takeover"), front)
    finally:
        server.stop()


@pytest.mark.parametrize("sort", SORTS)
def test_theirs_synced_every_sort(sort, story):
    name, look = name_of(sort, "theirs"), story.looks["theirs"]
    assert look.ready(name) == ("True", "SecretSynced")
    assert (look.version(name) is None) == (sort == "none")


@pytest.mark.parametrize("chapter", ["ours, their CRDs", "ours"])
@pytest.mark.parametrize("sort", SORTS)
def test_takeover_by_ours_writes_no_secret(sort, chapter, story):
    name, look = name_of(sort, "theirs"), story.looks[chapter]
    assert look.version(name) == story.looks["theirs"].version(name)
    assert look.ready(name) == ("True", "SecretSynced")


@pytest.mark.parametrize("sort", [sort for sort in SORTS if sort not in USED])
def test_way_back_writes_no_secret_that_theirs_made(sort, story):
    name, look = name_of(sort, "theirs"), story.looks["theirs again"]
    assert look.version(name) == story.looks["theirs"].version(name)
    assert look.ready(name) == ("True", "SecretSynced")


@pytest.mark.parametrize("sort", sorted(USED - {"extracted"}))
def test_way_back_writes_no_secret_that_ours_changed(sort, story):
    name, before = name_of(sort, "theirs"), story.looks["ours, used"]
    assert story.looks["theirs again"].version(name) == before.version(name)


@pytest.mark.parametrize("sort", SORTS)
def test_takeover_by_theirs_writes_no_secret_that_ours_made(sort, story):
    name, look = name_of(sort, "ours"), story.looks["theirs again"]
    before = story.looks["ours, used"]
    assert before.ready(name) == look.ready(name) == ("True", "SecretSynced")
    assert (look.version(name) is None) == (sort == "none")
    assert look.version(name) == before.version(name)


@pytest.mark.parametrize("chapter", ["ours, their CRDs", "ours"])
def test_takeover_by_ours_pushes_nothing_and_keeps_every_child_as_it_is(chapter, story):
    before, after = story.looks["theirs"].makers, story.looks[chapter].makers
    assert after == before
    assert before.keys == {f"theirs-{name}" for name in PUSHES}
    assert {("ExternalSecret", f"theirs-{name}") for name in CHILDREN} <= after.made.keys()


def test_takeover_by_theirs_keeps_every_child_as_it_is(story):
    before, after = story.looks["ours, used"].makers, story.looks["theirs again"].makers
    assert after.made == before.made
    assert after.keys == before.keys
    assert after.writes == before.writes
    assert {f"ours-{name}" for name in PUSHES} <= after.keys


@pytest.mark.parametrize("name", CHILDREN)
def test_secrets_of_children_are_not_written(name, story):
    for first, before, after in (
        ("theirs", "theirs", "ours"),
        ("ours", "ours, used", "theirs again"),
    ):
        version = story.looks[before].version(f"{first}-{name}")
        assert version is not None
        assert story.looks[after].version(f"{first}-{name}") == version


@pytest.mark.parametrize("chapter", ["ours", "theirs again"])
def test_people_go_on_working(chapter, story):
    assert all(story.deeds[chapter].values())
