"""The way to the controller, on a double that kubeseal itself is run against."""

from __future__ import annotations

import base64
import json

import pytest

from tests.seal.dropin_kit import blanked, kubeseal, now_certificate, seal, secret_yaml
from tests.support.kube_certs import CertificateAuthority
from tests.support.service_proxy import service_proxy

pytestmark = pytest.mark.built("kubeseal")
each_program = pytest.mark.parametrize("program", [seal, kubeseal], ids=["seal", "kubeseal"])
SERVICES = "/api/v1/namespaces/kube-system/services"
SEALED = {
    "kind": "SealedSecret",
    "apiVersion": "bitnami.com/v1alpha1",
    "metadata": {"name": "web", "namespace": "a"},
    "spec": {
        "template": {"metadata": {"name": "web", "namespace": "a", "labels": {"x": "<y>"}}},
        "encryptedData": {"k": "AgA="},
    },
}


@pytest.fixture(scope="module")
def authority():
    return CertificateAuthority()


@pytest.fixture
def double(tmp_path, authority):
    with service_proxy(tmp_path, authority) as double:
        (tmp_path / "ca.pem").write_bytes(authority.pem)
        double.answers["/v1/cert.pem"] = 200, now_certificate().pem
        yield double


@pytest.fixture
def home(tmp_path):
    """Where pins and the kubeconfig are."""
    return tmp_path


