"""Where stores and their credentials come from, and who may use a store."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.cli.kit import external_secret, files, secret_data, store, write

SECRET_REF = {
    "auth": {
        "secretRef": {
            "accessKeyIDSecretRef": {"name": "aws-keys", "key": "id"},
            "secretAccessKeySecretRef": {"name": "aws-keys", "key": "key"},
        }
    }
}
OWN_STORE = {"secretStoreRef": {"name": "own"}}
#: Folders of a directory cluster.
CLUSTER_STORES = "_cluster/clustersecretstores.external-secrets.io"
SHOP_STORES = "shop/secretstores.external-secrets.io"


def keys(access_key: str, *, namespace: str = "shop") -> dict:
    """Return a Secret of AWS keys."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "aws-keys", "namespace": namespace},
        "data": {
            "id": base64.b64encode(access_key.encode()).decode(),
            "key": base64.b64encode(b"made-up").decode(),
        },
    }


def failure(ended, file: Path, line: int, message: str, remedy: str) -> None:
    """Assert that the run failed with exactly this one problem of ExternalSecret shop/a."""
    assert ended.code == 1
    assert ended.err == (
        f"{file}:{line}: error: {message}\n  object: ExternalSecret shop/a\n  remedy: {remedy}\n"
    )


def test_credentials_of_path_are_used(cli, api, front, tmp_path, out):
    write(tmp_path / "in.yaml", store("own", namespace="shop", aws=SECRET_REF), keys("AKIAPATH"))
    write(tmp_path / "es.yaml", external_secret("a", **OWN_STORE))
    api.create("app/a", "value")
    front.calls.clear()
    ended = cli("sync", tmp_path / "in.yaml", tmp_path / "es.yaml", "--to", f"dir:{out}")
    assert (ended.code, ended.err) == (0, "")
    assert {call.access_key for call in front.calls} == {"AKIAPATH"}
    assert files(out) == {"shop/secrets/a.yaml"}, "PATH objects are not stored"


def test_store_and_credentials_of_the_cluster_directory_are_used(cli, api, front, tmp_path, out):
    write(out / SHOP_STORES / "own.yaml", store("own", namespace="shop", aws=SECRET_REF))
    write(out / "shop/secrets/aws-keys.yaml", keys("AKIACLUSTER"))
    file = write(tmp_path / "es.yaml", external_secret("a", **OWN_STORE))
    api.create("app/a", "value")
    front.calls.clear()
    ended = cli("sync", file, "--to", f"dir:{out}")
    assert (ended.code, ended.err) == (0, "")
    assert {call.access_key for call in front.calls} == {"AKIACLUSTER"}


def test_path_comes_before_the_cluster(cli, api, front, tmp_path, out):
    write(out / SHOP_STORES / "own.yaml", store("own", namespace="shop", aws={"prefix": "no/"}))
    write(out / "shop/secrets/aws-keys.yaml", keys("AKIACLUSTER"))
    write(tmp_path / "in" / "store.yaml", store("own", namespace="shop", aws=SECRET_REF))
    write(tmp_path / "in" / "keys.yaml", keys("AKIAPATH"))
    write(tmp_path / "in" / "es.yaml", external_secret("a", **OWN_STORE))
    api.create("app/a", "value")
    front.calls.clear()
    assert cli("sync", tmp_path / "in", "--to", f"dir:{out}").code == 0
    assert {call.access_key for call in front.calls} == {"AKIAPATH"}


def test_world_readable_credentials_of_path_are_a_warning_and_of_the_cluster_an_error(
    cli, api, tmp_path, out
):
    api.create("app/a", "value")
    own = store("own", namespace="shop", aws=SECRET_REF)
    file = write(tmp_path / "es.yaml", external_secret("a", **OWN_STORE), own)
    given = write(tmp_path / "keys.yaml", keys("AKIAPATH"), mode=0o644)
    warned = cli("sync", file, given, "--to", f"dir:{out}")
    assert (warned.code, f"{given}: warning: holds a Secret" in warned.err) == (0, True)
    live = write(out / "shop/secrets/aws-keys.yaml", keys("AKIACLUSTER"), mode=0o644)
    refused = cli("sync", file, "--to", f"dir:{out}")
    assert refused.code == 1
    assert f"{live}: group or others may read or write this Secret" in refused.err
    assert f"remedy: run: chmod 600 {live}" in refused.err


def test_store_that_does_not_exist_is_named(cli, front, tmp_path, out):
    file = write(tmp_path / "es.yaml", external_secret("a"))
    failure(
        cli("sync", file, "--to", f"dir:{out}"),
        file,
        1,
        "could not get secret data from provider: ClusterSecretStore aws does not exist",
        "create the store, or correct secretStoreRef (its kind is SecretStore unless it says "
        "ClusterSecretStore)",
    )
    assert (files(out), front.count()) == (set(), 0)


