"""`secretsync refresh`: objects of a directory cluster, now, with their statuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.kit import external_secret, files, run_process, secret_data, store, write

ES = "shop/externalsecrets.external-secrets.io"
STORES = "_cluster/clustersecretstores.external-secrets.io"


@pytest.fixture
def cluster(api, out) -> Path:
    """Two stores and three ExternalSecrets, as people put them there."""
    write(out / STORES / "aws.yaml", store())
    write(out / STORES / "other.yaml", store("other"))
    other = {"secretStoreRef": {"name": "other", "kind": "ClusterSecretStore"}}
    write(out / ES / "a.yaml", external_secret("a"))
    write(out / ES / "c.yaml", external_secret("c", **other))
    pay = external_secret("b", namespace="pay")
    write(out / "pay" / "externalsecrets.external-secrets.io" / "b.yaml", pay)
    for name in ("a", "b", "c"):
        api.create(f"app/{name}", f"value of {name}")
    return out


def status_of(out: Path, name: str, namespace: str = "shop") -> dict:
    """Return the status in an ExternalSecret's file."""
    folder = out / namespace / "externalsecrets.external-secrets.io"
    return yaml.safe_load((folder / f"{name}.yaml").read_text()).get("status", {})


def secrets_in(out: Path) -> set[str]:
    return {file for file in files(out) if "/secrets/" in file}


@pytest.mark.parametrize("kind", ["externalsecret", "externalsecrets", "es", "ES"])
def test_refresh_of_an_external_secret_writes_its_secret_and_status(cli, cluster, front, kind):
    front.calls.clear()
    ended = cli("refresh", f"{kind}/a", "--to", f"dir:{cluster}", "-n", "shop", "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.actions() == {"a": "create"}
    assert secrets_in(cluster) == {"shop/secrets/a.yaml"}
    assert front.count() == 1
    status = status_of(cluster, "a")
    (ready,) = status["conditions"]
    assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "True", "SecretSynced")
    assert status["refreshTime"]
    assert status["syncedResourceVersion"].startswith("1-")
    assert status["binding"] == {"name": "a"}
    assert status_of(cluster, "c") == {}


def test_refreshed_secret_points_at_its_live_external_secret(cli, cluster):
    cli("refresh", "es/a", "--to", f"dir:{cluster}", "-n", "shop")
    made = yaml.safe_load((cluster / "shop/secrets/a.yaml").read_text())
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ExternalSecret", "a", True)


def test_refresh_of_a_cluster_store_refreshes_its_users_everywhere(cli, cluster):
    ended = cli("refresh", "css/aws", "--to", f"dir:{cluster}")
    assert (ended.code, ended.err) == (0, "")
    assert secrets_in(cluster) == {"shop/secrets/a.yaml", "pay/secrets/b.yaml"}
    assert status_of(cluster, "b", "pay")["conditions"][0]["status"] == "True"
    assert status_of(cluster, "c") == {}


