"""Generators of PATH: what `validate`, `plan` and `sync` do with them."""

from __future__ import annotations

import base64

import pytest

from tests.cli.kit import files, secret_data, write
from tests.cli.leaks import CANARY, assert_not_in_output

GENERATORS = "generators.external-secrets.io/v1alpha1"


@pytest.fixture(autouse=True)
def _no_aws_is_asked(front):
    yield
    assert front.count() == 0


def generator(kind="Password", name="new", **spec):
    return {
        "apiVersion": GENERATORS,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


def cluster_generator(name="new", **spec):
    return {
        "apiVersion": GENERATORS,
        "kind": "ClusterGenerator",
        "metadata": {"name": name},
        "spec": {"kind": "MFA", "generator": {"mfaSpec": spec}},
    }


def wanting(kind="Password", name="db", **spec):
    ref = {"generatorRef": {"kind": kind, "name": "new"}}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"dataFrom": [{"sourceRef": ref}], **spec},
    }


def seed(text, namespace="shop"):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "seed", "namespace": namespace},
        "stringData": {"k": text},
    }


def test_validate_reads_generators(cli, manifests):
    write(manifests / "a.yaml", generator(length=20), wanting())
    assert cli("validate", manifests).code == 0
    write(manifests / "a.yaml", generator(length=-1), wanting())
    ended = cli("validate", manifests, "-o", "json")
    assert ended.code != 0
    assert "spec.length" in ended.out


def test_plan_makes_nothing_and_sync_makes_what_it_said(cli, manifests, out):
    write(manifests / "a.yaml", generator(length=20), wanting())
    to = [manifests, "--to", f"dir:{out}"]
    before = files(out)
    planned = cli("plan", *to, "-o", "json")
    row = planned.row("db")
    assert (row["action"], row["keys"], row["reason"]) == ("create", [], "Generated")
    assert "would be generated" in cli("plan", *to).out
    assert files(out) == before
    assert cli("sync", *to, "-o", "json").actions() == {"db": "create"}
    (first,) = secret_data(out, "db").values()
    assert len(first) == 20
    assert cli("plan", *to, "-o", "json").actions() == {"db": "unchanged"}
    again = cli("sync", *to, "-o", "json")
    assert again.actions() == {"db": "unchanged"}
    assert secret_data(out, "db") == {"password": first}


@pytest.mark.parametrize("spec", [{"refreshPolicy": "CreatedOnce"}, {"refreshInterval": "0"}])
def test_edit_of_what_is_made_once_changes_nothing(cli, manifests, out, spec):
    write(manifests / "a.yaml", generator(length=20), wanting(**spec))
    cli("sync", manifests, "--to", f"dir:{out}")
    first = secret_data(out, "db")
    write(manifests / "a.yaml", generator(length=40), wanting(**spec, target={"immutable": True}))
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0
    assert secret_data(out, "db") == first


def test_edit_of_what_is_refreshed_makes_new_values(cli, manifests, out):
    write(manifests / "a.yaml", generator(length=20), wanting())
    cli("sync", manifests, "--to", f"dir:{out}")
    first = secret_data(out, "db")["password"]
    template = {"template": {"data": {"url": "db://{{ .password }}"}}}
    write(manifests / "a.yaml", generator(length=20), wanting(target=template))
    to = [manifests, "--to", f"dir:{out}"]
    assert cli("plan", *to, "-o", "json").row("db")["action"] == "update"
    assert cli("sync", *to, "-o", "json").actions() == {"db": "update"}
    (url,) = secret_data(out, "db").values()
    assert url.startswith(b"db://")
    assert url != b"db://" + first


def test_cluster_generator_takes_credentials_of_its_user_or_where_it_says(cli, manifests, out):
    secret = {"name": "seed", "key": "k"}
    good = base64.b32encode(CANARY.encode()).decode()
    write(manifests / "a.yaml", cluster_generator(secret=secret), wanting("ClusterGenerator"))
    write(manifests / "seed.yaml", seed(good, namespace="other"))
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == 1
    assert "ClusterGenerator new: spec.generator.mfaSpec.secret" in ended.err
    assert "Secret shop/seed does not exist" in ended.err
    secret["namespace"] = "other"
    write(manifests / "a.yaml", cluster_generator(secret=secret), wanting("ClusterGenerator"))
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0
    assert secret_data(out, "db").keys() == {"token", "timeLeft"}


def test_namespaced_generator_never_reaches_into_another_namespace(cli, manifests, out):
    secret = {"name": "seed", "key": "k", "namespace": "other"}
    write(manifests / "a.yaml", generator("MFA", secret=secret), wanting("MFA"))
    write(manifests / "seed.yaml", seed("MFRGGZDF", namespace="other"))
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == 1
    assert "Secret shop/seed does not exist" in ended.err
    assert files(out) == set()


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([], "Password shop/new does not exist"),
        ([generator(length=-1)], "Password shop/new is invalid: spec.length"),
        ([generator(digits=12)], "12 different digits are asked for"),
    ],
    ids=["absent", "invalid", "impossible"],
)
def test_generator_that_cannot_work_is_said_where_it_is_used(cli, manifests, out, objects, message):
    write(manifests / "a.yaml", *objects, wanting())
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == 1
    assert message in ended.err
    assert files(out) == set()


def test_generator_of_another_controller_is_left_alone(cli, manifests, out):
    write(manifests / "a.yaml", generator("Fake", controller="x", data={"a": "b"}), wanting("Fake"))
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0
    assert files(out) == set()


def test_values_and_seeds_are_shown_nowhere(cli, manifests, out):
    write(manifests / "a.yaml", generator(), wanting())
    write(
        manifests / "b.yaml",
        generator("MFA", secret={"name": "seed", "key": "k"}),
        wanting("MFA", "code"),
        generator("Fake", data={"x": CANARY}),
        wanting("Fake", "fake"),
        seed(CANARY),
    )
    to = [manifests, "--to", f"dir:{out}"]
    runs = [
        cli(verb, *to, *more) for verb in ("plan", "sync", "plan") for more in ((), ("--debug",))
    ]
    runs.append(cli("plan", *to, "-o", "json"))
    assert_not_in_output(*runs)
    password = secret_data(out, "db")["password"].decode()
    assert not any(password in run.out + run.err for run in runs)
    assert secret_data(out, "fake") == {"x": CANARY.encode()}


@pytest.mark.parametrize(("spec", "again"), [({}, True), ({"refreshInterval": "0"}, False)])
def test_refresh_makes_new_values_now_unless_they_are_made_once(cli, out, spec, again):
    folder = out / "shop"
    write(folder / f"passwords.{GENERATORS.partition('/')[0]}" / "new.yaml", generator(length=20))
    write(folder / "externalsecrets.external-secrets.io" / "db.yaml", wanting(**spec))
    to = ["externalsecret/db", "--to", f"dir:{out}", "-n", "shop"]
    assert cli("refresh", *to).code == 0
    first = secret_data(out, "db")
    assert cli("refresh", *to).code == 0
    assert (secret_data(out, "db") != first) == again
