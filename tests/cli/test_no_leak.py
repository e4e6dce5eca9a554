"""A canary value through every failure: in no stream, and in no file but the Secrets' data."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.kit import external_secret, store, write
from tests.cli.leaks import CANARY, assert_not_in_files, assert_not_in_output
from tests.support.aws import AwsApi
from tests.support.aws_faults import answering, aws_error, not_json, rewriting, truncated
from tests.support.aws_front import StrictFront

SECRETS = Path("shop/secrets")


@dataclass(frozen=True, slots=True)
class Scene:
    """What a failure is arranged with."""

    api: AwsApi
    front: StrictFront
    manifests: Path
    out: Path
    sync: Callable[[], object]

    def want(self, value: str | bytes = CANARY, **spec: object) -> None:
        """Put a value upstream, and an ExternalSecret `a` that reads it into PATH."""
        self.api.create("app/a", value)
        write(self.manifests / "a.yaml", external_secret("a", **spec))

    def given(self, name: str, text: str) -> Path:
        """Put a file of one's own into PATH."""
        return write(self.manifests / name, text)


def denied(scene: Scene) -> None:
    scene.want()
    scene.sync()
    scene.front.denied.add("app/a")


def outage_that_quotes(scene: Scene) -> None:
    scene.want()
    reply = aws_error("InternalServiceError", f"broke on {CANARY}", status=500)
    scene.front.inject(answering(reply))


def denial_that_quotes(scene: Scene) -> None:
    scene.want()
    scene.front.inject(answering(aws_error("AccessDeniedException", f"no {CANARY} for you")))


def portal(scene: Scene) -> None:
    scene.want()
    scene.front.inject(not_json(f"<html>{CANARY}</html>".encode()))


def cut(scene: Scene) -> None:
    scene.want()
    scene.front.inject(truncated())


def other_secret(scene: Scene) -> None:
    scene.want()
    scene.front.inject(rewriting(lambda fields: fields.update(SecretString=[CANARY])))


def malformed_json(scene: Scene) -> None:
    scene.want(f'{{"password": "{CANARY}', dataFrom=[{"extract": {"key": "app/a"}}])


def no_object(scene: Scene) -> None:
    scene.want(json.dumps([CANARY]), dataFrom=[{"extract": {"key": "app/a"}}])


def bad_key(scene: Scene) -> None:
    scene.want(json.dumps({"..": CANARY}), dataFrom=[{"extract": {"key": "app/a"}}])


def missing_property(scene: Scene) -> None:
    remote = {"key": "app/a", "property": "nope"}
    scene.want(json.dumps({"p": CANARY}), data=[{"secretKey": "v", "remoteRef": remote}])


def bad_base64(scene: Scene) -> None:
    remote = {"key": "app/a", "decodingStrategy": "Base64"}
    scene.want(CANARY, data=[{"secretKey": "v", "remoteRef": remote}])


def null_byte(scene: Scene) -> None:
    remote = {"key": "app/a", "nullBytePolicy": "Fail"}
    scene.want(f"{CANARY}\0".encode(), data=[{"secretKey": "v", "remoteRef": remote}])


def blanked(scene: Scene) -> None:
    scene.want()
    scene.sync()
    scene.api.put("app/a", "{}")


def shrunk(scene: Scene) -> None:
    scene.want(f"{CANARY}{CANARY}", annotations={"secretsync.io/max-shrink-percent": "25"})
    scene.sync()
    scene.api.put("app/a", CANARY)


def lacking(scene: Scene) -> None:
    whole = json.dumps({"user": "u", "pass": CANARY})
    guard = {"secretsync.io/require-keys": "user,pass"}
    scene.want(whole, dataFrom=[{"extract": {"key": "app/a"}}], annotations=guard)
    scene.sync()
    scene.api.put("app/a", json.dumps({"user": CANARY}))


def undecryptable(scene: Scene) -> None:
    scene.want()
    scene.sync()
    reply = aws_error("DecryptionFailure", f"the key of {CANARY} is disabled")
    scene.front.inject(answering(reply))


def going_away(scene: Scene) -> None:
    scene.want()
    scene.sync()
    scene.api.call("DeleteSecret", SecretId="app/a", RecoveryWindowInDays=7)


def immutable(scene: Scene) -> None:
    scene.want(target={"immutable": True})
    scene.sync()
    scene.api.put("app/a", f"{CANARY} rotated")


def other_type(scene: Scene) -> None:
    scene.want()
    scene.sync()
    target = {"template": {"type": "example.com/other"}}
    write(scene.manifests / "a.yaml", external_secret("a", target=target))


