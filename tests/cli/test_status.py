"""`secretsync status`: the rows of a directory cluster, and what is wrong with it."""

from __future__ import annotations

import pytest

from tests.cli.kit import external_secret, run_process, snapshot, store, write

ES = "shop/externalsecrets.external-secrets.io"
STORES = "_cluster/clustersecretstores.external-secrets.io"


@pytest.fixture
def cluster(api, cli, out):
    """A directory with a store, a good ExternalSecret, one that was never looked at."""
    write(out / STORES / "aws.yaml", store())
    write(out / ES / "db.yaml", external_secret("db"))
    write(out / ES / "new.yaml", external_secret("new"))
    version = api.create("app/db", "value")
    assert cli("refresh", "es/db", "--to", f"dir:{out}", "-n", "shop").code == 0
    return version


def test_status_shows_each_object_its_age_versions_and_state(cli, cluster, out):
    ended = cli("status", "--to", f"dir:{out}")
    assert (ended.code, ended.err) == (1, "")
    rows = [line.split() for line in ended.out.splitlines()]
    assert rows[0] == ["OBJECT", "STATE", "AGE", "VERSIONS", "MESSAGE"]
    assert rows[1] == ["ClusterSecretStore", "aws", "NotValidated", "-"]
    assert rows[2][:3] == ["ExternalSecret", "shop/db", "SecretSynced"]
    assert rows[2][3] in {f"{seconds}s" for seconds in range(10)}
    assert rows[2][4:] == [f"app/db={cluster[:8]}"]
    assert rows[3] == ["ExternalSecret", "shop/new", "NotSynced", "-"]
    assert len(rows) == 4


def test_status_json_has_the_same_rows_in_full(cli, cluster, out):
    ended = cli("status", "--to", f"dir:{out}", "-o", "json")
    assert (ended.code, list(ended.json)) == (1, ["objects", "problems"])
    assert ended.json["problems"] == []
    row = ended.row("db")
    assert 0 <= row.pop("age_s") < 10
    assert row == {
        "kind": "ExternalSecret",
        "namespace": "shop",
        "name": "db",
        "good": True,
        "reason": "SecretSynced",
        "message": "secret synced",
        "versions": {"ClusterSecretStore/aws:app/db": cluster},
    }
    assert ended.row("new")["good"] is False
    assert ended.row("new")["age_s"] is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("externalsecret/db", 0, id="good"),
        pytest.param("ExternalSecrets/db", 0, id="plural, any case"),
        pytest.param("es/db", 0, id="short"),
        pytest.param("es/new", 1, id="not synced"),
        pytest.param("clustersecretstore/aws", 0, id="store"),
        pytest.param("css/aws", 0, id="short store"),
        pytest.param("es/nope", 2, id="unknown"),
        pytest.param("ss/aws", 2, id="other kind"),
    ],
)
def test_status_of_one_object_exits_by_its_state(cli, cluster, out, name, code):
    ended = cli("status", name, "--to", f"dir:{out}")
    assert ended.code == code
    if code == 2:
        assert ended.out == ""
        assert ended.err == (
            f"secretsync: error: {name} does not exist in dir:{out}\n"
            "secretsync: hint: check the name and -n; `secretsync status --to ...` lists "
            "everything\n"
        )
    else:
        assert len(ended.out.splitlines()) == 2


def test_status_is_of_one_namespace_where_one_is_named(cli, cluster, out):
    ended = cli("status", "--to", f"dir:{out}", "-n", "elsewhere", "-o", "json")
    assert ended.code == 0
    assert [row["kind"] for row in ended.json["objects"]] == ["ClusterSecretStore"]


def test_status_of_secrets_made_from_path_shows_them_by_themselves(cli, api, manifests, out):
    write(manifests / "a.yaml", external_secret("a"))
    version = api.create("app/a", "value")
    cli("sync", manifests, "--to", f"dir:{out}")
    ended = cli("status", "--to", f"dir:{out}")
    assert ended.code == 0
    assert ended.out.splitlines()[1].split() == [
        *("Secret", "shop/a", "SecretSynced", ended.out.splitlines()[1].split()[3]),
        f"app/a={version[:8]}",
    ]
    assert cli("status", "secret/a", "--to", f"dir:{out}").code == 0


def test_status_of_nothing_is_good_and_creates_nothing(tmp_path):
    ended = run_process("status", "--to", f"dir:{tmp_path / 'out'}")
    assert (ended.code, ended.err) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_status_writes_nothing(cli, cluster, out):
    before = snapshot(out)
    cli("status", "--to", f"dir:{out}")
    assert snapshot(out) == before


def test_failure_and_its_real_cause_are_shown(cli, cluster, front, out):
    front.denied.add("app/db")
    assert cli("refresh", "es/db", "--to", f"dir:{out}", "-n", "shop").code == 1
    row = cli("status", "--to", f"dir:{out}", "-o", "json").row("db")
    assert (row["good"], row["reason"]) == (False, "SecretSyncedError")
    assert "app/db" in row["message"]
    assert row["versions"] == {"ClusterSecretStore/aws:app/db": cluster}, "what is live is shown"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(
            lambda file: file.chmod(0o644),
            "group or others may read or write this Secret",
            id="readable by others",
        ),
        pytest.param(lambda file: file.write_text("a: [1"), "not valid YAML", id="broken"),
    ],
)
def test_file_that_cannot_be_served_is_a_problem(cli, api, manifests, out, spoil, said):
    write(manifests / "a.yaml", external_secret("a"))
    api.create("app/a", "value")
    cli("sync", manifests, "--to", f"dir:{out}")
    file = out / "shop" / "secrets" / "a.yaml"
    spoil(file)
    ended = cli("status", "--to", f"dir:{out}", "-o", "json")
    assert ended.code == 1
    assert ended.json["objects"] == []
    (problem,) = ended.json["problems"]
    assert (problem["file"], said in problem["message"]) == (str(file), True)
    assert ended.err.startswith(f"{file}:")


def test_directory_that_is_a_file_is_an_error(cli, tmp_path):
    file = write(tmp_path / "file", "x")
    ended = cli("status", "--to", f"dir:{file}")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"secretsync: error: {file} is not a directory\n")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("PushSecret", "ps/back"),
        ("ClusterPushSecret", "clusterpushsecret/back"),
        ("ClusterExternalSecret", "ces/back"),
    ],
)
@pytest.mark.parametrize(("ready", "code"), [("True", 0), ("False", 1), ("", 1)])
def test_status_of_pushes_and_makers_is_their_ready_condition(cli, out, kind, name, ready, code):
    clustered = kind.startswith("Cluster")
    metadata = {"name": "back", **({} if clustered else {"namespace": "shop"})}
    condition = {"type": "Ready", "status": ready, "reason": "Why", "message": "what"}
    version = "v1" if kind.endswith("ExternalSecret") else "v1alpha1"
    obj = {
        "apiVersion": f"external-secrets.io/{version}",
        "kind": kind,
        "metadata": metadata,
        "spec": {},
        "status": {"conditions": [condition]} if ready else {},
    }
    where = "_cluster" if clustered else "shop"
    write(out / where / f"{kind.lower()}s.external-secrets.io" / "back.yaml", obj)
    ended = cli("status", name, "--to", f"dir:{out}", "-o", "json")
    assert ended.code == code
    row = ended.row("back")
    assert (row["kind"], row["good"]) == (kind, ready == "True")
    assert row["reason"] == ("Why" if ready else "NotSynced")
