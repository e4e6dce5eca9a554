"""Where verbs and kubeseal's form get the certificate from, and what is said when not."""

from __future__ import annotations

import argparse
from urllib.error import HTTPError

import pytest

from sealing import InvalidCertificate
from secretsync.cli.seal.certificate_options import CERTIFICATE, KUBECTL, variable
from secretsync.cli.seal.certificates import add_certificate_options, load_certificate
from secretsync.cli.seal.service import SealedSecretsService, kubectl_flags
from secretsync.errors import ClusterError, ConfigError, InputError
from tests.seal.dropin_kit import key_files, now_certificate
from tests.support.aws_http import HttpServer, Reply
from tests.support.service_proxy import service_proxy


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch, tmp_path):
    for name in (*CERTIFICATE, *KUBECTL):
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", "")


def options(*arguments):
    parser = argparse.ArgumentParser()
    add_certificate_options(parser)
    return parser.parse_args([str(part) for part in arguments])


def test_verb_reads_the_certificate_of_the_flag(tmp_path):
    certificate, _ = key_files(tmp_path)
    assert load_certificate(options("--cert", certificate)) == now_certificate()


def test_verb_reads_the_certificate_of_the_environment(tmp_path, monkeypatch):
    certificate, _ = key_files(tmp_path)
    monkeypatch.setenv("SEALED_SECRETS_CERT", str(certificate))
    assert load_certificate(options()) == now_certificate()


@pytest.mark.parametrize("word", ["1", "true", "T"])
def test_switch_of_the_environment_takes_the_words_of_kubeseal(monkeypatch, word):
    monkeypatch.setenv("SEALED_SECRETS_INSECURE_SKIP_TLS_VERIFY", word)
    assert options().insecure_skip_tls_verify is True
    monkeypatch.setenv("SEALED_SECRETS_INSECURE_SKIP_TLS_VERIFY", "maybe")
    assert options().insecure_skip_tls_verify is False


def test_every_flag_of_kubectl_reaches_the_cluster():
    words = {name: ["--" + name, f"v-{name}"] for name in KUBECTL}
    words["insecure-skip-tls-verify"] = ["--insecure-skip-tls-verify"]
    words["disable-compression"] = ["--disable-compression"]
    flags = kubectl_flags(options(*(word for pair in words.values() for word in pair)))
    found = {str(getattr(flags, name)) for name in flags.__dataclass_fields__}
    for name in KUBECTL.keys() - {"disable-compression", "insecure-skip-tls-verify", "as-group"}:
        assert f"v-{name}" in found
    assert flags.as_groups == ("v-as-group",)
    assert flags.insecure_skip_tls_verify is True


def test_credentials_are_in_no_repr():
    flags = kubectl_flags(options("--token", "sesame", "--password", "sesame"))
    assert "sesame" not in repr(flags)


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        pytest.param("missing.pem", InputError, "open missing.pem: no such file", id="file"),
        pytest.param(".", InputError, "open .: is a directory", id="folder"),
        pytest.param("file:///missing", InputError, "open file:///missing: no such", id="file-url"),
        pytest.param("ftp://x/y", ConfigError, 'unsupported protocol scheme "ftp"', id="scheme"),
        pytest.param(
            "http://127.0.0.1:1/x",
            InputError,
            'cannot fetch "http://127.0.0.1:1/x": connection refused',
            id="nobody-there",
        ),
        pytest.param(
            "http://user:sesame@127.0.0.1:1/x",
            InputError,
            'cannot fetch "http://127.0.0.1:1/x": ',
            id="password",
        ),
        pytest.param("http://[x", ConfigError, "URL is malformed", id="malformed"),
    ],
)
def test_certificate_that_cannot_be_had_is_an_error_that_names_it(
    source, error, says, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        load_certificate(options("--cert", source))
    assert says in caught.value.message
    assert "sesame" not in f"{caught.value.message}{caught.value.remedy}"


def test_server_that_refuses_is_let_go_of_at_once():
    """What was raised may live long; the connection must not."""
    server = HttpServer(lambda _: Reply(404, body=b"no such page"))
    try:
        with pytest.raises(InputError, match=f'cannot fetch "{server.url}/x": 404') as caught:
            load_certificate(options("--cert", f"{server.url}/x"))
        refused = caught.value.__cause__
        assert isinstance(refused, HTTPError)
        assert refused.closed
    finally:
        server.close()


def test_windows_path_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    key_files(tmp_path)
    (tmp_path / "c:tls.crt").write_bytes(now_certificate().pem)
    assert load_certificate(options("--cert", "c:tls.crt")) == now_certificate()


@pytest.mark.parametrize(
    ("pem", "error"),
    [
        pytest.param(b"nonsense", InvalidCertificate, id="nonsense"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            InvalidCertificate,
            id="damaged",
        ),
    ],
)
def test_certificate_of_the_controller_that_cannot_seal_is_refused(pem, error):
    with service_proxy() as double:
        double.answers["/v1/cert.pem"] = 200, pem
        with pytest.raises(error):
            load_certificate(options("--server", double.url))


def test_certificate_comes_from_the_cluster_where_none_is_given(capsys):
    with service_proxy() as double:
        double.answers["/v1/cert.pem"] = 200, now_certificate().pem
        assert load_certificate(options("--server", double.url)) == now_certificate()
    assert "is reached without TLS; no credentials are sent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "answer", "outcome"),
    [
        pytest.param(200, b"", True, id="opens"),
        pytest.param(409, b"", False, id="does-not"),
        pytest.param(500, b"", None, id="no-answer"),
    ],
)
def test_service_tells_whether_a_manifest_opens(status, answer, outcome):
    with service_proxy() as double:
        double.answers["/v1/verify"] = status, answer
        service = SealedSecretsService.from_options(options("--server", double.url))
        if outcome is None:
            with pytest.raises(ClusterError, match="cannot validate sealed secret"):
                service.verify(b"{}")
        else:
            assert service.verify(b"{}") is outcome


@pytest.mark.parametrize("answer", [b"nonsense", b"[]", b"", b"\xff"])
def test_service_refuses_an_answer_to_rotate_that_is_no_object(answer):
    with service_proxy() as double:
        double.answers["/v1/rotate"] = 200, answer
        service = SealedSecretsService.from_options(options("--server", double.url))
        with pytest.raises(ClusterError, match="cannot re-encrypt secret: the answer is not"):
            service.rotate(b"{}")


@pytest.mark.parametrize("text", ["x", "10", "1h30m", "5 s", "-1s", "1.5s"])
def test_time_limit_is_read_as_kubectl_reads_it(text):
    flags = options("--server", "https://127.0.0.1:1", f"--request-timeout={text}")
    if text in ("x", "5 s", "-1s"):
        with pytest.raises(ConfigError, match="invalid timeout value"):
            SealedSecretsService.from_options(flags)
    else:
        assert SealedSecretsService.from_options(flags).server == "https://127.0.0.1:1"
