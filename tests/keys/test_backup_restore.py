"""`seal backup` and `seal restore`: the file, what comes back, and what is refused."""

from __future__ import annotations

import json
import os
import stat
import sys
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest

from secretsync.sealed.key_secrets import CREATED_AT_ANNOTATION
from tests.keys.command import PROGRAM, RingPlace, process, ran_on_terminal
from tests.keys.kit import LABEL, SECRET, put_key
from tests.keys.test_keys_command import REAL_NOW, VALID
from tests.sealing.kit import key_object, other_key

ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----\n"
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def identity(tmp_path):
    """An age identity file and its recipient."""
    made = pyrage.x25519.Identity.generate()
    file = tmp_path / "identity.txt"
    file.write_text(f"# public key: {made.to_public()}\n{made}\n")
    file.chmod(0o600)
    return file, str(made.to_public())


@pytest.fixture
def passphrase(tmp_path):
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def full(local):
    """A ring with a new, an old, a marked and an unlabelled key."""
    with local.opened() as arena:
        put_key(arena, "new", start=REAL_NOW - timedelta(days=1), end=VALID["end"])
        put_key(arena, "old", other_key(), **VALID)
        put_key(arena, "bad", other_key(1), status="compromised", **VALID)
        put_key(arena, "sealed-secrets-key", other_key(2), labels={}, **VALID)
    return local


@pytest.fixture
def saved(seal, full, identity, tmp_path):
    """The backup of the full ring, to the identity."""
    file = tmp_path / "keys.age"
    ran = seal("backup", *full.flags, "--output", file, "--recipient", identity[1])
    assert (ran.code, ran.out) == (0, "")
    return file


@pytest.fixture
def empty(tmp_path):
    return RingPlace(f"dir:{tmp_path / 'other'}", "keys")


def results(ran):
    return {key["name"]: key["action"] for key in json.loads(ran.out)["keys"]}


def listed(seal, place):
    ran = seal("keys", "list", *place.flags, "-o", "json")
    fields = ("name", "state", "label", "fingerprint", "not_before", "not_after", "created_at")
    return [[key[field] for field in fields] for key in json.loads(ran.out)["keys"]]


def test_backup_is_private_encrypted_and_holds_the_whole_ring(saved, identity, tmp_path):
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    content = saved.read_bytes()
    assert content.startswith(b"age-encryption.org/v1\n-> X25519 ")
    key = pyrage.x25519.Identity.from_str(identity[0].read_text().splitlines()[1])
    document = json.loads(pyrage.decrypt(content, [key]))
    names = [item["metadata"]["name"] for item in document["items"]]
    assert names == ["bad", "new", "old", "sealed-secrets-key"]
    assert all("creationTimestamp" in item["metadata"] for item in document["items"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cluster",
        "identity.txt",
        "keys.age",
    ]


def test_restore_brings_every_key_back_as_it_was(seal, full, saved, identity, empty):
    ran = seal("restore", saved, "--to", empty.to, "--identity", identity[0], "-o", "json")
    assert ran.code == 0
    assert set(results(ran).values()) == {"created"}
    assert "new seals in keys" in ran.err
    assert listed(seal, empty) == listed(seal, full)


def test_restore_twice_changes_nothing_the_second_time(seal, saved, identity, empty, tmp_path):
    arguments = ("restore", saved, "--to", empty.to, "--identity", identity[0], "-o", "json")
    seal(*arguments)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "other").rglob("*.yaml")}
    again = seal(*arguments)
    assert again.code == 0
    assert set(results(again).values()) == {"unchanged"}
    assert {
        path: path.stat().st_mtime_ns for path in (tmp_path / "other").rglob("*.yaml")
    } == before


def test_restore_in_both_kinds_of_cluster_and_into_another_namespace(seal, saved, identity, place):
    ran = seal("restore", saved, *place.flags, "--identity", identity[0], "-o", "json")
    assert ran.code == 0
    assert set(results(ran).values()) == {"created"}
    with place.opened() as arena:
        assert arena.live("bad")["metadata"]["labels"] == {LABEL: "compromised"}
        noted = arena.live("old")["metadata"]["annotations"]
        assert list(noted) == [CREATED_AT_ANNOTATION]
    assert listed(seal, place)[0][0] == "new"


def test_dry_run_shows_what_would_happen_and_does_nothing(seal, saved, identity, empty, tmp_path):
    ran = seal("restore", saved, "--to", empty.to, "--identity", identity[0], "--dry-run")
    assert ran.code == 0
    assert [line.split()[:3] for line in ran.out.splitlines()[1:]] == [
        ["keys", "bad", "create"],
        ["keys", "new", "create"],
        ["keys", "old", "create"],
        ["keys", "sealed-secrets-key", "create"],
    ]
    assert not (tmp_path / "other").exists()


