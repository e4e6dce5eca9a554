"""`seal check`: each rule with what breaks it and what does not; three forms; exit codes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from secretsync.cli.seal.findings import RULES
from tests.cli.kit import write
from tests.seal_verbs.kit import fingerprint, manifest, run_seal, seal_process, sealed
from tests.seal_verbs.sarif_schema import sarif_schema
from tests.sealing.kit import other_key, vector_key

NOTE = "secretsync.io/sealed-with"
SCOPE = "sealedsecrets.bitnami.com/"
CANARY = "cAnArY-check-77"


def check(*arguments):
    ended = run_seal("check", *arguments, "-o", "json")
    return ended, [(row["rule"], row["field"]) for row in ended.json["findings"]]


def good(**options):
    """As kubeseal and our verbs write it."""
    template = {"metadata": {"name": "db", "namespace": "shop"}}
    return manifest({"k": b"v"}, **{"template": template, **options})


def changed(path, value, obj=None):
    """A good object with one field set; None removes it."""
    obj = obj or good()
    *way, last = path
    target = obj
    for part in way:
        target = target.setdefault(part, {})
    target.pop(last, None) if value is None else target.update({last: value})
    return obj


DATA = ("spec", "encryptedData")
NOTES = ("metadata", "annotations")
TEMPLATE = ("spec", "template", "metadata")

CASES = {
    "unknown-version": (changed(("apiVersion",), "bitnami.com/v2"), "apiVersion"),
    "malformed-object": (changed(("spec", "template"), "text"), "spec.template"),
    "malformed-value/not-base64": (changed((*DATA, "k"), "AgB="), "spec.encryptedData.k"),
    "malformed-value/cut": (changed((*DATA, "k"), sealed(b"v")[:100]), "spec.encryptedData.k"),
    "malformed-value/number": (changed((*DATA, "k"), 5), "spec.encryptedData.k"),
    "malformed-value/empty": (changed((*DATA, "k"), ""), "spec.encryptedData.k"),
    "malformed-value/short-key": (changed((*DATA, "k"), "AAAA" * 20), "spec.encryptedData.k"),
    "invalid-key": (changed((*DATA, "a b"), sealed(b"v")), "spec.encryptedData.a b"),
    "malformed-object/slash": (
        changed(("metadata", "namespace"), "a/b", good(template={})),
        "metadata.namespace",
    ),
    "missing-name": (changed(("metadata", "name"), None), "metadata.name"),
    "missing-namespace": (changed(("metadata", "namespace"), None), "metadata.namespace"),
    "scope-value": (
        changed((*NOTES, SCOPE + "cluster-wide"), "True"),
        f"metadata.annotations.{SCOPE}cluster-wide",
    ),
    "both-scopes": (
        changed(NOTES, {SCOPE + "cluster-wide": "true", SCOPE + "namespace-wide": "true"}),
        "metadata.annotations",
    ),
    "scope-in-template": (
        changed((*TEMPLATE, "annotations"), {SCOPE + "cluster-wide": "true"}),
        "spec.template.metadata.annotations",
    ),
    "template-place": (changed((*TEMPLATE, "name"), "old"), "spec.template.metadata.name"),
    "template-place/namespace": (
        changed((*TEMPLATE, "namespace"), "q"),
        "spec.template.metadata.namespace",
    ),
    "last-applied": (
        changed(
            (*TEMPLATE, "annotations"), {"kubectl.kubernetes.io/last-applied-configuration": CANARY}
        ),
        "spec.template.metadata.annotations.kubectl.kubernetes.io/last-applied-configuration",
    ),
    "old-form": (changed(("spec",), {"data": sealed(b"{}")}), "spec.data"),
    "plaintext-secret": (
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": CANARY}},
        "data",
    ),
    "plaintext-secret/list": (
        {
            "apiVersion": "v1",
            "kind": "SecretList",
            "items": [{"metadata": {"name": "s"}, "stringData": {"k": CANARY}}],
        },
        "stringData",
    ),
}


@pytest.mark.parametrize(("rule", "case"), CASES.items(), ids=list(CASES))
def test_each_rule_finds_what_breaks_it_and_nothing_else(tmp_path, rule, case):
    obj, field = case
    file = write(tmp_path / "s.yaml", obj)
    ended, found = check(file)
    assert ended.code == 1
    assert found == [(rule.partition("/")[0], field)]
    assert CANARY not in ended.out + ended.err
    (row,) = ended.json["findings"]
    assert row["file"] == str(file)
    assert row["line"] > 0
    assert row["remedy"]


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(good(), id="strict"),
        pytest.param(good(template={}), id="no-template"),
        pytest.param(
            good(
                annotations={SCOPE + "cluster-wide": "true"},
                namespace="",
                template={"metadata": {"annotations": {SCOPE + "cluster-wide": "true"}}},
            ),
            id="cluster-wide",
        ),
        pytest.param(good(annotations={SCOPE + "cluster-wide": "false"}), id="scope-off"),
        pytest.param(changed(DATA, {}), id="empty"),
        pytest.param({"apiVersion": "v1", "kind": "Secret", "metadata": {}}, id="empty-secret"),
        pytest.param({"apiVersion": "x/v1", "kind": "Secret", "data": {"a": "b"}}, id="other-kind"),
    ],
)
def test_what_is_right_is_no_finding(tmp_path, obj):
    ended, found = check(write(tmp_path / "s.yaml", obj))
    assert (ended.code, found) == (0, [])


def test_line_is_the_one_of_the_field(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(f"# first\n---\n# second\n{yaml.safe_dump(changed((*DATA, 'k'), 'x'))}")
    ended, _ = check(file)
    (row,) = ended.json["findings"]
    assert "k: x" in file.read_text().splitlines()[row["line"] - 1]


def test_namespace_may_be_given_for_files_that_name_none(tmp_path):
    file = write(tmp_path / "s.yaml", changed(("metadata", "namespace"), None))
    assert check(file, "-n", "shop")[0].code == 0


def noted(*fingerprints, key=None):
    return good(annotations={NOTE: ",".join(fingerprints)} if fingerprints else None, key=key)


OLD, NEW = vector_key().fingerprint, other_key().fingerprint
COMPARED = [
    pytest.param(noted(OLD), ["--cert", "{old}"], [], "current", id="noted"),
    pytest.param(noted(NEW), ["--cert", "{old}"], ["other-certificate"], "other", id="other-noted"),
    pytest.param(noted(OLD, NEW), ["--cert", "{old}"], ["other-certificate"], "other", id="mixed"),
    pytest.param(noted(OLD, "unknown"), ["--cert", "{old}"], [], "unknown", id="partly"),
    pytest.param(noted(), ["--cert", "{old}"], [], "unknown", id="not-noted"),
    pytest.param(noted(), ["--sealing-key", "{oldkey}"], [], "unknown", id="opens"),
    pytest.param(noted(), ["--sealing-key", "{newkey}"], ["does-not-open"], "unknown", id="closed"),
    pytest.param(noted(OLD), ["--sealing-key", "{newkey}"], [], "unknown", id="key-not-given"),
    pytest.param(
        noted(), ["--cert", "{old}", "--sealing-key", "{oldkey}"], [], "current", id="tried"
    ),
    pytest.param(
        noted(OLD, key=other_key()),
        ["--cert", "{old}", "--sealing-key", "{oldkey}", "--sealing-key", "{newkey}"],
        ["other-certificate"],
        "other",
        id="annotation-lies",
    ),
    pytest.param(
        changed(("metadata", "name"), "moved", noted(OLD)),
        ["--sealing-key", "{oldkey}", "--ignore", "template-place"],
        ["does-not-open"],
        "unknown",
        id="moved",
    ),
    pytest.param(
        noted(OLD), ["--cert", "{expired}"], ["certificate-expired"], "current", id="expired"
    ),
]


@pytest.mark.parametrize(("obj", "arguments", "rules", "state"), COMPARED)
def test_certificate_is_told_by_annotation_and_keys_and_else_unknown(
    tmp_path, files, obj, arguments, rules, state
):
    names = {"old": files.cert, "oldkey": files.key, "newkey": files.new_key}
    names["expired"] = files.expired_cert
    file = write(tmp_path / "s.yaml", obj)
    ended, found = check(file, *(argument.format(**names) for argument in arguments))
    assert [rule for rule, _ in found] == rules
    assert ended.code == bool(rules)
    (row,) = ended.json["sealedSecrets"]
    assert row["certificate"] == state


def test_value_of_another_key_size_is_found_without_any_key(tmp_path, files):
    long = bytes([1, 128]) + bytes(384 + 16)
    import base64

    obj = changed((*DATA, "k"), base64.b64encode(long).decode(), noted(OLD))
    _, found = check(write(tmp_path / "s.yaml", obj), "--cert", files.cert)
    assert found == [("other-certificate", "spec.encryptedData.k")]


LEFTOVERS = [".s.yaml.swp", "s.yaml~", "#s.yaml#", "s.yaml.bak", "s.yaml.orig", "x.json.rej"]
ENV_FILES = [".env", ".env.production", "prod.env"]


def test_leftovers_and_files_of_secrets_beside_sealed_ones_are_found(tmp_path):
    write(tmp_path / "in" / "s.yaml", good())
    for name in [*LEFTOVERS, *ENV_FILES, ".env.example", "notes.txt", "env", "a.env.dist"]:
        (tmp_path / "in" / name).write_text(CANARY)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".env").write_text(CANARY)
    ended = run_seal("check", tmp_path, "-o", "json")
    found = {(Path(row["file"]).name, row["rule"]) for row in ended.json["findings"]}
    assert found == {(name, "editor-leftover") for name in LEFTOVERS} | {
        (name, "plaintext-file") for name in ENV_FILES
    }
    assert all("/in/" in row["file"] for row in ended.json["findings"])
    assert CANARY not in ended.out


def test_what_git_ignores_is_no_finding(tmp_path):
    write(tmp_path / "s.yaml", good())
    (tmp_path / ".env").write_text("A=b")
    assert run_seal("check", tmp_path).code == 1
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(".env\n")
    assert run_seal("check", tmp_path).code == 0


def test_texts_that_do_not_parse_are_findings_only_where_they_concern_secrets(tmp_path):
    (tmp_path / "chart.yaml").write_text("kind: {{ .Values.kind }}\nname: mySecret\n")
    (tmp_path / "helm.yaml").write_text("kind: SealedSecret\n{{ if .x }}\nk: v\n{{ end }}\n")
    (tmp_path / "conflict.yaml").write_text(
        f"<<<<<<< ours\nkind: SealedSecret\nk: {CANARY}: '{{{{ .x }}}}'\n"
    )
    ended = run_seal("check", tmp_path, "-o", "json")
    assert [(r["rule"], Path(r["file"]).name) for r in ended.json["findings"]] == [
        ("unparsable-manifest", "conflict.yaml")
    ]
    assert "2 files are templates or no manifests" in ended.err
    assert CANARY not in ended.out + ended.err


def test_rules_can_be_left_out_by_id(tmp_path):
    file = write(tmp_path / "s.yaml", changed((*DATA, "a b"), "x"))
    _, found = check(file, "--ignore", "invalid-key")
    assert [rule for rule, _ in found] == ["malformed-value"]
    assert check(file, "--ignore", "invalid-key", "--ignore", "malformed-value")[0].code == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["/nope"], "does not exist", id="no-path"),
        pytest.param(["{file}", "--cert", "/nope"], "no such file", id="no-cert"),
        pytest.param(["{file}", "--sealing-key", "/nope"], "cannot be read", id="no-key"),
        pytest.param(["{file}", "--ignore", "x"], "no rule is called x", id="no-rule"),
        pytest.param(["{file}", "-o", "xml"], "invalid choice", id="no-form"),
        pytest.param([], "PATH", id="no-argument"),
        pytest.param(["-"], "not a file or folder", id="stdin"),
    ],
)
def test_check_that_cannot_be_made_exits_2(tmp_path, arguments, reason):
    file = write(tmp_path / "s.yaml", good())
    ended = run_seal("check", *(argument.format(file=file) for argument in arguments))
    assert ended.code == 2
    assert reason in ended.err


@pytest.mark.parametrize(
    ("name", "code"), [("good.yaml", 0), ("bad.yaml", 1), ("missing.yaml", 2), (".", 1)]
)
def test_exit_code_of_the_process_tells_the_result(tmp_path, name, code):
    write(tmp_path / "good.yaml", good())
    write(tmp_path / "bad.yaml", changed((*DATA, "k"), "x"))
    assert seal_process("check", tmp_path / name).code == code


def test_unreadable_wins_over_findings_and_all_is_reported(tmp_path):
    write(tmp_path / "bad.yaml", changed((*DATA, "k"), "x"))
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nothing")
    ended, found = check(tmp_path)
    assert (ended.code, len(found), len(ended.json["unreadable"])) == (2, 1, 1)


def test_text_names_place_object_field_and_remedy(tmp_path):
    file = write(tmp_path / "s.yaml", changed((*DATA, "k"), "x"))
    out = run_seal("check", file).out
    assert out.startswith(f"{file}:")
    assert (
        "[malformed-value]\n  object: SealedSecret shop/db\n  field:  spec.encryptedData.k\n" in out
    )
    assert f"  remedy: {RULES['malformed-value'].remedy}\n" in out
    assert out.endswith("1 files, 1 SealedSecrets, 1 finding; of 1 the certificate is unknown\n")


def _uri(place):
    return place["artifactLocation"]["uri"]


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param({"version": "2.2.0"}, id="version"),
        pytest.param({"runs": [{"results": []}]}, id="no tool"),
        pytest.param({"runs": [{"tool": {"driver": {"name": "x"}}, "more": 1}]}, id="unknown"),
    ],
)
def test_schema_that_reports_are_held_against_refuses_what_is_no_sarif(spoiled):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": "2.1.0", "runs": []} | spoiled, sarif_schema())


def test_sarif_is_valid_and_says_what_json_says(tmp_path, files, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, (obj, _) in enumerate(CASES.values()):
        write(tmp_path / f"dir é {number}" / "s.yaml", obj)
    (tmp_path / "dir é 0" / ".env").write_text("A=b")
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nothing")
    ended = run_seal("check", ".", "-o", "sarif")
    assert ended.code == 2
    jsonschema.validate(ended.json, sarif_schema())
    (run,) = ended.json["runs"]
    rows = run_seal("check", ".", "-o", "json").json["findings"]
    assert [result["ruleId"] for result in run["results"]] == [row["rule"] for row in rows]
    for result, row in zip(run["results"], rows, strict=True):
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        # RFC 3986; the schema names the format, which jsonschema alone does not look at.
        assert re.fullmatch(r"(?:[\w.~!$&'()*+,;=:@/?#-]|%[0-9A-F]{2})+", _uri(place), re.ASCII)
        assert place["region"]["startLine"] == row["line"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    prints = [result["partialFingerprints"]["sealCheck/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)
    assert CANARY not in ended.out
    assert run["invocations"] == [
        {
            "executionSuccessful": False,
            "toolExecutionNotifications": [
                {"level": "error", "message": {"text": ended.err.splitlines()[0][13:]}}
            ],
        }
    ]


def test_every_rule_has_a_case():
    covered = {name.partition("/")[0] for name in CASES} | {
        *("unparsable-manifest", "plaintext-file", "editor-leftover"),
        *("certificate-expired", "other-certificate", "does-not-open"),
    }
    assert covered == RULES.keys()


def test_certificate_of_the_environment_is_compared(tmp_path, files, monkeypatch):
    monkeypatch.setenv("SEALED_SECRETS_CERT", files.cert)
    _, found = check(write(tmp_path / "s.yaml", noted(NEW)))
    assert found == [("other-certificate", f"metadata.annotations.{NOTE}")]
    assert fingerprint(files.cert) == OLD
