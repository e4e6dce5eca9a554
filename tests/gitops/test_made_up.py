"""What a chart makes up is found by rendering twice, and made once."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

from secretsync.gitops.model import ObjectKey
from secretsync.gitops.render.made_up import kept_as_live, made_up_fields


def secret(**texts: str) -> dict[str, Any]:
    metadata = {"name": "db", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": texts}


def deployment(checksum: str, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"annotations": {"checksum/secret": checksum}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"template": template, **spec},
    }


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def live_secret(**texts: str) -> dict[str, Any]:
    made = {**secret(), "data": {name: encoded(text) for name, text in texts.items()}}
    del made["stringData"]
    return made


def test_fields_that_differ_between_two_renders_are_made_up() -> None:
    first = [secret(password="a", user="web"), deployment("1", replicas=2)]
    second = [secret(password="b", user="web"), deployment("2", replicas=2)]
    assert made_up_fields(first, second) == {
        ObjectKey("", "Secret", "shop", "db"): (("data", "password"),),
        ObjectKey("apps", "Deployment", "shop", "db"): (
            ("spec", "template", "metadata", "annotations", "checksum/secret"),
        ),
    }


def test_renders_that_are_equal_make_nothing_up() -> None:
    objects = [secret(password="a"), deployment("1")]
    assert made_up_fields(objects, copy.deepcopy(objects)) == {}


def test_object_whose_name_is_made_up_has_no_field_to_keep() -> None:
    other = copy.deepcopy(secret(a="1"))
    other["metadata"]["name"] = "db-2"
    fields = made_up_fields([secret(a="1")], [other])
    assert fields == {ObjectKey.of(secret()): (), ObjectKey.of(other): ()}
    assert kept_as_live([other], fields, lambda _: live_secret(a="0")) == [other]


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (live_secret(password="old"), {"password": "old", "user": "web"}),
        (live_secret(password="old", user="other"), {"password": "old", "user": "web"}),
        (live_secret(user="web"), {"password": "new", "user": "web"}),
        (None, None),
    ],
)
def test_made_up_value_stays_as_it_is_live_and_all_else_is_as_rendered(
    live: dict[str, Any] | None, expected: dict[str, str] | None
) -> None:
    made = secret(password="new", user="web")
    fields = made_up_fields([made], [secret(password="newer", user="web")])
    (kept,) = kept_as_live([made], fields, lambda _: live)
    if expected is None:
        assert kept == made
    else:
        assert kept["data"] == {name: encoded(text) for name, text in expected.items()}
        assert "stringData" not in kept


def test_made_up_field_in_a_list_is_kept_at_its_place() -> None:
    def job(token: str, image: str) -> dict[str, Any]:
        spec = {"args": ["--token", token], "image": image}
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": spec}

    fields = made_up_fields([job("a", "1")], [job("b", "1")])
    (kept,) = kept_as_live([job("c", "2")], fields, lambda _: job("a", "1"))
    assert kept["spec"] == {"args": ["--token", "a"], "image": "2"}