def test_restore_keeps_what_is_there_and_brings_the_rest(seal, saved, identity, empty):
    with empty.opened() as arena:
        put_key(arena, "new", other_key(3), **VALID)
        put_key(arena, "elsewhere-bad", other_key(), status="compromised", **VALID)
    before = listed(seal, empty)
    arguments = ("restore", saved, "--to", empty.to, "--identity", identity[0], "-o", "json")
    ran = seal(*arguments)
    assert ran.code == 1
    done = results(ran)
    (renamed,) = set(done) - {"bad", "old", "sealed-secrets-key"}
    assert done == {
        "bad": "created",
        "old": "refused",
        "sealed-secrets-key": "created",
        renamed: "created",
    }
    after = listed(seal, empty)
    assert after[0][:2] == [renamed, "sealing"]
    # State may change (another key seals), what is known of a key may not.
    assert {tuple(key[2:]) for key in before} <= {tuple(key[2:]) for key in after}
    assert set(results(seal(*arguments)).values()) == {"unchanged", "refused"}
    assert listed(seal, empty) == after


def test_restored_key_that_seals_in_place_of_another_is_named(seal, saved, identity, empty):
    with empty.opened() as arena:
        put_key(arena, "here", other_key(3), start=REAL_NOW - timedelta(days=9), end=VALID["end"])
    ran = seal("restore", saved, "--to", empty.to, "--identity", identity[0])
    assert "warning: new seals in keys from now on, in place of here" in ran.err


def test_secret_that_is_no_key_and_has_a_saved_name_stays(seal, saved, identity, empty):
    with empty.opened() as arena:
        arena.secret("old", data={"a": "1"})
    ran = seal("restore", saved, "--to", empty.to, "--identity", identity[0], "-o", "json")
    assert (ran.code, len(results(ran)), "old" in results(ran)) == (0, 4, False)
    with empty.opened() as arena:
        assert arena.live("old")["data"] == {"a": "MQ=="}


def test_backup_to_a_passphrase_opens_with_it_alone(seal, full, passphrase, empty, tmp_path):
    file = tmp_path / "keys.age"
    assert seal("backup", *full.flags, "--output", file, "--passphrase-file", passphrase).code == 0
    assert file.read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt ")
    wrong = tmp_path / "wrong"
    wrong.write_text(PASSPHRASE.upper())
    wrong.chmod(0o600)
    failed = seal("restore", file, "--to", empty.to, "--passphrase-file", wrong)
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.splitlines() == [
        "seal: error: the backup does not open: it is damaged, or for another passphrase",
        "seal: hint: nothing was changed",
    ]
    assert not (tmp_path / "other").exists()
    good = seal("restore", file, "--to", empty.to, "--passphrase-file", passphrase)
    assert good.code == 0
    assert listed(seal, empty) == listed(seal, full)


@pytest.mark.e2e
def test_passphrase_is_asked_for_on_the_terminal_twice_and_never_shown(full, empty, tmp_path):
    file = tmp_path / "keys.age"
    command = [sys.executable, "-c", PROGRAM]
    env = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    asked = [("Passphrase: ", PASSPHRASE), ("Passphrase again: ", PASSPHRASE)]
    backup = [*command, "backup", *full.flags, "--output", str(file)]
    code, seen = ran_on_terminal(backup, [asked[0], ("again: ", "other")], env=env)
    assert (code, file.exists()) == (1, False)
    assert "the two passphrases differ" in seen
    code, seen = ran_on_terminal(backup, asked, env=env)
    assert code == 0
    assert PASSPHRASE not in seen
    restore = [*command, "restore", str(file), "--to", empty.to]
    code, seen = ran_on_terminal(restore, asked[:1], env=env)
    assert code == 0
    assert "created" in seen
    assert PASSPHRASE not in seen


@pytest.mark.parametrize("verb", ["backup", "restore"])
def test_without_a_terminal_nobody_is_asked(full, tmp_path, verb):
    file = tmp_path / "keys.age"
    arguments = ["backup", *full.flags, "--output", file]
    if verb == "restore":
        file.write_bytes(b"age-encryption.org/v1\n-> scrypt AAAA 18\n")
        arguments = ["restore", file, *full.flags]
    ran = process(*arguments, input=b"typed\ntyped\n")
    assert ran.returncode == 1
    assert b"there is no terminal to ask for a passphrase" in ran.stderr
    assert b"hint: give --" in ran.stderr


