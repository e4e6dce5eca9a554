"""`dataFrom.find` through the pipeline: listed once, read with all else, never on doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.core import noting
from secretsync.core.secrets import VERSIONS_ANNOTATION
from secretsync.refresh.narrowing import Narrowing
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.guards import Guards
from tests.core.secret_cases import external_secret, item
from tests.refresh.kit import FakeClock, Rig
from tests.support.aws import AwsApi
from tests.support.aws_faults import not_json, server_error, throttled
from tests.support.aws_front import StrictFront

MakeRig = Callable[..., Rig]


def finder(name: str = "db", regexp: str = "^app", **spec: Any) -> ExternalSecret:
    """Return an ExternalSecret that finds secrets by name."""
    entry = {"find": {"name": {"regexp": regexp}, **spec.pop("find", {})}}
    entry |= {"rewrite": spec.pop("rewrite")} if "rewrite" in spec else {}
    given = {"data": None, "dataFrom": [entry], **spec}
    return external_secret(given, name=name, uid=f"uid-{name}")


def create(api: AwsApi, **secrets: str) -> None:
    for name, value in secrets.items():
        api.create(name, value)


def drop(api: AwsApi, *names: str) -> None:
    for name in names:
        api.call("DeleteSecret", SecretId=name, ForceDeleteWithoutRecovery=True)


def test_what_is_found_becomes_keys_and_what_is_not_does_not(
    api: AwsApi, make_rig: MakeRig
) -> None:
    create(api, **{"app/one": '{"a": 1}', "app/two": "2", "web/app": "3"})
    rig = make_rig([finder()])
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"app_one": '{"a": 1}', "app_two": "2"}
    assert rig.ends() == {"db": "unchanged"}


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        pytest.param({}, {"app_a": "eA=="}, id="as-it-is"),
        pytest.param(
            {"find": {"conversionStrategy": "Unicode"}}, {"app_U002f_a": "eA=="}, id="uni"
        ),
        pytest.param({"find": {"decodingStrategy": "Base64"}}, {"app_a": "x"}, id="decoded"),
        pytest.param(
            {"rewrite": [{"regexp": {"source": "^app/", "target": "my-"}}]},
            {"my-a": "eA=="},
            id="rewritten",
        ),
        pytest.param({"find": {"path": "app/"}}, {"app_a": "eA=="}, id="below-a-path"),
        pytest.param({"find": {"path": "web/"}}, None, id="below-another-path"),
    ],
)
def test_found_values_go_the_way_of_all_others(
    api: AwsApi, make_rig: MakeRig, options: dict[str, Any], wanted: dict[str, str] | None
) -> None:
    create(api, **{"app/a": "eA=="})
    rig = make_rig([finder(**options)])
    rig.run()
    assert rig.secret() == wanted


def test_many_that_ask_the_same_cost_one_list_and_one_read_a_key(
    front: StrictFront, api: AwsApi, make_rig: MakeRig
) -> None:
    create(api, **{f"app/{number}": "x" for number in range(5)})
    items = [finder(f"es-{number}") for number in range(20)]
    items.append(external_secret({"data": [item("a", "app/1")]}, name="one", uid="uid-one"))
    rig = make_rig(items)
    front.calls.clear()
    assert set(rig.ends().values()) == {"applied"}
    assert front.counts() == {"ListSecrets": 1, "BatchGetSecretValue": 1}


def test_one_found_secret_that_cannot_be_read_leaves_everything_as_it_is(
    front: StrictFront, api: AwsApi, make_rig: MakeRig
) -> None:
    create(api, **{"app/one": "1", "app/two": "2"})
    rig = make_rig([finder(target={"deletionPolicy": "Merge"})])
    rig.run()
    api.put("app/one", "new")
    front.denied = {"app/two"}
    (outcome,) = rig.run()
    assert outcome.failed
    assert outcome.field == "spec.dataFrom[0].find"
    assert rig.secret() == {"app_one": "1", "app_two": "2"}


@pytest.mark.parametrize(
    ("fault", "transient"),
    [
        pytest.param(server_error(), True, id="server-error"),
        pytest.param(throttled(), True, id="throttled"),
        pytest.param(not_json(), True, id="html"),
    ],
)
@pytest.mark.parametrize("policy", ["Retain", "Delete", "Merge"])
def test_list_that_fails_is_no_absence(
    front: StrictFront, api: AwsApi, make_rig: MakeRig, fault: Any, transient: bool, policy: str
) -> None:
    create(api, **{"app/one": "1"})
    rig = make_rig([finder(target={"deletionPolicy": policy})])
    rig.run()
    front.inject(fault, operation="ListSecrets")
    (outcome,) = rig.run()
    assert (outcome.failed, outcome.transient) == (True, transient)
    assert rig.secret() == {"app_one": "1"}
    front.heal()
    assert rig.ends() == {"db": "unchanged"}


def test_nothing_found_under_retain_leaves_the_secret_and_says_so(
    api: AwsApi, make_rig: MakeRig
) -> None:
    create(api, **{"app/one": "1"})
    rig = make_rig([finder()])
    rig.run()
    drop(api, "app/one")
    (outcome,) = rig.run()
    assert str(outcome.progress) == "unchanged"
    assert outcome.message == "secret retained due to DeletionPolicy=Retain"
    assert rig.secret() == {"app_one": "1"}


def test_nothing_found_makes_no_secret(front: StrictFront, make_rig: MakeRig) -> None:
    rig = make_rig([finder()])
    assert rig.ends() == {"db": "unchanged"}
    assert rig.secret() is None


def test_nothing_found_under_delete_deletes_after_two_looks(
    api: AwsApi, make_rig: MakeRig, clock: FakeClock
) -> None:
    create(api, **{"app/one": "1"})
    rig = make_rig([finder(target={"deletionPolicy": "Delete"})], one_shot=False)
    rig.run()
    drop(api, "app/one")
    assert rig.ends() == {"db": "waiting"}
    assert rig.secret() == {"app_one": "1"}
    clock.advance(61)
    (outcome,) = rig.run()
    assert outcome.reason == "SecretDeleted"
    assert rig.secret() is None


def test_key_that_is_found_no_more_goes_after_two_looks_and_a_new_one_comes_at_once(
    api: AwsApi, make_rig: MakeRig, clock: FakeClock
) -> None:
    create(api, **{"app/one": "1", "app/two": "2"})
    rig = make_rig([finder()], one_shot=False)
    rig.run()
    drop(api, "app/one")
    create(api, **{"app/three": "3"})
    (outcome,) = rig.run()
    assert rig.secret() == {"app_one": "1", "app_two": "2", "app_three": "3"}
    assert outcome.retry_after_s == pytest.approx(60)
    clock.advance(30)
    rig.run()
    assert "app_one" in (rig.secret() or {})
    clock.advance(31)
    rig.run()
    assert rig.secret() == {"app_two": "2", "app_three": "3"}


@pytest.mark.parametrize("found_chars", [64 * 1024, 10], ids=["few", "very-many"])
def test_key_that_is_found_no_more_goes_while_others_rotate(
    api: AwsApi,
    make_rig: MakeRig,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    found_chars: int,
) -> None:
    monkeypatch.setattr(noting, "_FOUND_CHARS", found_chars)
    create(api, **{"app/one": "1", "app/two": "2"})
    rig = make_rig([finder()], one_shot=False)
    rig.run()
    drop(api, "app/one")
    for look in range(3):
        api.put("app/two", f"new-{look}")
        rig.run()
        assert rig.secret() == {"app_one": "1", "app_two": f"new-{look}"}
        clock.advance(20)
    api.put("app/two", "newest")
    rig.run()
    assert rig.secret() == {"app_two": "newest"}


def test_key_of_very_many_that_is_found_no_more_goes_after_two_looks_too(
    api: AwsApi, make_rig: MakeRig, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many that only whether their names are the same is noted beside the Secret."""
    monkeypatch.setattr(noting, "_FOUND_CHARS", 10)
    create(api, **{"app/one": "1", "app/two": "2"})
    rig = make_rig([finder()], one_shot=False)
    rig.run()
    api.put("app/two", "new")
    (outcome,) = rig.run()
    assert outcome.retry_after_s is None, "no name is another one"
    drop(api, "app/one")
    (outcome,) = rig.run()
    assert outcome.retry_after_s == pytest.approx(60)
    assert rig.secret() == {"app_one": "1", "app_two": "new"}
    clock.advance(61)
    rig.run()
    assert rig.secret() == {"app_two": "new"}
    clock.advance(61)
    assert rig.ends() == {"db": "unchanged"}


