"""`seal` shows no plaintext and no private key, whatever goes wrong.

Not on a stream, not to other processes, not in a file.
"""

from __future__ import annotations

import base64
import json
import signal
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from sealing import seal_secret
from tests.leaks.watching import CANARY, holds_secret, start, watch
from tests.sealing.kit import certificate, key_object, other_key, vector_key

pytestmark = pytest.mark.e2e

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
PLACE = {"name": "db", "namespace": "shop"}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": PLACE}
ENCODED = base64.b64encode(CANARY.encode()).decode()
GOOD = json.dumps(SECRET | {"data": {"k": ENCODED}, "stringData": {"s": CANARY}}).encode()


def current(key):
    return certificate(key, start=NOW - DAY, end=NOW + 300 * DAY)


def text(**fields):
    return yaml.safe_dump(SECRET | fields).encode()


def sealed(**change):
    made = seal_secret(SECRET | {"stringData": {"k": CANARY}}, current(vector_key()), now=NOW)
    made["spec"]["encryptedData"] |= change
    return made


EDITORS = {
    "broken.sh": "printf '%s\\n' ': [' >> \"$1\"",
    "failing.sh": "exit 3",
    # Not the value itself: an editor's own arguments are the user's.
    "changing.sh": f"sleep 0.5; sed -i 's/{CANARY[:6]}.*/other/' \"$1\"",
    "backup.sh": 'cp "$1" "$1~"; printf \'x: y\\n\' >> "$1"',
    "killed.sh": "kill -TERM $PPID; sleep 1",
}