def damaged(content):
    """Each part of an age file, hit once: header, wrapped key, header tag, nonce, body."""
    end = content.index(b"\n--- ") + 5
    places = (3, 40, end - 20, end + 5, end + 50, len(content) // 2, len(content) - 1)
    for place in places:
        yield content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    for length in (0, 10, end, len(content) // 2, len(content) - 1):
        yield content[:length]
    yield content + b"\0"


def test_backup_that_is_damaged_anywhere_restores_nothing(seal, saved, identity, empty, tmp_path):
    content = saved.read_bytes()
    for number, other in enumerate(damaged(content)):
        file = tmp_path / f"damaged-{number}"
        file.write_bytes(other)
        ran = seal("restore", file, "--to", empty.to, "--identity", identity[0])
        assert (ran.code, ran.out) == (1, ""), number
        assert ran.err.count("seal: error: ") == 1
        assert "does not open" in ran.err or "is no age file" in ran.err
    assert not (tmp_path / "other").exists()


def test_backup_of_another_identity_restores_nothing(seal, saved, empty, tmp_path):
    other = tmp_path / "other-identity"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    other.chmod(0o600)
    ran = seal("restore", saved, "--to", empty.to, "--identity", other)
    assert (ran.code, ran.out) == (1, "")
    assert "it is damaged, or for another identity" in ran.err


def test_age_file_with_something_else_in_it_restores_nothing(seal, identity, empty, tmp_path):
    recipient = pyrage.x25519.Recipient.from_str(identity[1])
    file = tmp_path / "other.age"
    file.write_bytes(pyrage.encrypt(b"s3cr3t: [", [recipient]))
    ran = seal("restore", file, "--to", empty.to, "--identity", identity[0])
    assert (ran.code, ran.out) == (1, "")
    assert "the backup opened, and holds no key ring" in ran.err
    assert "s3cr3t" not in ran.err


def test_armored_file_is_read(seal, full, saved, identity, empty, tmp_path):
    key = pyrage.x25519.Identity.from_str(identity[0].read_text().splitlines()[1])
    document = pyrage.decrypt(saved.read_bytes(), [key])
    file = tmp_path / "armored.age"
    file.write_bytes(pyrage.encrypt(document, [key.to_public()], armored=True))
    assert seal("restore", file, "--to", empty.to, "--identity", identity[0]).code == 0
    assert listed(seal, empty) == listed(seal, full)


@pytest.mark.parametrize(
    "content",
    [
        b"age-encryption.org/v1\n-> scrypt AAAA 18\n",
        ARMOR + b"YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBBQUFBIDE4CkFBQUFBQUFB\n",
    ],
    ids=["binary", "armored"],
)
def test_backup_to_a_passphrase_is_known_as_one(seal, identity, empty, tmp_path, content):
    file = tmp_path / "keys.age"
    file.write_bytes(content)
    ran = seal("restore", file, "--to", empty.to, "--identity", identity[0])
    assert ran.code == 1
    assert "the backup was encrypted to a passphrase" in ran.err


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        pytest.param([], "the backup was encrypted to recipients", id="none"),
        pytest.param(["--identity", "absent"], "absent: no such file", id="absent"),
        pytest.param(["--identity", "junk"], "holds no identity that can be used", id="junk"),
        pytest.param(["--identity", "public"], "holds no identity that can be used", id="public"),
        pytest.param(["--identity", "none"], "holds no identity that can be used", id="empty"),
    ],
)
def test_identity_that_is_none_is_refused(
    seal, saved, identity, empty, tmp_path, monkeypatch, flags, says
):
    monkeypatch.chdir(tmp_path)
    for name, text in (("junk", "\xff"), ("public", identity[1]), ("none", "# nothing\n")):
        (tmp_path / name).write_text(text, encoding="latin-1")
        (tmp_path / name).chmod(0o600)
    ran = seal("restore", saved, "--to", empty.to, *flags)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err


def test_file_with_a_secret_that_others_may_read_is_warned_of(seal, saved, identity, empty):
    identity[0].chmod(0o640)
    ran = seal("restore", saved, "--to", empty.to, "--identity", identity[0], "--dry-run")
    assert ran.code == 0
    assert "others than its owner have access to the identity; chmod 600 it" in ran.err