def not_docker_json(scene: Scene) -> None:
    target = {"template": {"type": "kubernetes.io/dockerconfigjson"}}
    read = {"secretKey": ".dockerconfigjson", "remoteRef": {"key": "app/a"}}
    scene.want(data=[read], target=target)


def no_room(scene: Scene) -> None:
    scene.want()
    write(scene.out / SECRETS, "a file where the folder goes")


def folder_as_target(scene: Scene) -> None:
    scene.want()
    (scene.out / SECRETS / "a.yaml").mkdir(parents=True)


def foreign(scene: Scene) -> list[Path]:
    scene.want()
    secret = {"apiVersion": "v1", "kind": "Secret", "stringData": {"value": CANARY}}
    return [write(scene.out / SECRETS / "a.yaml", secret)]


def broken_target(scene: Scene) -> list[Path]:
    scene.want()
    return [write(scene.out / SECRETS / "a.yaml", f"data: [{CANARY}")]


def readable_target(scene: Scene) -> None:
    scene.want()
    scene.sync()
    (scene.out / SECRETS / "a.yaml").chmod(0o644)


def rejected_credentials(scene: Scene) -> None:
    refs = {
        f"{name}SecretRef": {"name": "keys", "key": name, "namespace": "shop"}
        for name in ("accessKeyID", "secretAccessKey")
    }
    keys = {"accessKeyID": "AKIAREJECTED", "secretAccessKey": CANARY}
    secret = {"apiVersion": "v1", "kind": "Secret", "stringData": keys}
    secret["metadata"] = {"name": "keys", "namespace": "shop"}
    scene.want("value")
    write(scene.manifests / "store.yaml", store(aws={"auth": {"secretRef": refs}}))
    write(scene.manifests / "keys.yaml", secret)
    scene.front.rejected_keys.add("AKIAREJECTED")


SECRET_HEAD = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\n"


def manifest(text: str) -> Callable[[Scene], None]:
    """Return a scene of one bad Secret manifest beside a good ExternalSecret."""

    def arrange(scene: Scene) -> None:
        scene.want()
        scene.given("secret.yaml", text)

    return arrange


FAILURES = [
    pytest.param(denied, "app/a", id="denied"),
    pytest.param(outage_that_quotes, "error: could not get secret data", id="outage"),
    pytest.param(denial_that_quotes, "error: could not get secret data", id="denial with text"),
    pytest.param(portal, "error: could not get secret data", id="not AWS"),
    pytest.param(cut, "error: could not get secret data", id="cut reply"),
    pytest.param(other_secret, "error: could not get secret data", id="reply of another shape"),
    pytest.param(malformed_json, "unable to unmarshal secret", id="malformed JSON"),
    pytest.param(no_object, "unable to unmarshal secret", id="JSON list"),
    pytest.param(bad_key, "error: could not get secret data", id="key Kubernetes refuses"),
    pytest.param(missing_property, "key nope does not exist in secret app/a", id="no property"),
    pytest.param(bad_base64, "the value of key v is not valid Base64", id="bad base64"),
    pytest.param(null_byte, "contains a null byte", id="null byte"),
    pytest.param(blanked, "an empty value would replace a good one", id="blanked"),
    pytest.param(shrunk, "the value of key value would shrink by more than 25 %", id="shrunk"),
    pytest.param(lacking, "no value for the required key pass", id="lacking"),
    pytest.param(undecryptable, "AWS cannot use the KMS key", id="undecryptable"),
    pytest.param(going_away, "aws secretsmanager restore-secret", id="going away"),
    pytest.param(immutable, "target is immutable", id="immutable"),
    pytest.param(other_type, "the type of an existing Secret cannot change", id="type"),
    pytest.param(foreign, "was not made by this ExternalSecret", id="foreign"),
    pytest.param(broken_target, "not valid YAML", id="broken target"),
    pytest.param(folder_as_target, "is not a regular file", id="folder as target"),
    pytest.param(readable_target, "group or others may read", id="readable target"),
    pytest.param(rejected_credentials, "does not accept the credentials", id="credentials"),
    pytest.param(
        manifest(f"{SECRET_HEAD}data: {{k: '{CANARY}!'}}"), "not base64", id="Secret data"
    ),
    pytest.param(manifest(f"{SECRET_HEAD}data: [{CANARY}]"), "found a list", id="Secret list"),
    pytest.param(manifest(f"{SECRET_HEAD}stringData: {CANARY}"), "a string", id="Secret string"),
    pytest.param(manifest(f"{SECRET_HEAD}data: {{k: {CANARY}"), "not valid YAML", id="flow"),
    pytest.param(manifest(f"{SECRET_HEAD}data:\n\tk: {CANARY}\n"), "a tab", id="tab"),
    pytest.param(manifest(f"{SECRET_HEAD}data: !{CANARY} x\n"), "a custom tag", id="tag"),
    pytest.param(manifest(f"{SECRET_HEAD}data: *{CANARY}\n"), "an alias refers", id="alias"),
    pytest.param(manifest(f'{SECRET_HEAD}data: {{k: "{CANARY}'), "not valid YAML", id="quote"),
    pytest.param(manifest(CANARY), "a single value, not an object", id="bare value"),
    pytest.param(manifest(f'{{"kind": "Secret", "data": "{CANARY}'), "YAML", id="JSON"),
]
#: Only a write meets these: `plan` promises what `sync` cannot keep.
WRITE_FAILURES = [
    pytest.param(not_docker_json, "data..dockerconfigjson is not JSON", id="docker JSON"),
    pytest.param(no_room, "error: could not update secret", id="no room"),
]


