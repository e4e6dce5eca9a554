"""Logging in to a real OpenBao by every method that runs here, and what becomes of tokens."""

from __future__ import annotations

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from google.auth import crypt, jwt

from providers.base import (
    AccessDenied,
    AuthFailed,
    SecretBytes,
    SecretKeySelector,
    SecretValue,
    ServiceAccountSelector,
    ServiceAccountToken,
    Unavailable,
)
from providers.vault.config import (
    VaultAppRole,
    VaultAuth,
    VaultCertAuth,
    VaultJwtAuth,
    VaultKubernetesAuth,
    VaultPasswordAuth,
    VaultServiceAccountToken,
    VaultUserPassAuth,
)
from tests.providers.vault.conftest import TOKEN, only
from tests.support.kube_certs import CertificateAuthority, private_pem, public_pem
from tests.support.kube_waits import until_allowed
from tests.support.web import fault, json_reply

ONE = SecretKeySelector("login", "one")
TWO = SecretKeySelector("login", "two")


@pytest.fixture
def app_role(bao, reader):
    """An AppRole; returns the auth block, its secrets, and a function that edits the role."""
    path = bao.method("approle")

    def edit(**options):
        bao.ask("POST", f"auth/{path}/role/app", {"token_policies": [reader], **options})

    edit(token_ttl="1h")
    role_id = bao.ask("GET", f"auth/{path}/role/app/role-id")["data"]["role_id"]
    secret_id = bao.ask("POST", f"auth/{path}/role/app/secret-id")["data"]["secret_id"]
    auth = VaultAuth(app_role=VaultAppRole(path=path, role_ref=ONE, secret_ref=TWO))
    return auth, {ONE: role_id, TWO: secret_id + "\n"}, edit


@pytest.fixture
def jwt_login(bao, reader):
    """A JWT method that trusts a key of the test's own; returns its path and a signer."""
    path = bao.method("jwt")
    key = ec.generate_private_key(ec.SECP256R1())
    config = {"jwt_validation_pubkeys": [public_pem(key).decode()]}
    bao.ask("POST", f"auth/{path}/config", config)
    role = {
        "role_type": "jwt",
        "user_claim": "sub",
        "bound_audiences": ["vault"],
        "token_policies": [reader],
    }
    bao.ask("POST", f"auth/{path}/role/app", role)
    signer = crypt.ES256Signer.from_string(private_pem(key))

    def sign(audience="vault"):
        now = int(time.time())
        claims = {"sub": "web", "aud": audience, "iat": now, "exp": now + 300}
        return jwt.encode(signer, claims).decode()

    return path, sign


def test_a_given_token_reads_and_is_neither_renewed_nor_revoked(
    bao, front, put, reader, open_vault
):
    put("app/db", user="alice")
    token = bao.token(reader)
    provider = open_vault(token + "\n")
    assert provider.renew() is None
    assert isinstance(only(provider, "app/db"), SecretValue)
    provider.close()
    assert bao.lives(token)
    assert len(front.seen) == 1


def test_app_role_logs_in_once_and_is_revoked_at_the_end(
    bao, front, put, app_role, open_vault, observed
):
    put("app/db", user="alice")
    auth, secrets, _ = app_role
    provider = open_vault(auth=auth, secrets=secrets)
    assert provider.renew() == pytest.approx(2400)
    for _ in range(3):
        assert isinstance(only(provider, "app/db"), SecretValue)
    token = front.seen[-1].headers["x-vault-token"]
    assert bao.lives(token)
    provider.close()
    provider.close()
    assert not bao.lives(token)
    assert [call for call, _ in observed] == ["Login", *["ReadSecretData"] * 3, "RevokeSelf"]


def test_the_role_id_may_stand_in_the_store(put, app_role, open_vault):
    put("app/db", user="alice")
    auth, secrets, _ = app_role
    plain = VaultAppRole(path=f"/{auth.app_role.path}/", role_id=secrets[ONE], secret_ref=TWO)
    provider = open_vault(auth=VaultAuth(app_role=plain), secrets={TWO: secrets[TWO]})
    assert isinstance(only(provider, "app/db"), SecretValue)