def test_guard_holds_for_very_many_too(
    api: AwsApi, make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noting, "_FOUND_CHARS", 10)
    create(api, **{"app/one": "1234", "app/two": "2"})
    guarded = replace(finder(), guards=Guards(max_shrink_percent=10))
    rig = make_rig([guarded], one_shot=False)
    rig.run()
    api.put("app/one", "1")
    (outcome,) = rig.run()
    assert outcome.failed
    assert rig.secret() == {"app_one": "1234", "app_two": "2"}


def test_secret_that_is_found_again_in_between_stays(
    api: AwsApi, make_rig: MakeRig, clock: FakeClock
) -> None:
    create(api, **{"app/one": "1", "app/two": "2"})
    rig = make_rig([finder()], one_shot=False)
    rig.run()
    drop(api, "app/one")
    rig.run()
    create(api, **{"app/one": "1"})
    clock.advance(61)
    (outcome,) = rig.run()
    assert outcome.retry_after_s is not None, "it differs from the look before"
    clock.advance(61)
    assert rig.ends() == {"db": "unchanged"}
    assert rig.secret() == {"app_one": "1", "app_two": "2"}


def test_new_version_of_what_is_found_needs_no_second_look(api: AwsApi, make_rig: MakeRig) -> None:
    create(api, **{"app/one": "1", "app/two": "2"})
    rig = make_rig([finder()], one_shot=False)
    rig.run()
    api.put("app/one", "new")
    (outcome,) = rig.run()
    assert outcome.retry_after_s is None
    assert rig.secret() == {"app_one": "new", "app_two": "2"}