@pytest.fixture
def place(tmp_path):
    """Certificates, keys, manifests and editors, by the names that the cases use."""
    private = vector_key().reveal_pem()
    broken_key = key_object("k")
    broken_key["data"]["tls.key"] = ENCODED
    files = {
        "cert.pem": current(vector_key()).pem,
        "new.pem": current(other_key()).pem,
        "expired.pem": certificate(end=NOW - DAY).pem,
        "short.pem": b"-----BEGIN CERTIFICATE-----\n" + ENCODED.encode() + b"\n",
        "key.pem": private,
        "other.pem": other_key().reveal_pem(),
        "cut.pem": private[:-40],
        "altered.pem": private.replace(b"a", b"b"),
        "canary.pem": private.replace(private.splitlines()[3], ENCODED.encode()),
        "keys.yaml": yaml.safe_dump(broken_key).encode(),
        "plain.yaml": text(stringData={"k": CANARY}),
        "bad.yaml": text(data={"k": CANARY}),
        "junk.yaml": f"k: [{CANARY}\n".encode(),
        "sealed.yaml": yaml.safe_dump(sealed()).encode(),
        "cut.yaml": yaml.safe_dump(sealed(b="AA==", c="!")).encode(),
        "value": CANARY.encode(),
        "passphrase": CANARY.encode() + b"\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for name, script in EDITORS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o700)
    return tmp_path


def case(id_, *arguments, stdin=b"", code=1, **extra):
    return pytest.param(arguments, stdin, code, extra, id=id_)


CERT = ("--cert", "cert.pem")
RAW = ("--raw", "--from-file", "value")
DROP_IN = [
    case("seals", *CERT, stdin=GOOD, code=0),
    case("seals YAML", *CERT, "-o", "yaml", stdin=text(stringData={"k": CANARY}), code=0),
    case("data that is not base64", *CERT, stdin=text(data={"k": CANARY})),
    case("data of another kind", *CERT, stdin=text(data={"k": [CANARY]})),
    case("stringData of another kind", *CERT, stdin=text(stringData=[CANARY])),
    case("broken YAML", *CERT, stdin=f"stringData: {{k: {CANARY}\n".encode()),
    case("broken JSON", *CERT, stdin=GOOD[:-10]),
    case("repeated key", *CERT, stdin=GOOD[:-1] + b',"data":{"k":"' + ENCODED.encode() + b'"}}'),
    case("not UTF-8", *CERT, stdin=b"\xff" + CANARY.encode()),
    case("good, then broken", *CERT, stdin=GOOD + b"\n---\nk: [" + CANARY.encode()),
    case("other namespace", *CERT, "-n", "else", stdin=GOOD),
    case("expired certificate", "--cert", "expired.pem", stdin=GOOD),
    case("no certificate", "--cert", "short.pem", stdin=GOOD),
    case("no such certificate", "--cert", "none.pem", stdin=GOOD),
    case("private key as certificate", "--cert", "key.pem", stdin=GOOD),
    case("unknown form", *CERT, "-o", "toml", stdin=GOOD),
    case("raw", *CERT, *RAW, "--name", "db", "-n", "shop", code=0),
    case("raw without a name", *CERT, *RAW, "-n", "shop"),
    case("raw from standard input", *CERT, "--raw", "--scope", "cluster-wide",
         stdin=CANARY.encode(), code=0),
    case("merge into junk", *CERT, "--merge-into", "junk.yaml", stdin=GOOD),
    case("merge", *CERT, "--merge-into", "sealed.yaml", stdin=GOOD, code=0),
    case("recovery with another key", "--recovery-unseal", "--recovery-private-key", "other.pem",
         stdin=json.dumps(sealed()).encode()),
    case("recovery of cut values", "--recovery-unseal", "--recovery-private-key", "key.pem",
         stdin=json.dumps(sealed(b="AA==")).encode()),
    case("recovery with a cut key", "--recovery-unseal", "--recovery-private-key", "cut.pem",
         stdin=json.dumps(sealed()).encode()),
    case("recovery with an altered key", "--recovery-unseal", "--recovery-private-key",
         "altered.pem", stdin=json.dumps(sealed()).encode()),
]  # fmt: skip
VERBS = [
    case("set", "set", "sealed.yaml", "k", *CERT, stdin=CANARY.encode(), code=0),
    case("set from a file", "set", "sealed.yaml", "k", "--from-file", "value", *CERT, code=0),
    case("set in junk", "set", "junk.yaml", "k", *CERT, stdin=CANARY.encode()),
    case("set in a plain Secret", "set", "plain.yaml", "k", *CERT, stdin=CANARY.encode()),
    case("set for an expired certificate", "set", "sealed.yaml", "k", "--cert", "expired.pem",
         stdin=CANARY.encode()),
    case("unset in a plain Secret", "unset", "plain.yaml", "k"),
    case("files", "files", "plain.yaml", "--output-dir", "out", *CERT, code=0),
    case("files, a bad one", "files", "plain.yaml", "bad.yaml", "junk.yaml", "--in-place", *CERT),
    case("files, told as JSON", "files", "bad.yaml", "--in-place", "-o", "json", *CERT),
    case("rotate", "rotate", "sealed.yaml", "--cert", "new.pem", "--sealing-key", "key.pem",
         code=0),
    case("rotate with another key", "rotate", "sealed.yaml", "cut.yaml", "--cert", "new.pem",
         "--sealing-key", "other.pem"),
    case("rotate with a cut key", "rotate", "sealed.yaml", "--cert", "new.pem", "--sealing-key",
         "cut.pem"),
    case("rotate with a key of a canary", "rotate", "sealed.yaml", "--cert", "new.pem",
         "--sealing-key", "canary.pem"),
    case("rotate with a broken key Secret", "rotate", "sealed.yaml", "--cert", "new.pem",
         "--sealing-key", "keys.yaml"),
    case("check", "check", "plain.yaml", "bad.yaml", "junk.yaml", "sealed.yaml", "cut.yaml",
         "--sealing-key", "key.pem", *CERT),
    case("check as SARIF", "check", "plain.yaml", "bad.yaml", "cut.yaml", "-o", "sarif"),
    case("check as JSON", "check", "plain.yaml", "bad.yaml", "cut.yaml", "-o", "json"),
    case("keys of a broken pair", "keys", "create", "--to", "dir:world", "--cert", "new.pem",
         "--private-key", "key.pem"),
    case("keys of a cut key", "keys", "create", "--to", "dir:world", "--cert", "cert.pem",
         "--private-key", "cut.pem"),
    case("restore of junk", "restore", "plain.yaml", "--to", "dir:world", "--passphrase-file",
         "passphrase"),
    case("backup without a ring", "backup", "--to", "dir:world", "--output", "keys.age",
         "--passphrase-file", "passphrase"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "stdin", "code", "extra"), [*DROP_IN, *VERBS])
def test_run_shows_no_secret_to_anybody(place, arguments, stdin, code, extra):
    seen = watch(place, list(arguments), stdin=stdin, **extra)
    assert seen.code == code, seen.err.decode()
    assert b"Traceback" not in seen.err
    assert not holds_secret(seen.out), seen.out.decode()
    assert not holds_secret(seen.err), seen.err.decode()
    assert (seen.exposed, seen.written) == (set(), {})


def test_plaintext_that_is_asked_for_goes_to_standard_output_only(place):
    arguments = ["--recovery-unseal", "--recovery-private-key", "key.pem"]
    seen = watch(place, arguments, stdin=json.dumps(sealed()).encode())
    assert (seen.code, seen.exposed, seen.written, seen.err) == (0, set(), {}, b"")
    assert holds_secret(seen.out)


# One after the other: they look at folders that all of them share.
@pytest.mark.xdist_group("edit-leaks")
@pytest.mark.parametrize(
    ("editor", "code"),
    [("changing.sh", 0), ("failing.sh", 1), ("broken.sh", 1), ("backup.sh", 0), ("killed.sh", -15)],
)
def test_edit_keeps_plaintext_in_a_private_folder_that_goes(place, editor, code):
    arguments = ["edit", "sealed.yaml", "--sealing-key", "key.pem", *CERT]
    seen = watch(place, arguments, stdin=b"", EDITOR=str(place / editor))
    assert seen.code == code, seen.err.decode()
    assert not holds_secret(seen.out + seen.err)
    assert seen.exposed == set()
    assert seen.left == set()
    assert {mode for mode in seen.written.values() if mode} <= {0o700}
    # The slow one shows that the watch sees what there is to see.
    assert seen.written or editor != "changing.sh"


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(["set", "sealed.yaml", "k", CANARY], id="value"),
        pytest.param(["set", "sealed.yaml", f"k={CANARY}", CANARY], id="value twice"),
        pytest.param(["set", "sealed.yaml", "k", f"--value={CANARY}"], id="flag"),
        pytest.param(["unset", "sealed.yaml", "k", CANARY], id="unset"),
    ],
)
def test_value_in_the_arguments_by_mistake_is_not_repeated(place, mistake):
    """It is in the shell's history by now; logs of the run need not have it as well."""
    seen = watch(place, [*mistake], stdin=b"")
    assert seen.code == 2
    assert not holds_secret(seen.out + seen.err), seen.err.decode()
    assert seen.exposed == {"cmdline"}


