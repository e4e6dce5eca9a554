"""What seals well and no API server takes: both controllers say so and make nothing."""

from __future__ import annotations

import base64
import http
from datetime import UTC, datetime

import pytest

from sealing import seal_secret
from tests.interop.cases import MEGABYTE
from tests.support.kube_admin import KubeRequestError
from tests.support.sealed_objects import data_of


@pytest.fixture(params=["theirs", "ours"])
def side(request):
    """Whose controller it is."""
    return request.param


@pytest.fixture
def objects(side, request, peer):
    """The SealedSecrets of that controller."""
    return peer.objects if side == "theirs" else request.getfixturevalue("ours").objects


def sealed(name, data, objects, peer):
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    secret = {"metadata": {"name": name, "namespace": objects.namespace}, "data": encoded}
    return seal_secret(secret, peer.certificate, now=datetime.now(UTC))


TOO_LONG = {"theirs": "data: Too long", "ours": "data (FieldValueTooLong)"}
NO_KEY = {"theirs": "a valid config key must consist of", "ours": "the key is not valid"}


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        pytest.param("over", {"k": MEGABYTE + b"x"}, TOO_LONG, id="a byte over 1 MiB"),
        pytest.param("two", {"k": MEGABYTE, "l": b"x"}, TOO_LONG, id="1 MiB and another key"),
        pytest.param("letters", {"ключ": b"x"}, NO_KEY, id="key of letters"),
    ],
)
def test_secret_that_the_api_server_refuses_is_not_made_and_the_cause_is_told(
    name, data, words, side, objects, peer
):
    assert words[side] in objects.refused(sealed(name, data, objects, peer))
    # Ours sees a key that no Secret can have before it opens anything.
    early = side == "ours" and words is NO_KEY
    objects.wait_event(name, "Warning", "ErrUnsealFailed" if early else "ErrUpdateFailed")


def test_good_secret_stays_when_its_successor_is_refused(objects, peer):
    objects.unsealed(sealed("succeeded", {"k": b"good"}, objects, peer))
    objects.put(sealed("succeeded", {"k": MEGABYTE + b"x"}, objects, peer))
    objects.wait_condition("succeeded", "False")
    assert data_of(objects.secret("succeeded") or {}) == {"k": b"good"}


def test_sealed_secret_beyond_the_servers_own_limit_is_refused_at_once(objects, peer):
    """Base64 of the sealed value is a third longer; etcd takes one and a half MiB."""
    with pytest.raises(KubeRequestError) as refused:
        objects.put(sealed("beyond", {"k": MEGABYTE + bytes(200_000)}, objects, peer))
    too_large = http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert refused.value.status in (too_large, http.HTTPStatus.INTERNAL_SERVER_ERROR)
    assert objects.get("beyond") is None
