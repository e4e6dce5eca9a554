"""Rows 49 to 72: the command line, held against `seal` and against kubeseal itself."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import json
import threading

import pytest
import yaml

from sealing import Scope, key_secret, unseal_manifest, unseal_value
from sealing.scopes import CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION
from tests.seal.dropin_kit import Verifying, key_files, kubeseal, now_certificate, seal, secret_yaml
from tests.sealing.kit import other_key, vector_key
from tests.support.service_proxy import service_proxy

pytestmark = pytest.mark.built("kubeseal")
each_program = pytest.mark.parametrize("program", [seal, kubeseal], ids=["seal", "kubeseal"])
MISMATCH = 'namespace mismatch: input secret is in namespace "a" but "b" was specified'
NAMESPACE_OF_CONTEXT = "from-context"


def rows(*cases):
    """A table of one or more columns, whose ids are the rows' numbers."""
    names = ["case"] if len(cases[0]) == 2 else [f"case{at}" for at in range(len(cases[0]) - 1)]
    params = [pytest.param(*case[1:], id=f"row-{case[0]}") for case in cases]
    return pytest.mark.parametrize(names, params)


def row(number):
    """One case, which is the row itself."""
    return pytest.mark.parametrize("number", [pytest.param(number, id=f"row-{number}")])


@pytest.fixture
def folder(tmp_path):
    key_files(tmp_path)
    return tmp_path


def run(program, folder, *arguments, given=b"", **options):
    return program("--cert", "tls.crt", *arguments, given=given, cwd=folder, **options)


def sealed(program, folder, *arguments, given, **options):
    ended = run(program, folder, *arguments, given=given, **options)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def opened(manifest):
    secret = unseal_manifest(manifest, [vector_key()])
    return {key: base64.b64decode(value) for key, value in secret["data"].items()}


def secret(metadata=None, **fields):
    return json.dumps({"metadata": {"name": "web"} | (metadata or {})} | fields).encode()