def test_user_and_password_log_in_whatever_the_name_holds(bao, put, reader, open_vault, front):
    put("app/db", user="alice")
    path = bao.method("userpass")
    user = {"password": " pass word ", "token_policies": [reader]}
    bao.ask("POST", f"auth/{path}/users/al.ice", user)
    auth = VaultAuth(user_pass=VaultUserPassAuth(path=path, username="al.ice", secret_ref=ONE))
    provider = open_vault(auth=auth, secrets={ONE: " pass word "})
    assert isinstance(only(provider, "app/db"), SecretValue)
    hostile = VaultUserPassAuth(path=path, username="../../../sys/seal", secret_ref=ONE)
    refused = only(open_vault(auth=VaultAuth(user_pass=hostile), secrets={ONE: "x"}), "app/db")
    assert not isinstance(refused, SecretValue)
    assert not any(one.path.endswith("/sys/seal") for one in front.seen)


@pytest.mark.parametrize("issued", [False, True], ids=["secret", "service-account"])
def test_a_signed_token_logs_in(put, jwt_login, open_vault, issued):
    put("app/db", user="alice")
    path, sign = jwt_login
    account = ServiceAccountSelector("web")
    block = VaultJwtAuth(
        path=path,
        role="app",
        secret_ref=None if issued else ONE,
        kubernetes_service_account_token=VaultServiceAccountToken(account) if issued else None,
    )
    provider = open_vault(
        auth=VaultAuth(jwt=block),
        secrets={ONE: sign()},
        tokens={account: ServiceAccountToken(SecretBytes(sign().encode()), {})},
    )
    assert isinstance(only(provider, "app/db"), SecretValue)


def test_a_token_for_somebody_else_is_refused_and_not_tried_again(front, jwt_login, open_vault):
    path, sign = jwt_login
    auth = VaultAuth(jwt=VaultJwtAuth(path=path, role="app", secret_ref=ONE))
    provider = open_vault(auth=auth, secrets={ONE: sign("another")})
    for _ in range(5):
        refused = only(provider, "app/db")
        assert isinstance(refused, AuthFailed)
        assert "auth block" in refused.remedy
    assert len(front.seen) == 1, "repeated logins lock accounts out"


def test_a_client_certificate_logs_in(bao, put, reader, open_vault):
    put("app/db", user="alice")
    path, authority = bao.method("cert"), CertificateAuthority()
    role = {"certificate": authority.pem.decode(), "token_policies": [reader]}
    bao.ask("POST", f"auth/{path}/certs/web", role)
    chain, key = authority.issue_client("web", [])
    auth = VaultAuth(
        cert=VaultCertAuth(path=path, vault_role="web", client_cert=ONE, secret_ref=TWO)
    )
    secrets = {ONE: chain.decode(), TWO: key.decode()}
    direct = {"server": bao.url, "ca_bundle": base64.b64encode(bao.ca_pem).decode()}
    provider = open_vault(auth=auth, secrets=secrets, **direct)
    assert isinstance(only(provider, "app/db"), SecretValue)
    other, other_key = CertificateAuthority().issue_client("web", [])
    secrets = {ONE: other.decode(), TWO: other_key.decode()}
    assert isinstance(only(open_vault(auth=auth, secrets=secrets, **direct), "app/db"), AuthFailed)


