"""Who depends on which key, and which version of it was written last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from providers.base import SecretRef
from secretsync.refresh.index import DependencyIndex, GroupKey
from secretsync.refresh.sessions import SessionKey
from secretsync.resources.meta import ObjectRef
from tests.refresh.kit import es_ref, in_threads

SESSION = SessionKey(ObjectRef("SecretStore", "web", "aws"))
OTHER = SessionKey(ObjectRef("ClusterSecretStore", "", "aws"), "web")
HOURLY, DAILY = GroupKey(SESSION, 3600.0), GroupKey(SESSION, 86400.0)
A, B = es_ref("a"), es_ref("b")
ONE, TWO = SecretRef("one"), SecretRef("two")


def test_put_and_remove() -> None:
    index = DependencyIndex()
    index.put(A, {HOURLY: [ONE, TWO]})
    index.put(B, {HOURLY: [TWO], GroupKey(OTHER, 60.0): [ONE]})
    assert index.groups() == {HOURLY, GroupKey(OTHER, 60.0)}
    assert index.users(HOURLY, [ONE]) == {A}
    assert index.users(HOURLY, [ONE, TWO]) == {A, B}
    assert index.users(HOURLY, []) == index.users(DAILY, [ONE]) == frozenset()
    assert index.needs(HOURLY) == {ONE: None, TWO: None}
    assert index.member(HOURLY) in {A, B}
    index.remove(A)
    assert index.needs(HOURLY) == {TWO: None}
    assert index.users(HOURLY, [ONE, TWO]) == {B}
    index.remove(B)
    index.remove(B)
    assert index.groups() == frozenset()
    assert index.needs(HOURLY) == {}
    assert index.member(HOURLY) is None


def test_putting_again_replaces() -> None:
    index = DependencyIndex()
    index.put(A, {HOURLY: [ONE]})
    index.put(A, {DAILY: [TWO]})
    assert index.groups() == {DAILY}
    assert index.users(DAILY, [ONE, TWO]) == {A}
    index.put(A, {})
    assert index.groups() == frozenset()


def test_learning_says_whether_another_version_was_known() -> None:
    index = DependencyIndex()
    index.put(A, {HOURLY: [ONE]})
    assert index.learn(SESSION, ONE, "v1") is False
    assert index.learn(SESSION, ONE, "v1") is False
    assert index.learn(SESSION, ONE, "v2") is True
    assert index.needs(HOURLY) == {ONE: "v2"}


def test_versions_are_shared_by_all_intervals_and_by_no_other_session() -> None:
    index = DependencyIndex()
    index.put(A, {HOURLY: [ONE]})
    index.put(B, {DAILY: [ONE], GroupKey(OTHER, 60.0): [ONE]})
    index.learn(SESSION, ONE, "v1")
    assert index.needs(HOURLY) == index.needs(DAILY) == {ONE: "v1"}
    assert index.needs(GroupKey(OTHER, 60.0)) == {ONE: None}
    assert index.session_users(SESSION, ONE) == {A, B}
    assert index.session_users(OTHER, ONE) == {B}


def test_known_versions_survive_putting_again() -> None:
    index = DependencyIndex()
    index.put(A, {HOURLY: [ONE, TWO]})
    index.learn(SESSION, ONE, "v1")
    index.put(A, {HOURLY: [ONE]})
    assert index.needs(HOURLY) == {ONE: "v1"}
    index.put(A, {DAILY: [ONE]})
    assert index.needs(DAILY) == {ONE: "v1"}


def test_what_nobody_needs_is_not_remembered() -> None:
    index = DependencyIndex()
    index.put(A, {HOURLY: [ONE]})
    index.put(B, {HOURLY: [TWO]})
    index.learn(SESSION, ONE, "v1")
    index.remove(A)
    index.put(A, {HOURLY: [ONE]})
    assert index.needs(HOURLY) == {ONE: None, TWO: None}


def test_unlearning_spares_what_others_vouch_for() -> None:
    index = DependencyIndex()
    index.put(A, {HOURLY: [ONE, TWO]})
    index.put(B, {DAILY: [TWO]})
    for ref in (ONE, TWO):
        index.learn(SESSION, ref, "v1")
    index.unlearn_alone(A)
    assert index.needs(HOURLY) == {ONE: None, TWO: "v1"}
    index.unlearn_alone(es_ref("nobody"))
    assert index.needs(DAILY) == {TWO: "v1"}


USERS = st.sampled_from([A, B, es_ref("c")])
NEEDS = st.dictionaries(
    st.sampled_from([HOURLY, DAILY, GroupKey(OTHER, 60.0)]),
    st.lists(st.sampled_from([ONE, TWO, SecretRef("one", "v")]), max_size=4),
    max_size=3,
)


@given(st.lists(st.tuples(USERS, st.one_of(st.none(), NEEDS))))
def test_any_history_ends_in_what_was_said_last(
    history: list[tuple[ObjectRef, dict[GroupKey, list[SecretRef]] | None]],
) -> None:
    index = DependencyIndex()
    last: dict[ObjectRef, dict[GroupKey, list[SecretRef]]] = {}
    for user, needs in history:
        if needs is None:
            index.remove(user)
            last.pop(user, None)
        else:
            index.put(user, needs)
            last[user] = needs
        for session, ref in {
            (g.session, r) for each in last.values() for g in each for r in each[g]
        }:
            index.learn(session, ref, "v")
    links = {(g, r, user) for user, needs in last.items() for g in needs for r in needs[g]}
    assert index.groups() == {group for group, _, _ in links}
    for group in index.groups():
        assert index.needs(group) == {ref: "v" for g, ref, _ in links if g == group}
        for ref in index.needs(group):
            assert index.users(group, [ref]) == {u for g, r, u in links if (g, r) == (group, ref)}
            expected = {u for g, r, u in links if (g.session, r) == (group.session, ref)}
            assert index.session_users(group.session, ref) == expected


def test_threads_do_not_lose_each_others_changes() -> None:
    index = DependencyIndex()

    def work(number: int) -> None:
        for turn in range(100):
            user = es_ref(f"es-{number}-{turn}")
            index.put(user, {HOURLY: [ONE, SecretRef(f"own-{number}")]})
            index.learn(SESSION, ONE, "v1")
            if turn % 2:
                index.remove(user)

    in_threads(6, work)
    assert len(index.users(HOURLY, [ONE])) == 6 * 50
    assert len(index.needs(HOURLY)) == 7
