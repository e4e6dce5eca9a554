"""Values of Google Cloud Secret Manager: versions, states, checksums, and what is no value."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading

import grpc
import pytest

from providers.base import (
    AccessDenied,
    InvalidRef,
    MalformedSecret,
    RateLimited,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from providers.gcp.calls import Calls
from providers.gcp.channel import open_client
from providers.gcp.checksum import crc32c
from providers.gcp.errors import UnreadableVersion
from providers.gcp.ids import number_of, place_of
from providers.gcp.login import plan_login
from providers.gcp.secret_manager import GcpSecretManager
from providers.gcp.tokens import TokenSource
from tests.support.gcp import key_auth, key_credentials
from tests.support.gcp_account import PROJECT, State


def read(provider, key, version=""):
    [answer] = provider.fetch([SecretRef(key, version)]).values()
    return answer


def text(answer):
    assert isinstance(answer, SecretValue), answer
    return answer.value.reveal().decode(), number_of(answer.version)


def state_of(server, key, number, state):
    stored = server.account.secret(f"projects/{PROJECT}/secrets/{key}")
    stored.versions[number - 1].state = state


@pytest.fixture
def three(server):
    """A secret with three versions; `good` is an alias of the second."""
    for number in (1, 2, 3):
        name = server.account.put("app", f"value {number}")
    server.account.secret(name).aliases["good"] = 2
    return "app"


@pytest.mark.parametrize(
    ("version", "expected", "operations"),
    [
        pytest.param("", "3", ["GetSecretVersion", "AccessSecretVersion"], id="default"),
        pytest.param("latest", "3", ["GetSecretVersion", "AccessSecretVersion"], id="latest"),
        pytest.param("good", "2", ["GetSecretVersion", "AccessSecretVersion"], id="alias"),
        pytest.param("1", "1", ["GetSecretVersion", "AccessSecretVersion"], id="number"),
    ],
)
def test_a_version_is_read_by_its_number(server, open_gcp, three, version, expected, operations):
    provider = open_gcp()
    assert text(read(provider, three, version)) == (f"value {expected}", expected)
    assert [operation for operation, _ in server.calls] == operations
    assert server.calls[-1][1].endswith(f"/secrets/app/versions/{expected}")


def test_an_identity_without_metadata_reads_by_alias(server, open_gcp, three):
    server.account.accessor_only = True
    provider = open_gcp()
    assert text(read(provider, three)) == ("value 3", "3")
    assert text(read(provider, three)) == ("value 3", "3")
    # The second read does not ask again for what was denied.
    assert server.count("GetSecretVersion") == 1


def test_an_identity_that_sees_no_metadata_of_many_is_not_asked_for_more(server, open_gcp):
    server.account.accessor_only = True
    for number in range(12):
        server.account.put(f"key-{number}", "value")
    open_gcp().fetch([SecretRef(f"key-{number}") for number in range(12)])
    assert server.count("AccessSecretVersion") == 12
    assert server.count("GetSecretVersion") == 5


def test_regional_secrets_are_apart_from_global_ones(server, open_gcp):
    server.account.put("app", "global")
    server.account.put("app", "regional", location="europe-west3")
    assert text(read(open_gcp(), "app"))[0] == "global"
    assert text(read(open_gcp(location="europe-west3"), "app"))[0] == "regional"
    assert isinstance(read(open_gcp(location="europe-west1"), "app"), SecretNotFound)


@pytest.mark.parametrize(
    ("location", "endpoint"),
    [
        ("", "secretmanager.googleapis.com"),
        ("europe-west3", "secretmanager.europe-west3.rep.googleapis.com"),
    ],
)
def test_the_endpoint_follows_the_location(location, endpoint):
    assert place_of(PROJECT, location).endpoint == endpoint


@pytest.mark.parametrize("accessor_only", [False, True])
@pytest.mark.parametrize("state", [State.DISABLED, State.DESTROYED])
def test_a_disabled_or_destroyed_latest_is_told_apart_and_no_absence(
    server, open_gcp, three, state, accessor_only
):
    server.account.accessor_only = accessor_only
    state_of(server, three, 3, state)
    answer = read(open_gcp(), three)
    assert isinstance(answer, UnreadableVersion)
    assert state.name.lower() in answer.message
    assert "LatestOrFetch" in answer.remedy


@pytest.mark.parametrize("state", [State.DISABLED, State.DESTROYED])
def test_latest_or_fetch_takes_the_latest_enabled_version(server, open_gcp, three, state):
    state_of(server, three, 3, state)
    provider = open_gcp(secret_version_selection_policy="LatestOrFetch")
    assert text(read(provider, three)) == ("value 2", "2")
    assert isinstance(read(provider, three, "latest"), UnreadableVersion)
    assert isinstance(read(provider, three, "3"), UnreadableVersion)
    known = {SecretRef(three): server.account.version_id(three, 2)}
    assert provider.changes(None, known).unchanged == known.keys()


def test_latest_or_fetch_with_no_enabled_version_says_what_is_wrong(server, open_gcp, three):
    for number in (1, 2, 3):
        state_of(server, three, number, State.DESTROYED)
    answer = read(open_gcp(secret_version_selection_policy="LatestOrFetch"), three)
    assert isinstance(answer, UnreadableVersion)


@pytest.mark.parametrize("accessor_only", [False, True])
def test_a_late_latest_is_never_gone_back_to(server, open_gcp, three, accessor_only):
    server.account.accessor_only = accessor_only
    provider = open_gcp()
    assert text(read(provider, three))[1] == "3"
    server.account.latest_lag_s = 300
    assert text(read(provider, three)) == ("value 3", "3")
    server.account.put(three, "value 4")
    assert text(read(provider, three))[1] == "3"
    assert text(read(provider, three, "4")) == ("value 4", "4")


@pytest.mark.parametrize("accessor_only", [False, True])
def test_a_secret_made_anew_is_read_from_its_first_version(server, open_gcp, three, accessor_only):
    server.account.accessor_only = accessor_only
    provider = open_gcp()
    read(provider, three)
    server.account.delete(f"projects/{PROJECT}/secrets/{three}")
    server.account.put(three, "anew")
    assert text(read(provider, three)) == ("anew", "1")


@pytest.mark.parametrize("accessor_only", [False, True])
def test_the_first_version_of_a_secret_made_anew_has_another_id(server, open_gcp, accessor_only):
    """As Terraform replaces secrets: number 1 before, and number 1 after."""
    server.account.accessor_only = accessor_only
    name = server.account.put("app", "before")
    provider, ref = open_gcp(), SecretRef("app")
    before = read(provider, "app")
    known = {ref: before.version}
    mark = provider.changes(None, known).watermark
    server.account.delete(name)
    server.pass_time(5)
    server.account.put("app", "after")
    found = provider.changes(mark, known)
    assert ref in (found.unknown if accessor_only else found.changed)
    after = read(provider, "app")
    assert text(after) == ("after", "1")
    assert after.version != before.version
    assert read(provider, "app").version == after.version


def test_the_id_of_a_version_reads_that_version(server, open_gcp, three):
    provider = open_gcp()
    pinned = read(provider, three, "2").version
    assert text(read(provider, three, pinned)) == ("value 2", "2")


def test_a_digest_in_an_id_tells_nothing_of_the_value(server, open_gcp):
    server.account.accessor_only = True
    for key in ("one", "two"):
        server.account.put(key, "same")
    ids = {read(open_gcp(), key).version for key in ("one", "one", "two")}
    # Comparable within a process, and made with a key that no other one has.
    assert len(ids) == 1
    assert hashlib.blake2b(b"same").hexdigest()[:8] not in ids.pop()


def test_only_a_missing_secret_is_definitely_absent(server, open_gcp, three):
    provider = open_gcp()
    assert read(provider, "nowhere").definite
    missing = read(provider, three, "9")
    assert isinstance(missing, SecretNotFound)
    assert not missing.definite
    server.account.create(f"projects/{PROJECT}", "empty", _automatic())
    empty = read(provider, "empty")
    assert isinstance(empty, SecretNotFound)
    assert not empty.definite


def test_absence_that_an_identity_cannot_be_sure_of_is_not_definite(server, open_gcp):
    server.account.accessor_only = True
    answer = read(open_gcp(), "nowhere")
    assert isinstance(answer, SecretNotFound)
    assert not answer.definite
    assert "secretmanager.secrets.get" in answer.remedy


def test_what_is_denied_or_does_not_exist_is_denied(server, open_gcp, three):
    server.account.absence_hidden = True
    provider = open_gcp()
    answer = read(provider, "nowhere")
    assert isinstance(answer, AccessDenied)
    assert "does not exist" in answer.message
    assert "secretmanager.versions.access" in answer.remedy
    assert text(read(provider, three))[1] == "3"


def test_a_wrong_checksum_is_refused(server, open_gcp, three):
    stored = server.account.secret(f"projects/{PROJECT}/secrets/{three}")
    stored.versions[2].crc = crc32c(b"something else")
    answer = read(open_gcp(), three)
    assert isinstance(answer, MalformedSecret)
    assert "checksum" in answer.message


def test_an_answer_for_another_secret_is_refused(server, open_gcp, three):
    name = server.account.put("other", "value of another")
    wrong = server._AccessSecretVersion(_named(f"{name}/versions/1"))
    server.inject(lambda *_: type(wrong).serialize(wrong), "AccessSecretVersion")
    assert isinstance(read(open_gcp(), three), MalformedSecret)


def test_half_an_answer_is_no_value(server, open_gcp, three):
    server.inject(lambda *_: b"", "AccessSecretVersion")
    assert isinstance(read(open_gcp(), three), Unavailable)


def test_an_answer_that_is_too_large_is_refused(server, open_gcp, three):
    server.pad(9 * 1024 * 1024, "AccessSecretVersion")
    answer = read(open_gcp(), three)
    assert isinstance(answer, MalformedSecret)
    assert not isinstance(answer, RateLimited)


def test_a_payload_beyond_what_google_stores_is_refused(server, open_gcp, three):
    stored = server.account.secret(f"projects/{PROJECT}/secrets/{three}")
    stored.versions[2].data = bytes(64 * 1024 + 1)
    assert isinstance(read(open_gcp(), three), MalformedSecret)


def test_a_call_without_an_answer_ends_at_its_deadline(server, environment, three):
    place = place_of(PROJECT, "")
    config = type("Config", (), {"auth": key_auth(), "project_id": PROJECT})()
    bearer = TokenSource(plan_login(config, key_credentials()), observe=lambda *_: None)
    client, channel = open_client(place)
    calls = Calls(bearer, lambda *_: None, deadline_s=0.2)
    provider = GcpSecretManager(
        client, calls, place=place, fetch_enabled=False, release=channel.close
    )
    server.hang("AccessSecretVersion")
    answer = read(provider, three, "3")
    provider.close()
    bearer.close()
    assert isinstance(answer, Unavailable)
    assert "DEADLINE_EXCEEDED" in answer.message


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INTERNAL, Unavailable),
        (grpc.StatusCode.UNKNOWN, Unavailable),
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.UNIMPLEMENTED, Unavailable),
        (grpc.StatusCode.ABORTED, Unavailable),
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidRef),
        (grpc.StatusCode.DATA_LOSS, MalformedSecret),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, RateLimited),
    ],
)
def test_every_status_says_what_to_do_and_shows_nothing(server, open_gcp, three, code, kind):
    server.fail(code=code)
    answer = read(open_gcp(), three, "3")
    assert type(answer) is kind
    # The server's text quotes the value.
    assert "value 3" not in f"{answer}{answer.remedy}{answer!r}"


def test_throttling_without_a_hint_has_none(server, open_gcp, three):
    server.throttle(None)
    assert read(open_gcp(), three, "3").retry_after_s is None


def test_a_disabled_api_is_said_so(server, open_gcp, three):
    server.account.service_disabled = True
    provider = open_gcp()
    answer = read(provider, three)
    assert isinstance(answer, AccessDenied)
    assert "enable secretmanager.googleapis.com" in answer.remedy
    with pytest.raises(AccessDenied):
        provider.check([])


HOSTILE = [
    "../../other/secrets/app",
    "app/versions/1",
    "%2e%2e%2fapp",
    "//app",
    "app\x00",
    "app\n",
    "a" * 4096,
    "app:access",
    "projects/other/secrets/app",
    "",
    "apп",
]


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_reaches_nothing(server, open_gcp, three, key):
    provider = open_gcp()
    [answer] = provider.fetch([SecretRef(key)]).values()
    assert isinstance(answer, InvalidRef)
    [answer] = provider.fetch([SecretRef(key, metadata=True)]).values()
    assert isinstance(answer, InvalidRef)
    assert provider.changes(None, {SecretRef(key): "1"}).unknown == {SecretRef(key)}
    assert server.calls == []


@pytest.mark.parametrize(
    "version", ["1/../2", "0", "-1", "latest\n", "a" * 64, "1:access", "\uff11"]
)
def test_a_hostile_version_reaches_nothing(server, open_gcp, three, version):
    assert isinstance(read(open_gcp(), three, version), InvalidRef)
    assert server.calls == []


@pytest.mark.parametrize(
    ("project", "location"),
    [
        ("../x", ""),
        ("", ""),
        ("a/b", ""),
        ("web", "evil.example.com"),
        ("web", "x/y"),
        ("web", "europe-west3@evil"),
    ],
)
def test_a_hostile_project_or_location_opens_nothing(open_gcp, project, location):
    with pytest.raises(InvalidRef):
        open_gcp(project_id=project, location=location)


def test_metadata_is_one_object_in_the_bytes_of_eso(server, open_gcp):
    name = server.account.put("app", "value", team="red")
    server.account.secret(name).resource.annotations = {"note": "a<b"}
    ref = SecretRef("app", metadata=True)
    [answer] = open_gcp().fetch([ref]).values()
    expected = b'{"annotations":{"note":"a\\u003cb"},"labels":{"team":"red"}}'
    assert answer.value.reveal() == expected
    assert server.count("AccessSecretVersion") == 0


def test_metadata_of_a_bare_secret_has_both_members(server, open_gcp):
    server.account.put("app", "value")
    [answer] = open_gcp().fetch([SecretRef("app", metadata=True)]).values()
    assert answer.value.reveal() == b'{"annotations":{},"labels":{}}'


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_crc32c_gives_the_published_values(data, checksum):
    assert crc32c(data) == checksum


@pytest.mark.parametrize("size", [*range(508, 522), 1023, 1024, 1025, 5001, 65_535, 65_536])
def test_crc32c_of_much_is_that_of_its_bits(size):
    data = bytes(number * number % 251 for number in range(size))
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(data) == crc ^ 0xFFFFFFFF


def test_sessions_do_not_wait_for_each_other(server, open_gcp, three):
    waiting, others = open_gcp(), open_gcp()
    assert text(read(waiting, three, "1"))
    started, seen = threading.Event(), []

    def fault(operation, context, answer):
        if server.calls[-1][1].endswith("/2"):
            started.set()
            server._released.wait(120)
        return answer

    server.inject(fault, "AccessSecretVersion")
    thread = threading.Thread(target=lambda: seen.append(read(waiting, three, "2")))
    thread.start()
    assert started.wait(60)
    assert text(read(others, three, "1")) == ("value 1", "1")
    assert text(read(waiting, three, "1")) == ("value 1", "1")
    server._released.set()
    thread.join()
    assert text(seen[0]) == ("value 2", "2")


def _named(name):
    from google.cloud.secretmanager_v1.types import AccessSecretVersionRequest

    return AccessSecretVersionRequest(name=name)


def _automatic():
    from google.cloud.secretmanager_v1.types import Secret

    return Secret(replication={"automatic": {}})


def test_the_page_of_a_proxy_is_no_answer(server, open_gcp, three, environment):
    page = b"HTTP/1.1 404 Not Found\r\nContent-Length: 22\r\n\r\n<html>not here</html>\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.sendall(page)

        thread = threading.Thread(target=serve)
        thread.start()
        environment.setenv(
            "GCP_SECRETMANAGER_ENDPOINT", f"http://127.0.0.1:{listener.getsockname()[1]}"
        )
        provider = open_gcp()
        answer = read(provider, three)
        provider.close()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert type(answer) is Unavailable