def test_a_service_account_of_a_real_cluster_logs_in(
    bao, put, reader, open_vault, kube_server, kube_namespace
):
    put("app/db", user="alice")
    admin = kube_server.admin
    for name in ("web", "vault"):
        path = f"/api/v1/namespaces/{kube_namespace}/serviceaccounts"
        admin.request("POST", path, {"metadata": {"name": name}})
    binding = {
        "metadata": {"name": f"{kube_namespace}-reviewer"},
        "roleRef": {"kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": "vault", "namespace": kube_namespace}],
    }
    bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    admin.request("POST", bindings, binding)
    review = {"verb": "create", "group": "authentication.k8s.io", "resource": "tokenreviews"}
    until_allowed(admin, binding["subjects"][0], review)
    path = bao.method("kubernetes")
    config = {
        "kubernetes_host": kube_server.url,
        "kubernetes_ca_cert": kube_server.ca.read_text(),
        "token_reviewer_jwt": admin.create_token(kube_namespace, "vault"),
        "disable_local_ca_jwt": True,
    }
    bao.ask("POST", f"auth/{path}/config", config)
    role = {
        "bound_service_account_names": "web",
        "bound_service_account_namespaces": kube_namespace,
        "token_policies": [reader],
    }
    bao.ask("POST", f"auth/{path}/role/app", role)
    account = ServiceAccountSelector("web")
    block = VaultKubernetesAuth(mount_path=path, role="app", service_account_ref=account)

    def opened(name):
        token = SecretBytes(admin.create_token(kube_namespace, name).encode())
        return open_vault(
            auth=VaultAuth(kubernetes=block), tokens={account: ServiceAccountToken(token, {})}
        )

    assert isinstance(only(opened("web"), "app/db"), SecretValue)
    assert isinstance(only(opened("vault"), "app/db"), AuthFailed)


def test_many_threads_log_in_once(put, app_role, open_vault, observed):
    put("app/db", user="alice")
    auth, secrets, _ = app_role
    provider = open_vault(auth=auth, secrets=secrets)
    gate = threading.Barrier(12)

    def read(_):
        gate.wait(60)
        return only(provider, "app/db")

    with ThreadPoolExecutor(12) as pool:
        assert all(isinstance(got, SecretValue) for got in pool.map(read, range(12)))
    assert [call for call, _ in observed].count("Login") == 1


def test_a_login_is_renewed_until_its_longest_life(bao, front, app_role, open_vault, observed):
    auth, secrets, edit = app_role
    edit(token_ttl="60s", token_max_ttl="62s")
    provider = open_vault(auth=auth, secrets=secrets)
    assert provider.renew() == pytest.approx(40)
    assert 30 < provider.renew() <= 42
    assert [call for call, _ in observed] == ["Login", "RenewSelf"]
    bao.ask("POST", "auth/token/revoke", {"token": front.seen[-1].headers["x-vault-token"]})
    with pytest.raises(AuthFailed):
        provider.renew()


def test_a_batch_token_is_replaced_not_renewed_and_not_revoked(app_role, open_vault, observed):
    auth, secrets, edit = app_role
    edit(token_ttl="60s", token_type="batch")
    provider = open_vault(auth=auth, secrets=secrets)
    assert provider.renew() == pytest.approx(40)
    with pytest.raises(AuthFailed):
        provider.renew()
    provider.close()
    assert [call for call, _ in observed] == ["Login"]


def test_a_renewal_while_the_server_is_down_may_be_tried_again(front, app_role, open_vault):
    auth, secrets, _ = app_role
    provider = open_vault(auth=auth, secrets=secrets)
    provider.renew()
    front.answer_all(fault("server-error"))
    with pytest.raises(Unavailable):
        provider.renew()
    front.heal()
    assert provider.renew() == pytest.approx(2400)


def test_a_token_that_was_revoked_is_an_auth_failure_and_a_denied_key_is_not(
    bao, put, reader, open_vault, mount
):
    put("app/db", user="alice")
    token = bao.token(bao.policy({f"{mount}/data/app/db": ["read"]}))
    provider = open_vault(token)
    assert isinstance(only(provider, "app/db"), SecretValue)
    assert isinstance(only(provider, "other/db"), AccessDenied)
    bao.ask("POST", "auth/token/revoke", {"token": token})
    with pytest.raises(AuthFailed):
        provider.check([])
    assert isinstance(only(provider, "app/db"), AuthFailed)