@pytest.mark.parametrize(
    ("secret", "message", "remedy"),
    [
        pytest.param(
            None,
            "SecretStore shop/own: spec.provider.aws.auth.secretRef.accessKeyIDSecretRef: "
            "Secret shop/aws-keys does not exist",
            "create that Secret, or point the selector at another",
            id="Secret",
        ),
        pytest.param(
            {**keys("AKIAPATH"), "data": {}},
            "SecretStore shop/own: spec.provider.aws.auth.secretRef.accessKeyIDSecretRef: "
            "Secret shop/aws-keys has no key 'id'",
            "add the key, or correct the selector's key",
            id="key",
        ),
    ],
)
def test_missing_credentials_are_named(cli, front, tmp_path, out, secret, message, remedy):
    file = write(tmp_path / "in" / "es.yaml", external_secret("a", **OWN_STORE))
    write(tmp_path / "in" / "store.yaml", store("own", namespace="shop", aws=SECRET_REF))
    if secret is not None:
        write(tmp_path / "in" / "keys.yaml", secret)
    ended = cli("sync", tmp_path / "in", "--to", f"dir:{out}")
    failure(ended, file, 1, f"could not get secret data from provider: {message}", remedy)
    assert (files(out), front.count()) == (set(), 0)


def test_store_condition_keeps_a_namespace_out_and_lets_others_in(cli, api, front, manifests, out):
    write(manifests / "store.yaml", store(conditions=[{"namespaces": ["pay"]}]))
    file = write(manifests / "a.yaml", external_secret("a"))
    write(manifests / "b.yaml", external_secret("b", namespace="pay"))
    api.create("app/b", "value")
    front.calls.clear()
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    failure(
        ended,
        file,
        1,
        "could not get secret data from provider: using ClusterSecretStore aws is not allowed "
        "from namespace 'shop': denied by spec.conditions",
        "use a store that admits this namespace, or extend the store's conditions",
    )
    assert files(out) == {"pay/secrets/b.yaml"}
    assert [call.params["SecretId"] for call in front.calls] == ["app/b"]


def test_namespace_selector_looks_at_namespaces_of_path_and_of_the_cluster(
    cli, api, manifests, out
):
    selector = {"namespaceSelector": {"matchLabels": {"tier": "gold"}}}
    write(manifests / "store.yaml", store(conditions=[selector]))
    write(
        manifests / "es.yaml",
        external_secret("a", namespace="from-path"),
        external_secret("b", namespace="from-cluster"),
        external_secret("c", namespace="unlabelled"),
    )
    for name in ("a", "b", "c"):
        api.create(f"app/{name}", "value")
    gold = {"apiVersion": "v1", "kind": "Namespace"}
    labels = {"labels": {"tier": "gold"}}
    write(manifests / "ns.yaml", {**gold, "metadata": {"name": "from-path", **labels}})
    there = {**gold, "metadata": {"name": "from-cluster", **labels}}
    write(out / "_cluster/namespaces/from-cluster.yaml", there)
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    assert ended.actions() == {"a": "create", "b": "create", "c": "blocked"}
    assert ended.code == 1


def test_broken_store_of_path_is_not_replaced_by_the_one_of_the_cluster(
    cli, api, front, manifests, out
):
    write(out / CLUSTER_STORES / "aws.yaml", store())
    write(manifests / "store.yaml", store(aws={"service": "SecretManager"}))
    write(manifests / "es.yaml", external_secret("a"))
    api.create("app/a", "value")
    front.calls.clear()
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == 1
    assert "did you mean SecretsManager?" in ended.err
    assert "ClusterSecretStore aws is invalid: spec.provider.aws.service: must be" in ended.err
    assert front.count() == 0
    assert not (out / "shop").exists()


def test_store_of_another_controller_class_leaves_its_users_alone(cli, api, front, manifests, out):
    write(manifests / "store.yaml", store(controller="theirs"))
    write(manifests / "es.yaml", external_secret("a"))
    api.create("app/a", "value")
    front.calls.clear()
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0
    assert (files(out), front.count()) == (set(), 0)
    ended = cli("sync", manifests, "--to", f"dir:{out}", "--controller-class", "theirs")
    assert (ended.code, files(out)) == (0, {"shop/secrets/a.yaml"})


def test_one_failing_store_does_not_stop_the_users_of_another(cli, api, front, manifests, out):
    write(manifests / "own.yaml", store("own", namespace="shop", aws=SECRET_REF))
    write(manifests / "keys.yaml", keys("AKIAREJECTED"))
    write(manifests / "es.yaml", external_secret("a", **OWN_STORE), external_secret("b"))
    front.rejected_keys.add("AKIAREJECTED")
    api.create("app/b", "value")
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    assert (ended.code, ended.actions()) == (1, {"a": "blocked", "b": "create"})
    assert secret_data(out, "b") == {"value": b"value"}


def test_many_objects_of_one_store_cost_one_call_each_twenty(cli, api, front, manifests, out):
    names = [f"s{number:02}" for number in range(25)]
    for name in names:
        api.create(f"app/{name}", "value")
    write(manifests / "es.yaml", *(external_secret(name) for name in names))
    front.calls.clear()
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0
    assert front.counts() == {"BatchGetSecretValue": 2}
