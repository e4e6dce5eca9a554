"""From Sealed Secrets to ours and back, with everything that a cluster may hold.

Theirs makes a key, kubeseal seals with it, theirs makes Secrets; then ours takes its
place with the rights that `deploy/` gives, and in the end theirs comes back.
"""

from __future__ import annotations

import pytest

from tests.interop.migration import DELETED, KINDS_OF_SECRET, REFUSED, VALUES, tell
from tests.support.kube import KubeServer
from tests.support.sealed_objects import data_of
from tests.support.sealed_peer import PEER_TOOLS

pytestmark = [
    pytest.mark.built(*PEER_TOOLS, "kube-controller-manager"),
    pytest.mark.e2e,
    pytest.mark.xdist_group("migration"),
]

TEMPLATED = {"url": b"postgres://app:hunter2@db", "json": b'"app"'}
FOREIGN = {"foreign": b"x"}
EDITED = {"k": b"2", "l": b"3"}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """An API server of its own: it starts with the CRD of Sealed Secrets."""
    server = KubeServer(tmp_path_factory.mktemp("kube"))
    server.start()
    try:
        return tell(server, tmp_path_factory.mktemp("migration"))
    finally:
        server.stop()


def wanted(name):
    more = {"templated": TEMPLATED, "patched": FOREIGN, "patched-managed": FOREIGN}
    return VALUES | more.get(name, {})


@pytest.mark.parametrize("name", KINDS_OF_SECRET)
def test_theirs_made_every_sort_of_secret(name, story):
    assert data_of(story.looks["theirs"].secrets[name]) == wanted(name)


@pytest.mark.parametrize("chapter", ["ours", "ours, used", "ours restarted", "before back"])
@pytest.mark.parametrize("name", KINDS_OF_SECRET)
def test_swap_rewrites_no_secret_and_says_all_is_well(name, chapter, story):
    deleted_since = name in DELETED and chapter != "ours"
    before = story.looks["ours, used" if deleted_since else "theirs"]
    after = story.looks[chapter]
    assert after.versions[name] == before.versions[name]
    assert after.conditions[name] == "True"


def test_swap_opened_every_value_to_see_that_nothing_differs(story):
    """Theirs leaves no digest on a Secret that would tell without a key."""
    assert story.private_key_operations["ours"] >= len(KINDS_OF_SECRET) * len(VALUES)


@pytest.mark.parametrize("chapter", ["ours", "ours restarted", "theirs again"])
@pytest.mark.parametrize("name", KINDS_OF_SECRET)
def test_nothing_is_sealed_again(name, chapter, story):
    assert story.looks[chapter].sealed[name]["spec"] == story.looks["theirs"].sealed[name]["spec"]


@pytest.mark.parametrize("chapter", ["ours", "ours restarted", "theirs again"])
def test_keys_stay_and_none_is_added(chapter, story):
    keys = story.looks["theirs"].keys
    assert len(keys) == 1
    assert story.looks[chapter].keys == keys


@pytest.mark.parametrize("chapter", ["ours", "theirs again"])
def test_people_go_on_working(chapter, story):
    deeds = dict(story.deeds[chapter])
    own = next(deed for deed in deeds if deed.startswith("healed new-"))
    assert deeds.pop(own) == EDITED
    assert deeds == {
        "new": {"k": b"1"},
        "edited": EDITED,
        "healed plain": VALUES,
        "healed templated": VALUES | TEMPLATED,
        "healed managed": VALUES,
    }


@pytest.mark.parametrize("chapter", ["ours", "ours, used", "ours restarted", "theirs again"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_theirs_refused_is_refused_and_nothing_of_it_written(name, chapter, story):
    look = story.looks[chapter]
    assert look.conditions[name] == "False"
    assert look.versions.get(name) == story.looks["theirs"].versions.get(name)
    assert data_of(look.secrets.get(name, {})) == (FOREIGN if name == "foreign" else {})


@pytest.mark.parametrize("name", KINDS_OF_SECRET)
def test_way_back_leaves_every_value(name, story):
    again = story.looks["theirs again"]
    assert data_of(again.secrets[name]) == wanted(name)
    assert again.conditions[name] == "True"


def test_log_of_ours_has_no_value(story):
    assert story.service_log
    assert "hunter2" not in story.service_log
    assert "aHVudGVyMg" not in story.service_log
