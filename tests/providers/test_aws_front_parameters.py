"""The strict front refuses what Parameter Store refuses, and moto would take."""

from __future__ import annotations

import pytest


@pytest.fixture
def refused(ssm):
    """Send an operation that must be refused."""

    def send(operation: str, **params) -> str:
        with pytest.raises(AssertionError) as caught:
            ssm.call(operation, **params)
        return str(caught.value)

    return send


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("GetParameters", {"Names": [f"/a/{number}" for number in range(11)]}),
        ("GetParameters", {"Names": ["/a", "/a"]}),
        ("GetParameters", {"Names": ["/a", "/b c"]}),
        ("GetParameter", {"Name": "/a//b"}),
        ("GetParametersByPath", {"Path": "/", "MaxResults": 11}),
        ("GetParametersByPath", {"Path": "a"}),
        ("DescribeParameters", {"MaxResults": 51}),
        (
            "DescribeParameters",
            {"ParameterFilters": [{"Key": "Name", "Values": [f"/{n}" for n in range(51)]}]},
        ),
        ("DescribeParameters", {"ParameterFilters": [{"Key": "tag:a", "Values": [""]}]}),
        ("PutParameter", {"Name": "a/b", "Value": "v", "Type": "String"}),
        ("PutParameter", {"Name": "/a" * 17, "Value": "v", "Type": "String"}),
        ("PutParameter", {"Name": "/a", "Value": "v" * 4097, "Type": "String"}),
    ],
)
def test_limits_of_parameter_store_are_kept(refused, operation, params):
    assert "ValidationException" in refused(operation, **params)


def test_deleted_name_is_free_after_half_a_minute(ssm, refused, clock):
    ssm.put_parameter("/a", "v")
    ssm.call("DeleteParameter", Name="/a")
    again = {"Name": "/a", "Value": "v", "Type": "String"}
    assert "30 seconds" in refused("PutParameter", **again)
    clock(31)
    assert ssm.put_parameter("/a", "v") == 1


def test_one_denied_name_denies_the_call(front, ssm, refused):
    ssm.put_parameter("/a", "v")
    front.denied.add("/b")
    assert "AccessDeniedException" in refused("GetParameters", Names=["/a", "/b"])


def test_selector_is_part_of_the_reply(ssm):
    ssm.put_parameter("/a", "one")
    ssm.put_parameter("/a", "two")
    reply = ssm.call("GetParameters", Names=["/a", "/a:1"])
    assert {one.get("Selector", ""): one["Value"] for one in reply["Parameters"]} == {
        "": "kms:alias/aws/ssm:two",
        ":1": "kms:alias/aws/ssm:one",
    }