@pytest.fixture
def scene(cli, api, front, manifests, out) -> Scene:
    write(manifests / "store.yaml", store(retrySettings={"maxRetries": 0}))
    return Scene(api, front, manifests, out, lambda: cli("sync", manifests, "--to", f"dir:{out}"))


@pytest.mark.parametrize(("arrange", "said"), FAILURES)
def test_failure_shows_its_cause_and_no_value(cli, scene, arrange, said):
    given = arrange(scene) or ()
    to = [scene.manifests, "--to", f"dir:{scene.out}"]
    runs = [cli("plan", *to, "-o", "json"), cli("--debug", "sync", *to)]
    runs += [cli("sync", *to, "-o", "json"), cli("plan", *to)]
    assert [(run.code, said in run.err) for run in runs] == [
        *((2, True), (1, True), (1, True), (2, True))
    ], runs[0].err
    runs += [cli("validate", scene.manifests), cli("status", "--to", f"dir:{scene.out}")]
    assert_not_in_output(*runs)
    assert_not_in_files(scene.out, given=given)


@pytest.mark.parametrize(("arrange", "said"), WRITE_FAILURES)
def test_failed_write_shows_its_cause_and_no_value(cli, scene, arrange, said):
    arrange(scene)
    to = [scene.manifests, "--to", f"dir:{scene.out}"]
    runs = [cli("sync", *to), cli("sync", *to, "-o", "json"), cli("--debug", "sync", *to)]
    assert [(run.code, said in run.err) for run in runs] == [(1, True)] * 3, runs[0].err
    assert_not_in_output(*runs)
    assert_not_in_files(scene.out)


def test_success_shows_no_value_either(cli, scene):
    scene.want()
    to = [scene.manifests, "--to", f"dir:{scene.out}"]
    runs = [cli("plan", *to), cli("sync", *to, "-o", "json"), cli("--debug", "sync", *to)]
    scene.api.put("app/a", f"{CANARY} rotated")
    runs += [cli("plan", *to, "-o", "json"), cli("sync", *to)]
    assert [run.code for run in runs] == [1, 0, 0, 1, 0]
    assert_not_in_output(*runs)
    assert_not_in_files(scene.out)
    live = (scene.out / SECRETS / "a.yaml").read_text()
    assert base64.b64encode(f"{CANARY} rotated".encode()).decode() in live


@pytest.mark.parametrize(
    "arrange",
    [denied, denial_that_quotes, malformed_json, missing_property, bad_base64, blanked, immutable],
)
def test_refresh_writes_no_value_into_a_status(cli, scene, arrange):
    arrange(scene)
    for name, folder in (
        ("store", "_cluster/clustersecretstores.external-secrets.io/aws"),
        ("a", "shop/externalsecrets.external-secrets.io/a"),
    ):
        text = (scene.manifests / f"{name}.yaml").read_text()
        write(scene.out / f"{folder}.yaml", text)
    to = ["es/a", "--to", f"dir:{scene.out}", "-n", "shop"]
    runs = [cli("refresh", *to), cli("refresh", *to, "-o", "json"), cli("--debug", "refresh", *to)]
    runs += [cli("status", "--to", f"dir:{scene.out}"), cli("status", *to, "-o", "json")]
    assert [run.code for run in runs] == [1] * 5
    assert runs[-1].row("a")["reason"] == "SecretSyncedError"
    assert_not_in_output(*runs)
    assert_not_in_files(scene.out)