def made(cluster: Path, **spec: object) -> None:
    """Put in a ClusterExternalSecret, what it made, and a stranger's of the name."""
    folder = cluster / "_cluster/clusterexternalsecrets.external-secrets.io"
    version = "external-secrets.io/v1"
    whole = {"externalSecretSpec": external_secret("c")["spec"]}
    maker = {"apiVersion": version, "kind": "ClusterExternalSecret", "spec": whole}
    write(folder / "many.yaml", {**maker, "metadata": {"name": "many", "uid": "u1"}})
    write(folder / "none.yaml", {**maker, "metadata": {"name": "none", "uid": "u2"}})
    owner = {"apiVersion": version, "kind": "ClusterExternalSecret", "name": "many", "uid": "u1"}
    for namespace in ("shop", "pay"):
        child = external_secret("many", "app/c", namespace=namespace, **spec)
        child["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
        write(cluster / namespace / "externalsecrets.external-secrets.io/many.yaml", child)
    write(cluster / "web/externalsecrets.external-secrets.io/many.yaml", external_secret("many"))


def test_refresh_of_a_maker_refreshes_what_it_made_everywhere(cli, cluster):
    made(cluster)
    ended = cli("refresh", "ces/many", "--to", f"dir:{cluster}")
    assert (ended.code, ended.err) == (0, "")
    assert secrets_in(cluster) == {"shop/secrets/many.yaml", "pay/secrets/many.yaml"}


def test_refresh_of_a_maker_tells_what_is_wrong_with_what_it_made_alone(cli, cluster):
    made(cluster, refreshInterval="soon")
    write(cluster / ES / "a.yaml", external_secret("a", refreshInterval="soon"))
    ended = cli("refresh", "ces/many", "--to", f"dir:{cluster}", "-o", "json")
    assert (ended.code, secrets_in(cluster)) == (2, set())
    objects = [problem["object"] for problem in ended.json["problems"]]
    assert objects == ["ExternalSecret pay/many", "ExternalSecret shop/many"]


def test_refresh_of_a_store_refreshes_its_users_in_its_namespace(cli, api, cluster):
    mine = {"secretStoreRef": {"name": "own"}}
    write(
        cluster / "shop/secretstores.external-secrets.io/own.yaml", store("own", namespace="shop")
    )
    write(cluster / "pay/secretstores.external-secrets.io/own.yaml", store("own", namespace="pay"))
    write(cluster / ES / "d.yaml", external_secret("d", "app/a", **mine))
    pay = external_secret("e", "app/a", namespace="pay", **mine)
    write(cluster / "pay/externalsecrets.external-secrets.io/e.yaml", pay)
    assert cli("refresh", "secretstore/own", "--to", f"dir:{cluster}", "-n", "shop").code == 0
    assert secrets_in(cluster) == {"shop/secrets/d.yaml"}


def test_refresh_asks_upstream_whatever_the_interval_says(cli, api, cluster):
    to = ["--to", f"dir:{cluster}", "-n", "shop"]
    cli("refresh", "es/a", *to)
    api.put("app/a", "rotated")
    assert cli("refresh", "es/a", *to, "-o", "json").actions() == {"a": "update"}
    assert secret_data(cluster, "a") == {"value": b"rotated"}
    assert cli("refresh", "es/a", *to, "-o", "json").actions() == {"a": "unchanged"}


def test_failed_refresh_exits_1_and_its_status_has_the_cause(cli, cluster, front):
    front.denied.add("app/a")
    ended = cli("refresh", "css/aws", "--to", f"dir:{cluster}", "-o", "json")
    assert (ended.code, ended.actions()) == (1, {"a": "blocked", "b": "create"})
    (ready,) = status_of(cluster, "a")["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "SecretSyncedError")
    assert ready["message"].startswith(ended.row("a")["message"])
    assert ended.row("a")["message"].startswith("could not get secret data from provider: ")
    assert "refreshTime" not in status_of(cluster, "a")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("es/nope", "ExternalSecret shop/nope does not exist in dir:", id="object"),
        pytest.param("ss/nope", "SecretStore shop/nope does not exist in dir:", id="store"),
        pytest.param("css/nope", "ClusterSecretStore nope does not exist", id="cluster store"),
        pytest.param("ces/none", "made no ExternalSecret yet", id="maker of nothing"),
        pytest.param("secret/a", "a Secret is not refreshed", id="Secret"),
        pytest.param("pod/a", "kind 'pod' is not served", id="kind"),
        pytest.param("a", "'a' is not KIND/NAME", id="no kind"),
    ],
)
def test_object_that_cannot_be_refreshed_is_an_error(cluster, name, said):
    made(cluster)
    ended = run_process("refresh", name, "--to", f"dir:{cluster}", "-n", "shop")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "secretsync: hint: " in ended.err
    assert secrets_in(cluster) == set()


def test_object_that_does_not_parse_is_attempted_by_nobody(cli, cluster):
    write(cluster / ES / "a.yaml", external_secret("a", refreshInterval="soon"))
    ended = cli("refresh", "es/a", "--to", f"dir:{cluster}", "-n", "shop", "-o", "json")
    assert (ended.code, ended.json["objects"]) == (2, [])
    assert "not a duration" in ended.err
    assert [problem["field"] for problem in ended.json["problems"]] == ["spec.refreshInterval"]


def test_file_that_is_broken_is_named(cli, cluster):
    file = write(cluster / ES / "a.yaml", "a: [1")
    ended = cli("refresh", "es/a", "--to", f"dir:{cluster}", "-n", "shop")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"secretsync: error: {file}:")


def test_warning_about_the_object_is_no_failure(cli, cluster):
    write(cluster / ES / "a.yaml", external_secret("a", refreshIntervall="1h"))
    ended = cli("refresh", "es/a", "--to", f"dir:{cluster}", "-n", "shop")
    assert ended.code == 0
    assert 'warning: unknown field "refreshIntervall"' in ended.err


def test_absence_upstream_deletes_nothing_at_one_look(cli, api, cluster):
    """The service takes a second look; this is one."""
    delete = {"target": {"deletionPolicy": "Delete"}}
    write(cluster / ES / "a.yaml", external_secret("a", **delete))
    to = ["--to", f"dir:{cluster}", "-n", "shop"]
    cli("refresh", "es/a", *to)
    api.call("DeleteSecret", SecretId="app/a", ForceDeleteWithoutRecovery=True)
    ended = cli("refresh", "es/a", *to, "-o", "json")
    assert ended.code == 0
    assert "secret retained" in ended.row("a")["message"]
    assert secret_data(cluster, "a") == {"value": b"value of a"}