def test_backup_never_replaces_a_file_unasked(seal, full, identity, tmp_path):
    file = tmp_path / "keys.age"
    file.write_bytes(b"an older backup")
    arguments = ("backup", *full.flags, "--output", file, "--recipient", identity[1])
    ran = seal(*arguments)
    assert ran.code == 1
    assert "is there already, and may hold keys that the cluster lost" in ran.err
    assert file.read_bytes() == b"an older backup"
    file.chmod(0o644)
    assert seal(*arguments, "--force").code == 0
    assert file.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        pytest.param(["--recipient", "age1junk"], "a --recipient is no age recipient", id="junk"),
        pytest.param(
            ["--recipient", "AGE-SECRET-KEY-1QQQ"], "give the public half", id="the wrong half"
        ),
        pytest.param(["--passphrase-file", "absent"], "absent: no such file", id="no file"),
        pytest.param(["--passphrase-file", "empty"], "the passphrase is empty", id="empty"),
        pytest.param(["--passphrase-file", "two"], "more than one line", id="two lines"),
        pytest.param(["--passphrase-file", "bytes"], "is not UTF-8", id="bytes"),
        pytest.param(["--passphrase-file", "huge"], "is too large", id="huge"),
    ],
)
def test_backup_that_nobody_could_open_is_not_written(
    seal, full, tmp_path, monkeypatch, flags, says
):
    monkeypatch.chdir(tmp_path)
    contents = {"empty": b"\n", "two": b"a\nb\n", "bytes": b"\xff", "huge": b"x" * 70000}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    ran = seal("backup", *full.flags, "--output", "keys.age", *flags)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err
    assert "AGE-SECRET-KEY" not in ran.err
    assert not (tmp_path / "keys.age").exists()


def test_backup_of_no_keys_is_refused_and_says_where_there_are_some(seal, full, identity, tmp_path):
    file = tmp_path / "keys.age"
    ran = seal("backup", "--to", full.to, "--output", file, "--recipient", identity[1])
    assert ran.code == 1
    assert "no sealing keys in namespace secretsync-system" in ran.err
    assert "name the right one with -n; keys are in: keys" in ran.err
    assert not file.exists()


@pytest.mark.parametrize("output", ["absent/keys.age", "."])
def test_backup_into_what_can_be_no_file_is_refused(seal, full, identity, tmp_path, output):
    ran = seal(*("backup", *full.flags, "--recipient", identity[1], "--output", tmp_path / output))
    assert ran.code == 1
    assert "name a file in a folder that exists" in ran.err


def test_broken_key_is_saved_and_said(seal, local, identity, empty, tmp_path):
    with local.opened() as arena:
        put_key(arena, "good", **VALID)
        put_key(arena, "broken", data={"tls.key": "eA=="})
    file = tmp_path / "keys.age"
    ran = seal("backup", *local.flags, "--output", file, "--recipient", identity[1])
    assert ran.code == 0
    assert "broken is broken (data does not contain" in ran.err
    assert "it is saved as it is" in ran.err
    seal("restore", file, "--to", empty.to, "--identity", identity[0])
    assert [key[:2] for key in listed(seal, empty)] == [["good", "sealing"], ["broken", "broken"]]


def test_key_file_that_cannot_be_read_makes_the_backup_a_failure(seal, local, identity, tmp_path):
    with local.opened() as arena:
        put_key(arena, "good", **VALID)
    broken = tmp_path / "cluster" / "keys" / "secrets" / "cut.yaml"
    broken.write_bytes(b"kind: [")
    broken.chmod(0o600)
    file = tmp_path / "keys.age"
    ran = seal("backup", *local.flags, "--output", file, "--recipient", identity[1])
    assert ran.code == 1
    assert "it is NOT in the backup" in ran.err
    assert file.exists()


def test_no_key_material_is_shown_or_left_behind(seal, full, saved, identity, empty, tmp_path):
    shown = [
        seal("restore", saved, "--to", empty.to, "--identity", identity[0], "--dry-run"),
        seal("restore", saved, "--to", empty.to, "--identity", identity[0], "-o", "json"),
        seal("restore", saved, "--to", empty.to, "--identity", identity[0]),
    ]
    text = "".join(ran.out + ran.err for ran in shown).encode() + saved.read_bytes()
    with full.opened() as arena:
        stored = [arena.cluster.get(SECRET, "keys", name) for name in ("new", "old", "bad")]
    for secret in stored:
        encoded = secret["data"]["tls.key"].encode()
        for start in range(0, len(encoded) - 40, 40):
            assert encoded[start : start + 40] not in text
    assert b"PRIVATE KEY" not in text
    secret_half = identity[0].read_text().splitlines()[1].encode()
    assert secret_half not in text


def test_key_object_of_the_kit_is_not_what_is_searched_for_in_vain():
    """The search above would find a key if there were one."""
    assert key_object("x")["data"]["tls.key"][:40]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["backup"], "required: --output, --to"),
        (["backup", "--to", "dir:x", "--output", "f", "--recipient", "a", "--passphrase-file", "b"],
         "not allowed with argument"),
        (["restore", "--to", "dir:x"], "required: FILE"),
        (["restore", "f", "--to", "dir:x", "--identity", "a", "--passphrase-file", "b"],
         "not allowed with argument"),
    ],
)  # fmt: skip
def test_usage_error_is_exit_2(seal, arguments, says):
    ran = seal(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