def test_versions_of_all_that_was_found_stand_on_the_secret(api: AwsApi, make_rig: MakeRig) -> None:
    create(api, **{"app/one": "1", "app/two": "2"})
    rig = make_rig([finder()])
    rig.run()
    secret = rig.cluster.get(KINDS["Secret"], "web", "db")
    assert secret is not None
    versions = secret["metadata"]["annotations"][VERSIONS_ANNOTATION]
    assert '"SecretStore/aws:listed:app/one":' in versions
    assert '"SecretStore/aws:find(' in versions


def test_optional_key_that_is_missing_is_left_out_and_named(api: AwsApi, make_rig: MakeRig) -> None:
    create(api, one='{"a": "1"}')
    optional = {"emptyResultPolicy": "Ignore"}
    data = [
        item("a", "one", property="a"),
        item("b", "one", property="b", **optional),
        item("c", "two", **optional),
    ]
    rig = make_rig([external_secret({"data": data})])
    (outcome,) = rig.run()
    assert str(outcome.progress) == "applied"
    assert rig.secret() == {"a": "1"}
    assert outcome.condition_message == (
        "secret synced; 2 optional items do not exist: spec.data[1].remoteRef (one (b)), "
        "spec.data[2].remoteRef (two)"
    )
    assert [each.field for each in outcome.missing] == [
        "spec.data[1].remoteRef",
        "spec.data[2].remoteRef",
    ]


def test_optional_property_of_what_is_cut_off_is_an_error(api: AwsApi, make_rig: MakeRig) -> None:
    create(api, one='{"a": "1", "b": "2"}')
    data = [item("b", "one", property="b", emptyResultPolicy="Ignore")]
    rig = make_rig([external_secret({"data": data})])
    rig.run()
    api.put("one", '{"a": "1", "b')
    (outcome,) = rig.run()
    assert outcome.failed
    assert rig.secret() == {"b": "2"}


def test_optional_key_that_goes_takes_its_value_along_after_two_looks(
    api: AwsApi, make_rig: MakeRig, clock: FakeClock
) -> None:
    create(api, one="1", two="2")
    data = [item("a", "one"), item("b", "two", emptyResultPolicy="Ignore")]
    rig = make_rig([external_secret({"data": data})], one_shot=False)
    rig.run()
    drop(api, "two")
    rig.run()
    assert rig.secret() == {"a": "1", "b": "2"}
    clock.advance(61)
    rig.run()
    assert rig.secret() == {"a": "1"}


def test_denied_optional_key_is_an_error(
    front: StrictFront, api: AwsApi, make_rig: MakeRig
) -> None:
    create(api, one="1", two="2")
    data = [item("a", "one"), item("b", "two", emptyResultPolicy="Ignore")]
    rig = make_rig([external_secret({"data": data})])
    front.denied = {"two"}
    (outcome,) = rig.run()
    assert outcome.failed
    assert rig.secret() is None


def test_everything_optional_and_missing_leaves_the_secret(api: AwsApi, make_rig: MakeRig) -> None:
    create(api, one="1")
    data = [item("a", "one", emptyResultPolicy="Ignore")]
    rig = make_rig([external_secret({"data": data})])
    rig.run()
    drop(api, "one")
    (outcome,) = rig.run()
    assert outcome.condition_message.startswith("secret retained due to DeletionPolicy=Retain; 1")
    assert rig.secret() == {"a": "1"}


def test_annotation_that_somebody_broke_is_as_good_as_none(clock: FakeClock) -> None:
    narrowing = Narrowing(clock, one_shot=False)
    assert narrowing.wait_s(finder(), {}, None) is None