def test_the_environment_of_the_process_plays_no_part(bao, put, reader, open_vault, monkeypatch):
    put("app/db", user="alice")
    for name, value in {
        "VAULT_TOKEN": bao.root_token,
        "VAULT_ADDR": "https://127.0.0.1:9",
        "VAULT_NAMESPACE": "elsewhere",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "REQUESTS_CA_BUNDLE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    assert isinstance(only(open_vault(bao.token(reader)), "app/db"), SecretValue)
    powerless = bao.token(bao.policy({"nothing/*": ["read"]}))
    assert not isinstance(only(open_vault(powerless), "app/db"), SecretValue)


def test_login_and_secrets_may_be_in_two_namespaces(bao, open_vault, front):
    outer = bao.namespace()
    inner = bao.unique("team")
    bao.ask("POST", f"sys/namespaces/{inner}", {}, namespace=outer)
    mount = bao.engine(namespace=f"{outer}/{inner}")
    bao.ask("POST", f"{mount}/data/app/db", {"data": {"a": "b"}}, namespace=f"{outer}/{inner}")
    rules = {"path": {f"{inner}/{mount}/*": {"capabilities": ["read"]}}}
    policy = {"policy": json.dumps(rules)}
    bao.ask("PUT", "sys/policies/acl/app", policy, namespace=outer)
    bao.ask("POST", "sys/auth/userpass", {"type": "userpass"}, namespace=outer)
    user = {"password": "pw", "token_policies": ["app"]}
    bao.ask("POST", "auth/userpass/users/web", user, namespace=outer)
    auth = VaultAuth(namespace=outer, user_pass=VaultUserPassAuth(username="web", secret_ref=ONE))
    provider = open_vault(auth=auth, secrets={ONE: "pw"}, namespace=f"{outer}/{inner}", path=mount)
    assert only(provider, "app/db").value.reveal() == b'{"a":"b"}'
    assert [one.headers["x-vault-namespace"] for one in front.seen] == [outer, f"{outer}/{inner}"]


def test_ldap_sends_name_and_password_to_its_own_path(front, open_vault):
    """There is no directory here: the wire is what is tested."""
    answer = {"auth": {"client_token": "made-up", "lease_duration": 60, "renewable": True}}
    front.spoil = lambda request: (
        json_reply(json.dumps(answer)) if "/login/" in request.path else None
    )
    auth = VaultAuth(ldap=VaultPasswordAuth(username="al ice", secret_ref=ONE))
    assert open_vault(auth=auth, secrets={ONE: "pw"}).renew() == 40
    assert front.calls() == ["POST /v1/auth/ldap/login/al%20ice"]
    assert json.loads(front.seen[0].body) == {"password": "pw"}


@pytest.mark.parametrize(
    ("auth", "secrets", "error"),
    [
        pytest.param(VaultAuth(), {}, "names no method", id="nothing"),
        pytest.param(VaultAuth(token_secret_ref=TOKEN), {}, "tokenSecretRef", id="no-token"),
        pytest.param(VaultAuth(app_role=VaultAppRole()), {}, "roleId", id="app-role"),
        pytest.param(VaultAuth(jwt=VaultJwtAuth(role="a")), {}, "jwt.secretRef", id="jwt"),
        pytest.param(VaultAuth(ldap=VaultPasswordAuth()), {}, "ldap.username", id="ldap"),
        pytest.param(VaultAuth(cert=VaultCertAuth()), {}, "cert.clientCert", id="cert"),
        pytest.param(
            VaultAuth(token_secret_ref=TOKEN), {TOKEN: "a\nb"}, "plain ASCII", id="two-lines"
        ),
    ],
)
def test_a_block_that_cannot_work_is_refused_when_it_is_opened(open_vault, auth, secrets, error):
    with pytest.raises(Exception, match=error):
        open_vault(auth=auth, secrets=secrets)
