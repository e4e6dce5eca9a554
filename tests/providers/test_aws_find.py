"""`find` and metadata, for both services: exact where AWS's own filters are not."""

from __future__ import annotations

import re

import pytest

from providers.base import (
    AccessDenied,
    FindQuery,
    InvalidRef,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from tests.support.aws_faults import not_json, rewriting, throttled, truncated

BATCH, DESCRIBE = "BatchGetSecretValue", "DescribeSecret"
BY_PATH, DESCRIBE_PS = "GetParametersByPath", "DescribeParameters"
READ_PS = "GetParameters"


def query(regexp: str = "", *, path: str = "", **tags: str) -> FindQuery:
    matches = re.compile(regexp).search
    return FindQuery(path, regexp, tuple(sorted(tags.items())), lambda name: bool(matches(name)))


def names(provider, wanted: FindQuery) -> list[str]:
    return [found.name for found in provider.find(wanted)]


def read(provider, refs) -> dict:
    return {ref: one for group in provider.pack(refs) for ref, one in provider.fetch(group).items()}


def tags_of(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@pytest.fixture
def tagged(front, api):
    """Secrets whose tags AWS's prefix filters confuse."""
    for name, tags in {
        "app/db": {"env": "prod", "team": "shop"},
        "app/api": {"env": "production", "team": "shop"},
        "app/cross": {"env": "shop", "team": "prod"},
        "app/none": {},
        "other/db": {"env": "prod", "team": "shop"},
    }.items():
        api.call("CreateSecret", Name=name, SecretString=f"value of {name}", Tags=tags_of(**tags))
    front.calls.clear()


@pytest.fixture
def parameters(front, ssm):
    for name, tags in {
        "/app/db": {"env": "prod", "team": "shop"},
        "/app/deep/er/db": {"env": "production"},
        "/apple": {"env": "prod"},
        "plain": {},
    }.items():
        ssm.put_parameter(name, f"value of {name}", Tags=tags_of(**tags))
    front.calls.clear()


@pytest.fixture
def store(open_aws):
    return open_aws(service="ParameterStore")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param(query(), ["app/api", "app/cross", "app/db", "app/none", "other/db"], id="all"),
        pytest.param(query("db$"), ["app/db", "other/db"], id="regexp-unanchored"),
        pytest.param(query("^db"), [], id="regexp-on-the-full-name"),
        pytest.param(query("db", path="app/"), ["app/db"], id="path-and-regexp"),
        pytest.param(query(path="pp/"), [], id="path-is-a-prefix"),
        pytest.param(query(path="!app/"), [], id="path-that-a-filter-would-negate"),
        pytest.param(query(path="app\n"), [], id="path-that-no-filter-takes"),
        pytest.param(query(env="prod"), ["app/db", "other/db"], id="tag-value-is-no-prefix"),
        pytest.param(query(env="shop"), ["app/cross"], id="value-of-another-key"),
        pytest.param(query(env="prod", team="shop"), ["app/db", "other/db"], id="all-tags"),
        pytest.param(query("api", env="prod"), [], id="tags-and-regexp"),
        pytest.param(query(path="app/", team="shop"), ["app/api", "app/db"], id="tags-and-path"),
        pytest.param(query(env="!prod"), [], id="tag-that-a-filter-would-negate"),
        pytest.param(query(env=""), [], id="empty-tag"),
        pytest.param(query(**{f"k{n}": "v" for n in range(9)}), [], id="more-tags-than-filters"),
    ],
)
def test_secrets_that_match_are_found_and_no_other(open_aws, tagged, wanted, found):
    assert names(open_aws(prefix="ignored/"), wanted) == found


def test_prefix_filters_of_aws_alone_would_find_too_much(front, tagged, api):
    filters = [{"Key": "tag-key", "Values": ["env"]}, {"Key": "tag-value", "Values": ["prod"]}]
    listed = api.call("ListSecrets", Filters=filters)["SecretList"]
    assert {entry["Name"] for entry in listed} > {"app/db", "other/db"}


def test_found_secrets_are_read_by_twenty_and_not_again(front, open_aws, api):
    for number in range(45):
        api.create(f"app/{number:02}", f"value {number}")
    front.calls.clear()
    provider = open_aws(prefix="ignored/")
    first = [found.ref for found in provider.find(query())]
    got = read(provider, first)
    assert sorted(one.value.reveal() for one in got.values()) == sorted(
        f"value {number}".encode() for number in range(45)
    )
    assert front.counts() == {"ListSecrets": 1, BATCH: 3}
    api.put("app/07", "new")
    known = {ref: one.version for ref, one in got.items()}
    second = [found.ref for found in provider.find(query())]
    (moved,) = set(second) - set(first)
    assert read(provider, [moved])[moved].value.reveal() == b"new"
    unmoved = {ref: version for ref, version in known.items() if ref in second}
    front.calls.clear()
    assert provider.changes(None, unmoved).unchanged == set(unmoved)
    assert front.count() == 0


def test_secret_that_moved_after_the_list_is_read_as_listed(front, open_aws, tagged, api):
    provider = open_aws()
    (found,) = provider.find(query("^app/db"))
    api.put("app/db", "newer")
    got = read(provider, [found.ref])[found.ref]
    assert got.value.reveal() == b"value of app/db"
    assert found.ref.version == f"uuid/{got.version}"