def test_process_that_crashes_with_a_value_in_memory_dumps_none_of_it(place):
    """The fault handler is on in these runs, as PYTHONFAULTHANDLER switches it on."""
    process = start(place, ["--raw", "--scope", "cluster-wide", *CERT])
    with process:
        process.stdin.write(CANARY.encode() * 20_000)
        process.stdin.flush()
        # More than a pipe holds: what was written has been read, most of it.
        process.send_signal(signal.SIGABRT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGABRT
    assert b"Fatal Python error: Aborted" in err
    assert not holds_secret(out + err)


def test_ring_goes_into_a_backup_and_back_without_being_shown(place):
    """The ring of a directory is plain files by design: only they may hold keys."""
    here, there = place / "world", place / "other"
    ring = ["--private-key", "key.pem", "--to", "dir:world", *CERT]
    phrase = ["--passphrase-file", "passphrase"]
    runs = [
        watch(place, ["keys", "create", *ring], stdin=b""),
        watch(place, ["keys", "list", "--to", "dir:world"], stdin=b""),
        watch(place, ["keys", "list", "--to", "dir:world", "-o", "json"], stdin=b""),
        watch(place, ["backup", "--to", "dir:world", "--output", "k.age", *phrase], stdin=b""),
        watch(place, ["restore", "k.age", "--to", "dir:other", *phrase], stdin=b""),
        watch(place, ["restore", "k.age", "--to", "dir:third", "--passphrase-file", "value",
                      "--dry-run"], stdin=b""),
    ]  # fmt: skip
    assert [seen.code for seen in runs] == [0] * 6, [seen.err.decode() for seen in runs]
    for seen in runs:
        assert not holds_secret(seen.out + seen.err), seen.err.decode()
        assert seen.exposed == set()
    written = {path for seen in runs for path in seen.written}
    assert {path for path in written if here not in path.parents and there not in path.parents} == (
        set()
    )
    for path in written:
        if path.exists():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert not holds_secret((place / "k.age").read_bytes())
    assert Path(place / "k.age").stat().st_mode & 0o077 == 0