def kubeconfig(home, double, *, user=None, cluster=None, name="config"):
    """Write a kubeconfig; its certificate authority is named by a relative path."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [
            {"name": "test", "context": {"cluster": "c", "user": "u", "namespace": "a"}},
            {"name": "other", "context": {"cluster": "c", "user": "nobody"}},
        ],
        "clusters": [
            {
                "name": "c",
                "cluster": {"server": double.url, "certificate-authority": "ca.pem"}
                | (cluster or {}),
            }
        ],
        "users": [{"name": "u", "user": user or {"token": "sesame"}}],
    }
    (home / name).write_text(json.dumps(config))
    return home / name


def run(program, home, double, *arguments, given=b"", env=None, **config):
    path = kubeconfig(home, double, **config)
    return program(
        *arguments, given=given, env={"KUBECONFIG": str(path), "HOME": str(home)} | (env or {})
    )


@each_program
@pytest.mark.parametrize("port_name", ["", "http", "x-y"])
def test_certificate_comes_through_the_services_port_by_its_name(program, home, double, port_name):
    double.port_name = port_name
    ended = run(program, home, double, "--fetch-cert")
    assert (ended.code, ended.out) == (0, now_certificate().pem), ended.err
    asked = [(request.method, request.path) for request in double.asked]
    assert asked == [
        ("GET", f"{SERVICES}/sealed-secrets-controller"),
        ("GET", f"{SERVICES}/http:sealed-secrets-controller:{port_name}/proxy/v1/cert.pem"),
    ]
    assert double.asked[-1].headers["Accept"] == "application/x-pem-file, */*"
    assert {request.headers["Authorization"] for request in double.asked} == {"Bearer sesame"}


@each_program
def test_sealing_without_certificate_asks_the_controller_that_is_named(program, home, double):
    double.namespace, double.name, double.port_name = "sealing", "sealed-secrets", "http"
    flags = ("--controller-name", "sealed-secrets", "--controller-namespace", "sealing")
    ended = run(program, home, double, *flags, given=secret_yaml(namespace=""))
    assert ended.code == 0, ended.err
    sealed = json.loads(ended.out)
    assert sealed["metadata"] == {"name": "web", "namespace": "a"}
    assert [request.path for request in double.asked][-1].startswith(double.proxy_path)


@each_program
def test_validate_posts_each_sealed_secret_as_compact_json(program, home, double):
    double.answers["/v1/verify"] = 200, b""
    other = SEALED | {"metadata": {"name": "db", "namespace": "a"}}
    given = json.dumps(SEALED).encode() + b"\n" + json.dumps(other).encode()
    ended = run(program, home, double, "--validate", given=given)
    assert (ended.code, ended.out, ended.err) == (0, b"", "")
    sent = [request for request in double.asked if request.method == "POST"]
    text = json.dumps(SEALED, separators=(",", ":")).replace("<y>", "\\u003cy\\u003e")
    assert [request.body.decode() for request in sent] == [
        text,
        text.replace('"metadata":{"name":"web"', '"metadata":{"name":"db"', 1),
    ]
    assert {request.path for request in sent} == {f"{double.proxy_path}/v1/verify"}


@each_program
def test_service_that_is_not_there_is_named(program, home, double):
    ended = run(program, home, double, "--fetch-cert", "--controller-name", "none")
    error = 'error: cannot get sealed secret service: services "none" not found.'
    assert (ended.code, ended.out, ended.err.splitlines()[0]) == (1, b"", error)


ASKED_BY = {"cert.pem": "--fetch-cert", "verify": "--validate", "rotate": "--re-encrypt"}
THE_GET = "(get services http:sealed-secrets-controller:)"
THE_POST = "(post services http:sealed-secrets-controller:)"
#: Endpoint, status, body → what is said.
REFUSALS = {
    ("cert.pem", 500, b"cannot get certificate\n"): (
        'cannot fetch certificate: an error on the server ("cannot get certificate") has '
        f"prevented the request from succeeding {THE_GET}"
    ),
    ("verify", 409, b""): "unable to decrypt sealed secret: web",
    ("verify", 429, b"limit exceeded\n"): (
        "cannot validate sealed secret: the server has received too many requests and has "
        f"asked us to try again later {THE_POST}"
    ),
    ("rotate", 409, b""): "unable to rotate secret",
    ("rotate", 500, b""): (
        'cannot re-encrypt secret: an error on the server ("") has prevented the request from '
        f"succeeding {THE_POST}"
    ),
    ("verify", 503, b"x"): (
        "cannot validate sealed secret: the server is currently unable to handle the request "
        f"{THE_POST}"
    ),
    ("verify", 403, b"x"): f"cannot validate sealed secret: x {THE_POST}",
    ("verify", 418, b"x"): (
        "cannot validate sealed secret: the server responded with the status code 418 but did "
        f"not return more information {THE_POST}"
    ),
}


@each_program
@pytest.mark.parametrize("answer", REFUSALS, ids=lambda answer: f"{answer[0]}-{answer[1]}")
def test_refusals_are_worded_as_kubeseals(program, home, double, answer):
    endpoint, status, body = answer
    double.answers[f"/v1/{endpoint}"] = status, body
    given = json.dumps(SEALED).encode()
    ended = run(program, home, double, ASKED_BY[endpoint], given=given)
    error = f"error: {REFUSALS[answer]}"
    assert (ended.code, ended.out, ended.err.splitlines()[0]) == (1, b"", error)


@each_program
@pytest.mark.parametrize(
    ("flags", "user", "headers"),
    [
        pytest.param(("--token", "t"), None, {"Authorization": "Bearer t"}, id="token"),
        pytest.param(
            ("--username", "u", "--password", "p"),
            {"as-uid": ""},
            {"Authorization": "Basic " + base64.b64encode(b"u:p").decode()},
            id="password",
        ),
        pytest.param(
            ("--as", "a", "--as-group", "g", "--as-uid", "7"),
            None,
            {"Impersonate-User": "a", "Impersonate-Group": "g", "Impersonate-Uid": "7"},
            id="impersonation",
        ),
        pytest.param(
            (), {"token": "t", "as": "b"}, {"Impersonate-User": "b"}, id="impersonation-of-the-file"
        ),
        pytest.param(
            ("--context", "other", "--token", "x"),
            None,
            {"Authorization": "Bearer x"},
            id="context",
        ),
        pytest.param(("--user", "u"), None, {"Authorization": "Bearer sesame"}, id="user"),
    ],
)
def test_flags_of_kubectl_say_who_asks(program, home, double, flags, user, headers):
    ended = run(program, home, double, "--fetch-cert", *flags, user=user)
    assert ended.code == 0, ended.err
    for request in double.asked:
        assert headers.items() <= request.headers.items()


@each_program
def test_plugin_of_the_kubeconfig_gives_the_token(program, home, double):
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    (home / "plugin").write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(credential)}\nEND\n")
    (home / "plugin").chmod(0o755)
    plugin = {"apiVersion": credential["apiVersion"], "interactiveMode": "Never"}
    user = {"exec": plugin | {"command": "./plugin"}}
    ended = run(program, home, double, "--fetch-cert", user=user)
    assert ended.code == 0, ended.err
    assert double.asked[0].headers["Authorization"] == "Bearer from-plugin"


@each_program
@pytest.mark.parametrize("how", ["flags", "files", "data"])
def test_client_certificate_is_shown_to_the_server(program, home, double, authority, how):
    certificate, key = authority.issue_client("someone", ["some"])
    (home / "client.pem").write_bytes(certificate)
    (home / "client.key").write_bytes(key)
    flags: tuple[object, ...] = ()
    user = {"username": ""}
    if how == "flags":
        flags = ("--client-certificate", home / "client.pem", "--client-key", home / "client.key")
    elif how == "files":
        user = {"client-certificate": "client.pem", "client-key": "client.key"}
    else:
        texts = {"client-certificate-data": certificate, "client-key-data": key}
        user = {name: base64.b64encode(text).decode() for name, text in texts.items()}
    ended = run(program, home, double, "--fetch-cert", *flags, user=user)
    assert ended.code == 0, ended.err
    assert {request.client for request in double.asked} == {"someone"}


@each_program
def test_token_file_is_relative_to_the_kubeconfig(program, home, double):
    (home / "token").write_text("of-a-file\n")
    ended = run(program, home, double, "--fetch-cert", user={"tokenFile": "token"})
    assert ended.code == 0, ended.err
    assert double.asked[0].headers["Authorization"] == "Bearer of-a-file"


@each_program
def test_server_flags_replace_what_the_kubeconfig_says(program, home, double):
    wrong = {"server": "https://127.0.0.1:1", "certificate-authority": ""}
    flags = ("--server", double.url, "--certificate-authority", home / "ca.pem")
    flags += ("--request-timeout", "10s", "--tls-server-name", "api.test")
    ended = run(program, home, double, "--fetch-cert", *flags, cluster=wrong)
    assert (ended.code, ended.out) == (0, now_certificate().pem), ended.err


@each_program
def test_server_of_another_authority_is_refused_unless_told(program, home, double):
    (home / "ca.pem").write_bytes(CertificateAuthority().pem)
    ended = run(program, home, double, "--fetch-cert")
    assert (ended.code, ended.out) == (1, b"")
    ended = run(program, home, double, "--fetch-cert", "--insecure-skip-tls-verify")
    assert (ended.code, ended.out) == (0, now_certificate().pem), ended.err


def test_server_that_is_not_verified_is_warned_of(home, double):
    ended = run(seal, home, double, "--fetch-cert", "--insecure-skip-tls-verify")
    assert ended.code == 0
    assert f"warning: the API server {double.url} is not verified" in ended.err


@each_program
def test_no_credentials_are_sent_without_tls(program, tmp_path):
    with service_proxy() as double:
        double.answers["/v1/cert.pem"] = 200, b"pem"
        ended = run(
            program, tmp_path, double, "--fetch-cert", cluster={"certificate-authority": ""}
        )
        assert (ended.code, ended.out) == (0, b"pem"), ended.err
        assert not [request for request in double.asked if "Authorization" in request.headers]


@each_program
def test_files_of_kubeconfig_are_merged_and_the_first_wins(program, home, double):
    first = home / "first"
    first.write_text(json.dumps({"users": [{"name": "u", "user": {"token": "first"}}]}))
    second = kubeconfig(home, double)
    paths = f"{home / 'missing'}:{first}:{second}"
    ended = program("--fetch-cert", env={"KUBECONFIG": paths, "HOME": str(home)})
    assert ended.code == 0, ended.err
    assert double.asked[0].headers["Authorization"] == "Bearer first"


@each_program
def test_certificate_given_means_no_network_at_all(program, home, double):
    (home / "tls.crt").write_bytes(now_certificate().pem)
    ended = run(program, home, double, "--cert", home / "tls.crt", given=secret_yaml())
    assert ended.code == 0, ended.err
    assert double.asked == []


@each_program
def test_re_encrypt_writes_what_the_controller_sealed_anew(program, home, double):
    rotated = SEALED | {"spec": SEALED["spec"] | {"encryptedData": {"k": "AgB="}}}
    rotated = {key: rotated[key] for key in ("metadata", "spec")}
    double.answers["/v1/rotate"] = 200, json.dumps(rotated).encode()
    given = json.dumps(SEALED | {"metadata": SEALED["metadata"] | {"generation": 4}}).encode()
    ended = run(program, home, double, "--re-encrypt", "-o", "yaml", given=given)
    assert ended.code == 0, ended.err
    assert b"k: AgB=" in ended.out
    assert b"generation" not in ended.out


@each_program
@pytest.mark.parametrize("name", ["s.yaml", "s.json"])
def test_re_encrypt_of_a_file_changes_it_in_place(program, home, double, name):
    rotated = {"metadata": SEALED["metadata"], "spec": SEALED["spec"]}
    double.answers["/v1/rotate"] = 200, json.dumps(rotated).replace("AgA=", "AgB=").encode()
    (home / name).write_text(json.dumps(SEALED))
    ended = run(program, home, double, "--re-encrypt", "-f", home / name)
    assert (ended.code, ended.out) == (0, b""), ended.err
    written = (home / name).read_text()
    assert "AgB=" in written
    assert written.startswith("---\n" if name.endswith("yaml") else "{\n")
    assert (home / name).stat().st_mode & 0o777 == 0o600


def test_both_programs_write_the_same_bytes_after_re_encrypting(home, double):
    rotated = {"metadata": SEALED["metadata"], "spec": SEALED["spec"]}
    double.answers["/v1/rotate"] = 200, json.dumps(rotated).encode()
    given = json.dumps(SEALED).encode()
    ours, theirs = (
        run(program, home, double, "--re-encrypt", given=given) for program in (seal, kubeseal)
    )
    assert blanked(ours.out) == blanked(theirs.out) != b""