@pytest.mark.parametrize(
    "fault", [throttled(), not_json(), truncated(), rewriting(lambda _: {"SecretList": [{}]})]
)
def test_find_of_a_broken_list_raises_never_half_a_list(front, open_aws, api, fault):
    for number in range(120):
        api.create(f"app/{number:03}", "v")
    front.inject(fault, operation="ListSecrets", times=1)
    with pytest.raises(Unavailable):
        open_aws().find(query())


def test_find_without_permission_names_it(front, open_aws, tagged):
    front.denied_operations.add("ListSecrets")
    with pytest.raises(AccessDenied) as caught:
        open_aws().find(query())
    assert caught.value.remedy == "allow secretsmanager:ListSecrets for this identity"


def test_metadata_of_a_secret_is_its_tags(front, open_aws, tagged):
    ref = SecretRef("db", metadata=True)
    provider = open_aws(prefix="app/")
    got = provider.fetch([ref, SecretRef("db")])
    assert got[ref].value.reveal() == b'{"env":"prod","team":"shop"}'
    assert front.counts() == {DESCRIBE: 1, "GetSecretValue": 1}
    assert ref in provider.changes(None, {ref: got[ref].version}).unknown


def test_metadata_escapes_as_go_does(open_aws, api):
    api.call("CreateSecret", Name="a", SecretString="v", Tags=tags_of(note="café & <b>"))
    ref = SecretRef("a", metadata=True)
    got = open_aws().fetch([ref])[ref]
    assert got.value.reveal() == '{"note":"café \\u0026 \\u003cb\\u003e"}'.encode()


def test_metadata_of_what_is_absent_is_not_found(open_aws, api):
    ref = SecretRef("nowhere", metadata=True)
    assert open_aws().fetch([ref])[ref].definite
    api.create("gone", "v")
    api.call("DeleteSecret", SecretId="gone", RecoveryWindowInDays=7)
    ref = SecretRef("gone", metadata=True)
    assert open_aws().fetch([ref])[ref].pending_deletion


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param(query(), ["/app/db", "/app/deep/er/db", "/apple", "plain"], id="all"),
        pytest.param(query("db$"), ["/app/db", "/app/deep/er/db"], id="regexp"),
        pytest.param(query(path="/app"), ["/app/db", "/app/deep/er/db"], id="path-is-a-folder"),
        pytest.param(query("^/app/d", path="/app/deep"), ["/app/deep/er/db"], id="path-and-regexp"),
        pytest.param(query(env="prod"), ["/app/db", "/apple"], id="tag-is-exact"),
        pytest.param(query(env="prod", team="shop"), ["/app/db"], id="all-tags"),
        pytest.param(query(path="/app", env="prod"), ["/app/db"], id="tags-and-path"),
        pytest.param(query("^/apple", env="prod"), ["/apple"], id="tags-and-regexp"),
    ],
)
@pytest.mark.parametrize("denied", ["", BY_PATH])
def test_parameters_that_match_are_found_by_full_name(
    *, front, open_aws, parameters, wanted, found, denied
):
    front.denied_operations.add(denied)
    provider = open_aws(service="ParameterStore", prefix="/ignored/")
    assert names(provider, wanted) == found
    got = read(provider, [one.ref for one in provider.find(wanted)])
    assert {one.value.reveal() for one in got.values()} == {f"value of {n}".encode() for n in found}
    # By tens, also where the parameters were listed by the fallback.
    assert front.count(READ_PS) == bool(found)
    assert front.count("GetParameter") == 0


def test_found_parameters_are_listed_without_decryption(front, store, parameters):
    store.find(query())
    (call,) = front.of(BY_PATH)
    assert not call.params["WithDecryption"]


def test_found_parameter_that_was_made_anew_is_another_ref(front, clock, ssm, store, parameters):
    (first,) = store.find(query("^/app/db"))
    assert store.changes(None, {first.ref: first.ref.version}).unchanged == {first.ref}
    ssm.call("DeleteParameter", Name="/app/db")
    clock(31)
    assert ssm.put_parameter("/app/db", "anew") == 1
    (second,) = store.find(query("^/app/db"))
    assert second.ref != first.ref
    got = store.fetch([first.ref, second.ref])
    assert isinstance(got[first.ref], Unavailable)
    assert got[second.ref].value.reveal() == b"anew"


def test_find_denied_both_ways_says_so(front, store, parameters):
    front.denied_operations |= {BY_PATH, DESCRIBE_PS}
    with pytest.raises(AccessDenied):
        store.find(query())


@pytest.mark.parametrize("wanted", [query(path="app"), query(env="")])
def test_find_that_parameter_store_cannot_do_is_refused(store, parameters, wanted):
    with pytest.raises(InvalidRef):
        store.find(wanted)


@pytest.mark.parametrize("fault", [throttled(), not_json(), truncated()])
@pytest.mark.parametrize("wanted", [query(), query(env="prod")])
def test_find_of_broken_pages_raises_never_half_a_list(front, store, parameters, fault, wanted):
    front.empty_pages = 1
    front.inject(fault, operation=DESCRIBE_PS if wanted.tags else BY_PATH)
    with pytest.raises(Unavailable):
        store.find(wanted)


def test_metadata_of_a_parameter_is_its_tags(front, store, parameters):
    refs = [SecretRef(name, metadata=True) for name in ("/app/db", "plain", "/nowhere")]
    got = read(store, refs)
    assert got[refs[0]].value.reveal() == b'{"env":"prod","team":"shop"}'
    assert got[refs[1]].value.reveal() == b"{}"
    assert isinstance(got[refs[2]], SecretNotFound)
    assert got[refs[2]].definite
    assert isinstance(got[refs[0]], SecretValue)