@pytest.fixture
def context(folder):
    """Surroundings in which the client has a namespace of its own."""
    config = {
        "contexts": [{"name": "x", "context": {"cluster": "c", "namespace": NAMESPACE_OF_CONTEXT}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "current-context": "x",
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    return {"KUBECONFIG": str(folder / "kubeconfig")}


@contextlib.contextmanager
def web_server(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            """Say nothing."""

    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@each_program
@rows(("049-a", "tls.crt"), ("049-b", "WEB/tls.crt"), ("049-c", "file://FOLDER/tls.crt"))
def test_certificate_by_path_or_url_is_the_same(program, folder, case):
    with web_server(folder) as web:
        source = case.replace("WEB", web).replace("FOLDER", str(folder))
        ended = program("--fetch-cert", "--cert", source, cwd=folder)
    assert (ended.code, ended.out) == (0, now_certificate().pem), ended.err


@each_program
@rows(
    ("050-a", "missing.crt", "open missing.crt: no such file or directory"),
    ("050-b", "WEB/missing.crt", 'cannot fetch "WEB/missing.crt": 404'),
)
def test_missing_certificate_is_an_error(program, folder, case0, case1):
    with web_server(folder) as web:
        ended = program("--cert", case0.replace("WEB", web), given=secret_yaml(), cwd=folder)
        assert ended.err.startswith(f"error: {case1.replace('WEB', web)}")
    assert (ended.code, ended.out) == (1, b"")


@each_program
@rows(
    ("051", {"data": {"a": "MQ=="}, "stringData": {"b": "2"}}, {"a": b"1", "b": b"2"}),
    ("052", {"data": {"a": "MQ=="}, "stringData": {"a": "2"}}, {"a": b"2"}),
)
def test_data_and_string_data_are_sealed_and_string_data_wins(program, folder, case0, case1):
    given = secret({"namespace": "a"}, **case0)
    assert opened(sealed(program, folder, given=given)) == case1


@each_program
@rows(
    ("053", (), {"name": "web", "namespace": NAMESPACE_OF_CONTEXT}),
    (
        "054",
        ("--scope", "namespace-wide"),
        {
            "name": "web",
            "namespace": NAMESPACE_OF_CONTEXT,
            "annotations": {NAMESPACE_WIDE_ANNOTATION: "true"},
        },
    ),
    (
        "055-a",
        ("--scope", "cluster-wide"),
        {"name": "web", "annotations": {CLUSTER_WIDE_ANNOTATION: "true"}},
    ),
)
def test_namespace_that_is_not_given_is_the_clients(program, folder, context, case0, case1):
    given = secret(stringData={"k": "v"})
    manifest = sealed(program, folder, *case0, given=given, env=context)
    assert manifest["metadata"] == case1
    assert opened(manifest) == {"k": b"v"}


@each_program
@row("055-b")
def test_namespace_of_a_cluster_wide_secret_is_kept(program, folder, number):
    manifest = sealed(program, folder, "--scope=cluster-wide", "-n", "b", given=secret_yaml())
    assert manifest["metadata"]["namespace"] == "a"


@each_program
@rows(
    ("056-a", "strict", None),
    ("056-b", "namespace-wide", {NAMESPACE_WIDE_ANNOTATION: "true"}),
    ("056-c", "cluster-wide", {CLUSTER_WIDE_ANNOTATION: "true"}),
)
def test_scope_becomes_the_annotation(program, folder, case0, case1):
    manifest = sealed(program, folder, "--scope", case0, given=secret_yaml())
    assert manifest["metadata"].get("annotations") == case1


@each_program
@rows(
    ("057-a", secret_yaml() + b"---\n" + secret_yaml(name="db")),
    ("057-b", secret({"namespace": "a"}, stringData={"k": "v"}) * 2),
)
def test_two_documents_become_two(program, folder, case):
    ended = run(program, folder, "-o", "yaml", given=case)
    assert ended.code == 0, ended.err
    assert ended.out.startswith(b"---\n")
    assert not ended.out.endswith(b"---\n")
    assert [opened(part) for part in yaml.safe_load_all(ended.out)] == [{"k": b"v"}] * 2


@each_program
@rows(
    ("058-a", ("-n", "b"), secret_yaml(), MISMATCH),
    ("058-b", ("-n", "a"), secret_yaml(), ""),
    ("058-c", (), secret_yaml(), ""),
    ("058-d", ("-n", "a"), secret_yaml(namespace=""), ""),
)
def test_other_namespace_than_the_inputs_is_refused(program, folder, case0, case1, case2):
    ended = run(program, folder, *case0, given=case1)
    assert ended.code == bool(case2)
    assert ended.err == (f"error: {case2}\n" if case2 else "")
    if not case2:
        assert json.loads(ended.out)["metadata"]["namespace"] == "a"


@each_program
@row("059")
def test_files_are_read_and_written(program, folder, number):
    (folder / "in").write_bytes(secret_yaml())
    ended = run(program, folder, "-f", "in", "-w", "out.yaml")
    assert (ended.code, ended.out) == (0, b""), ended.err
    assert yaml.safe_load((folder / "out.yaml").read_text())["kind"] == "SealedSecret"
    assert (folder / "out.yaml").stat().st_mode & 0o777 == 0o600


@each_program
@row("060")
def test_bad_input_leaves_the_old_file(program, folder, number):
    (folder / "out.yaml").write_text("old")
    ended = run(program, folder, "-w", "out.yaml", given=b"data: {k: '!'}")
    assert ended.code == 1
    assert (folder / "out.yaml").read_text() == "old"
    assert sorted(path.name for path in folder.iterdir()) == ["out.yaml", "tls.crt", "tls.key"]


@each_program
@rows(
    ("061-a", ("-n", "a"), "must provide the --name flag with --raw and --scope strict"),
    (
        "061-b",
        ("-n", "a", "--name", "n", "--from-file=x", "--from-file=y"),
        "must provide only one --from-file when encrypting a single item with --raw",
    ),
)
def test_raw_says_what_it_needs(program, folder, case0, case1):
    ended = run(program, folder, "--raw", *case0, given=b"v")
    assert (ended.code, ended.out) == (1, b"")
    assert ended.err == f"error: {case1}\n"


@row("061-c")
def test_raw_without_any_namespace_asks_for_the_flag(folder, number):
    """Kubeseal says so only where a library gives no namespace; its own error comes first."""
    ended = run(seal, folder, "--raw", "--name", "n", given=b"v")
    assert "must provide the --namespace flag with --raw and --scope strict" in ended.err
    assert (ended.code, ended.out) == (1, b"")


@each_program
@pytest.mark.parametrize("form", ["json", "yaml"])
@rows(
    ("062", {"labels": {"n": "2"}, "annotations": {"m": "2"}}, {"new": "2"}, {"new": b"2"}),
    ("063", {}, {"old": "2"}, {"old": b"2"}),
    ("064", {"name": "other", "namespace": "other"}, {"new": "2"}, {"new": b"2"}),
)
def test_merge_lays_values_labels_and_annotations_over(program, folder, form, case0, case1, case2):
    was = {"namespace": "a", "labels": {"o": "1"}, "annotations": {"p": "1"}}
    first = run(program, folder, "-o", form, given=secret(was, stringData={"old": "1"}))
    (folder / "file").write_bytes(first.out)
    (folder / "file").chmod(0o640)
    given = secret(case0, stringData=case1)
    ended = run(program, folder, "-o", form, "--merge-into", "file", given=given)
    assert (ended.code, ended.out) == (0, b""), ended.err
    manifest = yaml.safe_load((folder / "file").read_text())
    assert opened(manifest) == {"old": b"1"} | case2
    assert manifest["metadata"] == {"name": "web", "namespace": "a"}
    template = manifest["spec"]["template"]["metadata"]
    assert template["labels"] == {"o": "1"} | case0.get("labels", {})
    assert template["annotations"] == {"p": "1"} | case0.get("annotations", {})
    assert (folder / "file").stat().st_mode & 0o777 == 0o640


def key_object():
    return key_secret(vector_key(), now_certificate(), namespace="kube-system")


@each_program
@rows(
    ("065", vector_key().reveal_pem()),
    (
        "066",
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [key_object()]}).encode(),
    ),
    ("067-a", json.dumps(key_object()).encode()),
    ("067-b", yaml.safe_dump(key_object()).encode()),
)
def test_recovery_opens_with_each_form_of_key(program, folder, case):
    (folder / "backup").write_bytes(case)
    given = run(program, folder, given=secret_yaml()).out
    flags = ("--recovery-unseal", "--recovery-private-key", "backup", "--kubeconfig", "/missing")
    ended = program(*flags, given=given, cwd=folder)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["data"] == {"k": "dg=="}


@each_program
@rows(("068-a", ()), ("068-b", ("--recovery-private-key", "other.key")))
def test_recovery_without_the_right_key_fails(program, folder, case):
    (folder / "other.key").write_bytes(other_key().reveal_pem())
    given = run(program, folder, given=secret_yaml()).out
    ended = program("--recovery-unseal", *case, given=given, cwd=folder)
    assert (ended.code, ended.out) == (1, b"")
    assert ended.err.startswith("error: no key could decrypt secret (k)\n")


@each_program
@row("069")
def test_certificate_given_seals_although_the_server_is_dead(program, folder, number):
    flags = ("--server", "https://127.0.0.1:1", "-n", "a")
    assert opened(sealed(program, folder, *flags, given=secret_yaml())) == {"k": b"v"}


@each_program
@rows(("070-a", b""), ("070-b", b"---\n"), ("070-c", b" "))
def test_no_input_is_an_error(program, folder, case):
    ended = run(program, folder, given=case)
    assert (ended.code, ended.out) == (1, b"")
    assert ended.err.startswith("error: no secrets found")


@each_program
@row("071")
def test_certificate_that_is_fetched_is_the_controllers(program, folder, number):
    with service_proxy() as double:
        double.answers["/v1/cert.pem"] = 200, now_certificate().pem
        ended = program("--fetch-cert", "--server", double.url, env={"HOME": str(folder)})
    assert (ended.code, ended.out) == (0, now_certificate().pem), ended.err


@each_program
@rows(("072-a", "web", 0), ("072-b", "renamed", 1))
def test_validate_tells_what_opens(program, folder, case0, case1):
    manifest = sealed(program, folder, given=secret_yaml())
    manifest["metadata"]["name"] = case0
    with service_proxy() as double:
        double.answers = Verifying(double)
        given = json.dumps(manifest).encode()
        ended = program("--validate", "--server", double.url, given=given)
    assert (ended.code, ended.out) == (case1, b"")
    assert ("error: unable to decrypt sealed secret: renamed\n" in ended.err) == bool(case1)


@each_program
@pytest.mark.parametrize(
    ("flags", "place"),
    [
        pytest.param(("-n", "a", "--name", "n"), {"namespace": "a", "name": "n"}, id="strict"),
        pytest.param(("-n", "a", "--scope=namespace-wide"), {"namespace": "a"}, id="namespace"),
        pytest.param(("--scope=cluster-wide",), {}, id="cluster"),
    ],
)
def test_raw_value_opens_in_its_place(program, folder, flags, place):
    (folder / "value").write_bytes(b"one\n")
    from_file = run(program, folder, "--raw", *flags, "--from-file", "key=value")
    piped = run(program, folder, "--raw", *flags, given=b"one\n")
    scope = next((flag.partition("=")[2] for flag in flags if "scope" in flag), "strict")
    for ended in (from_file, piped):
        assert ended.code == 0, ended.err
        assert b"\n" not in ended.out
        assert (
            unseal_value(ended.out.decode(), [vector_key()], scope=Scope(scope), **place)
            == b"one\n"
        )
