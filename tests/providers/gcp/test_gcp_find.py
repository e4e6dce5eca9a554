"""`dataFrom.find` at Google: filters, pages, places, and lists that go wrong."""

from __future__ import annotations

import re

import pytest

from providers.base import AccessDenied, FindQuery, SecretRef, Unavailable
from providers.gcp.finding import filter_of
from tests.support.gcp_account import PROJECT


def query(path="", regexp="", **tags):
    return FindQuery(path, regexp, tuple(sorted(tags.items())), re.compile(regexp).search)


def names(provider, asked):
    return [one.name for one in provider.find(asked)]


@pytest.fixture
def labelled(server):
    server.account.put("app-db", "1", team="red", env="prod")
    server.account.put("app-web", "2", team="red", env="dev")
    server.account.put("my-app-db", "3", team="blue")
    server.account.put("app-db", "regional", location="europe-west3", team="red")


@pytest.mark.parametrize(
    ("asked", "expected", "sent"),
    [
        pytest.param(query(), ["app-db", "app-web", "my-app-db"], "", id="all"),
        pytest.param(query("app"), ["app-db", "app-web"], "name:app", id="path"),
        pytest.param(query(regexp="db$"), ["app-db", "my-app-db"], "", id="name"),
        pytest.param(query("app", "db$"), ["app-db"], "name:app", id="path-and-name"),
        pytest.param(query(team="red"), ["app-db", "app-web"], "labels.team=red", id="tag"),
        pytest.param(
            query("app", team="red", env="dev"),
            ["app-web"],
            "labels.env=dev AND labels.team=red AND name:app",
            id="tags-and-path",
        ),
        pytest.param(query(team="red OR name:app"), [], "", id="hostile-value"),
        pytest.param(query(**{"team=red OR labels.env": "prod"}), [], "", id="hostile-name"),
        pytest.param(query("app OR name:my"), [], "", id="hostile-path"),
        pytest.param(query("OR"), [], "", id="reserved"),
        pytest.param(query("../"), [], "", id="climbing-path"),
    ],
)
def test_find_takes_what_matches_and_sends_no_more_than_words(
    server, open_gcp, labelled, asked, expected, sent
):
    assert filter_of(asked) == sent
    assert names(open_gcp(), asked) == expected
    assert server.count("AccessSecretVersion") == 0


def test_tags_find_regional_secrets_in_their_location_alone(server, open_gcp, labelled):
    provider = open_gcp(location="europe-west3")
    [one] = provider.find(query(team="red"))
    assert one.ref == SecretRef("app-db", listed=True)
    assert server.calls[-1] == ("ListSecrets", f"projects/{PROJECT}/locations/europe-west3")
    assert provider.fetch([one.ref])[one.ref].value.reveal() == b"regional"


def test_find_reads_all_pages(server, open_gcp):
    for number in range(601):
        server.account.put(f"key-{number:03}", "value")
    assert names(open_gcp(), query()) == [f"key-{number:03}" for number in range(601)]
    assert server.count("ListSecrets") == 3


def test_a_list_that_does_not_end_is_no_list(server, open_gcp, labelled):
    answer = server._ListSecrets(_request())
    answer.next_page_token = "again"
    server.inject(lambda *_: type(answer).serialize(answer), "ListSecrets")
    with pytest.raises(Unavailable):
        open_gcp().find(query())
    assert server.count("ListSecrets") == 2


def test_find_without_permission_says_which(server, open_gcp, labelled):
    server.account.accessor_only = True
    with pytest.raises(AccessDenied) as caught:
        open_gcp().find(query())
    assert "secretmanager.secrets.list" in caught.value.remedy


def _request():
    from google.cloud.secretmanager_v1.types import ListSecretsRequest

    return ListSecretsRequest(parent=f"projects/{PROJECT}")
