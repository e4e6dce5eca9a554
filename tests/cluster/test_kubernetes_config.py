"""Configuration and credentials of the Kubernetes cluster: kubeconfig, plugins, pods."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
import uuid

import pytest

from secretsync.cluster import kubernetes_config
from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes import open_kubernetes
from secretsync.errors import ClusterUnavailable, ConfigError, Forbidden
from tests.support.kube_waits import granted

SECRET = KINDS["Secret"]
CANARY = "canary-0d44f1"


def write_config(path, *, user, server="https://127.0.0.1:1", **cluster):
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [
            {"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "web"}},
            {"name": "bare", "context": {"cluster": "c", "user": "u"}},
        ],
        "current-context": "prod",
    }
    path.write_text(json.dumps(config))
    return path


@pytest.fixture
def use_config(tmp_path, monkeypatch):
    path = tmp_path / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(path))

    def use(**parts):
        return write_config(path, **parts)

    return use


def plugin(folder, script):
    program = folder / "login-plugin"
    program.write_text(f"#!{sys.executable}\n{script}")
    program.chmod(0o755)
    api = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": api, "command": str(program), "interactiveMode": "Never"}}


def credential(token):
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    }
    return f"print({json.dumps(json.dumps(answer))})"


def test_open_takes_name_and_namespace_from_the_context(use_config):
    use_config(user={"token": CANARY})
    current, bare = open_kubernetes(), open_kubernetes("bare")
    assert (current.name, current.default_namespace) == ("kube:prod", "web")
    assert (bare.name, bare.default_namespace) == ("kube:bare", "default")


def test_open_unknown_context_names_the_known_ones(use_config):
    use_config(user={"token": CANARY})
    with pytest.raises(ConfigError, match="no context staging") as caught:
        open_kubernetes("staging")
    assert caught.value.remedy == "contexts there: prod, bare"


def test_open_without_any_configuration_says_both_ways(monkeypatch, tmp_path):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="no kubeconfig, and no service account of a pod"):
        open_kubernetes()
    with pytest.raises(ConfigError, match="no kubeconfig to find context prod in"):
        open_kubernetes("prod")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match="KUBECONFIG names no file that exists"):
        open_kubernetes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(f"token: {CANARY}\n  users: [", "no YAML at line 2", id="yaml"),
        pytest.param("", "Invalid kube-config", id="empty"),
        pytest.param(f"users: {CANARY}", "cannot be used", id="no-mapping"),
        pytest.param(
            json.dumps(
                {
                    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                    "users": [{"name": "u", "user": {"exec": {"env": [{"value": CANARY}]}}}],
                    "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "prod",
                }
            ),
            "gave no credentials: exec: malformed request",
            id="exec-without-command",
        ),
    ],
)
def test_open_broken_kubeconfig_fails_without_quoting_it(tmp_path, monkeypatch, content, said):
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(ConfigError, match=said) as caught:
        open_kubernetes()
    assert CANARY not in f"{caught.value!r} {caught.value.message} {caught.value.remedy}"
    assert caught.value.__cause__ is None


def test_open_with_exec_plugin_sends_its_token(use_config, tmp_path):
    use_config(user=plugin(tmp_path, credential(CANARY)))
    assert open_kubernetes()._api.transport.endpoint.authorization() == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param(
            f"import sys; print('{CANARY}. {CANARY}', file=sys.stderr); sys.exit(3)",
            "exec: process returned 3",
            id="fails",
        ),
        pytest.param(f"print('{CANARY}')", "failed to decode process output", id="no-json"),
        pytest.param(credential(CANARY).replace("token", "tokn"), "missing token", id="no-token"),
    ],
)
def test_open_with_failing_exec_plugin_is_an_error_and_not_anonymous(
    use_config, tmp_path, script, said, capfd
):
    use_config(user=plugin(tmp_path, script))
    with pytest.raises(ConfigError, match=f"context prod gave no credentials: .*{said}") as caught:
        open_kubernetes()
    out, err = capfd.readouterr()
    assert CANARY not in f"{caught.value!r} {caught.value.message} {out} {err}"


def test_open_with_missing_exec_plugin_names_it(use_config, tmp_path):
    api = "client.authentication.k8s.io/v1"
    use_config(user={"exec": {"apiVersion": api, "command": "no-such-login-plugin"}})
    with pytest.raises(ConfigError, match="no-such-login-plugin"):
        open_kubernetes()


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        pytest.param(
            {"server": "https://10.0.0.1", "insecure-skip-tls-verify": True},
            "insecure-skip-tls-verify is set",
            id="unverified",
        ),
        pytest.param({"server": "http://10.0.0.1"}, "is not https", id="in-the-clear"),
    ],
)
def test_open_refuses_to_send_secrets_without_verified_tls(use_config, cluster, said):
    use_config(user={"token": CANARY}, **cluster)
    with pytest.raises(ConfigError, match=said):
        open_kubernetes()


def test_open_token_that_no_header_may_have_is_refused_unquoted(use_config):
    use_config(user={"token": f"{CANARY}\x00\r\nX: y"})
    with pytest.raises(ConfigError, match="characters that no HTTP header") as caught:
        open_kubernetes()
    assert CANARY not in f"{caught.value!r} {caught.value.message}"


def test_open_in_cluster_uses_the_service_account(tmp_path, monkeypatch):
    from kubernetes.config import incluster_config

    for name, content in {"token": f"{CANARY}\n", "ca.crt": "x", "namespace": "ops"}.items():
        (tmp_path / name).write_text(content)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    defaults = incluster_config.load_incluster_config.__globals__
    monkeypatch.setitem(defaults, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setitem(defaults, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(kubernetes_config, "SERVICE_ACCOUNT_NAMESPACE", tmp_path / "namespace")
    cluster = open_kubernetes()
    assert (cluster.name, cluster.default_namespace) == ("kube:in-cluster", "ops")
    assert cluster._api.transport.endpoint.authorization() == f"bearer {CANARY}"


def test_credentials_that_cannot_be_read_any_more_are_unavailable(use_config):
    use_config(user={"token": "t"})
    cluster = open_kubernetes()
    authorization = cluster._api.transport.endpoint.authorization
    # What an in-cluster token file does that is replaced by an empty one.
    authorization._configuration.refresh_api_key_hook = lambda _configuration: 1 / 0
    authorization._reuse_until = 0.0
    with pytest.raises(ClusterUnavailable, match="the credentials cannot be used"):
        cluster.get(SECRET, "default", "db")


def test_request_to_nobody_is_unavailable_with_the_cause(use_config):
    use_config(user={"token": CANARY})
    with pytest.raises(ClusterUnavailable, match="kube:prod cannot be reached: Connection refused"):
        open_kubernetes().get(SECRET, "default", "db")


def test_answer_that_is_no_kubernetes_is_unavailable(use_config):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = f"<html>{CANARY}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        use_config(user={"token": "t"}, server=f"http://127.0.0.1:{server.server_port}")
        cluster = open_kubernetes()
        with pytest.raises(ClusterUnavailable, match="not Kubernetes JSON") as caught:
            cluster.get(SECRET, "default", "db")
        cluster.close()
        server.shutdown()
    assert CANARY not in f"{caught.value!r} {caught.value.message}"


@pytest.mark.built
def test_unknown_authority_is_a_tls_error(kube_server, use_config, tmp_path):
    from tests.support.kube_certs import CertificateAuthority

    other = tmp_path / "other-ca.crt"
    other.write_bytes(CertificateAuthority().pem)
    authority = {"certificate-authority": str(other)}
    use_config(user={"token": CANARY}, server=kube_server.url, **authority)
    with pytest.raises(ClusterUnavailable, match=r"fails the TLS handshake: .*certificate"):
        open_kubernetes().get(SECRET, "default", "db")


@pytest.mark.built
def test_refused_token_is_read_again_once(kube_server, use_config, tmp_path, kube_namespace):
    """A rotated token file works without a restart; a token nobody accepts is Forbidden."""
    account = f"robot-{uuid.uuid4().hex[:8]}"
    accounts = f"/api/v1/namespaces/{kube_namespace}/serviceaccounts"
    kube_server.admin.request("POST", accounts, {"metadata": {"name": account}})
    subject = {"kind": "ServiceAccount", "name": account, "namespace": kube_namespace}
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create"]}]
    granted(kube_server.admin, subject, rules, kube_namespace)
    token = tmp_path / "token"
    token.write_text("expired")
    use_config(
        user={"tokenFile": str(token)},
        server=kube_server.url,
        **{"certificate-authority": str(kube_server.ca)},
    )
    cluster = open_kubernetes()
    token.write_text(kube_server.admin.create_token(kube_namespace, account) + "\n")
    obj = {"metadata": {"name": "db", "namespace": kube_namespace}}
    assert cluster.create(SECRET, obj, field_manager="secretsync")["metadata"]["name"] == "db"
    token.write_text("revoked")
    refused = open_kubernetes()
    with pytest.raises(Forbidden, match="does not accept the credentials") as caught:
        refused.get(SECRET, kube_namespace, "db")
    assert "log in again" in caught.value.remedy


def test_opening_loads_no_typed_models(use_config):
    """The typed models double the memory of the process."""
    use_config(user={"token": "t"})
    script = (
        "import sys\n"
        "import secretsync.cluster.kubernetes as k\n"
        "assert 'kubernetes.client' not in sys.modules, 'imported too early'\n"
        "k.open_kubernetes()\n"
        "heavy = [m for m in sys.modules if m.startswith(('kubernetes.client.api.',"
        " 'kubernetes.client.models.', 'kubernetes.aio'))]\n"
        "assert not heavy, heavy\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
