"""Signed commits: real keys of SSH and of GPG, real git, and what does not count."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from secretsync.gitops.errors import GitOpsError, RenderError, SourceForbidden
from secretsync.gitops.sources.gpg_program import gpg_verdict, opened_keyring
from secretsync.gitops.sources.integrity import policy_of
from secretsync.gitops.sources.signed_objects import read_signed
from secretsync.gitops.sources.ssh_signatures import ssh_fingerprint
from secretsync.resources.app_project_spec import (
    AppProjectSpec,
    GitIntegrity,
    GitPolicy,
    GpgPolicy,
    PolicyRepo,
    SourceIntegrity,
)
from secretsync.resources.application_spec import Source
from tests.gitops.signing_kit import GpgHome, Signed, gpg_home, ssh_key

needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="there is no gpg program")
SEAL = "--trailer=Argocd-gpg-seal: looked at"


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    return Signed(tmp_path)


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as made:
        made.make("alice")
        made.make("bob")
        made.make("late", expires="20200601T000000", faked="20200101T000000")
        yield made


def refused(signed: Signed, spec: dict[str, Any], commit: str, revision: str = "main") -> str:
    with pytest.raises(SourceForbidden) as caught:
        signed.check(spec, commit, revision=revision)
    return caught.value.message


@pytest.mark.parametrize(
    "kind",
    [
        ("-t", "ed25519"),
        ("-t", "rsa", "-b", "2048"),
        ("-t", "ecdsa", "-b", "256"),
        ("-t", "ecdsa", "-b", "384"),
        ("-t", "ecdsa", "-b", "521"),
    ],
)
def test_commit_signed_by_an_ssh_key_of_the_project_is_allowed(
    signed: Signed, tmp_path: Path, kind: tuple[str, ...]
) -> None:
    fingerprint = ssh_key(tmp_path / "key", *kind)
    commit = signed.commit(ssh=tmp_path / "key")
    signed.check(signed.policy("head", fingerprint), commit)
    assert fingerprint in refused(signed, signed.policy("head", "SHA256:other"), commit)


def test_commit_without_a_signature_is_refused_by_its_author(signed: Signed) -> None:
    commit = signed.commit()
    said = refused(signed, signed.policy("head", "SHA256:x"), commit)
    assert f"commit {commit[:10]} by 'An Author <author@example.invalid>' is unsigned" in said


def test_commit_of_a_repository_without_a_policy_is_not_verified(signed: Signed) -> None:
    commit = signed.commit()
    signed.check({"sourceIntegrity": {"git": {"policies": []}}}, commit)
    signed.check(signed.policy("none"), commit)
    assert signed.git.verbs["cat-file"] == 0


def test_repository_with_two_policies_is_refused(signed: Signed) -> None:
    spec = signed.policy("none")
    spec["sourceIntegrity"]["git"]["policies"] *= 2
    assert "2 policies" in refused(signed, spec, signed.commit())


@pytest.mark.parametrize("written", ["{url}", "{url}.git", "{url}/"])
def test_policy_is_for_a_repository_however_its_url_is_written(
    signed: Signed, written: str
) -> None:
    spec = signed.policy("head")
    url = written.format(url=signed.repository.url)
    spec["sourceIntegrity"]["git"]["policies"][0]["repos"] = [{"url": url}]
    refused(signed, spec, signed.commit())


@pytest.mark.parametrize(
    ("repos", "url"),
    [
        ("https://example.com/Team/*", "https://example.com/TEAM/r"),
        ("https://example.com/Team/*", "https://Example.com:443/Team/r.git"),
        ("git@example.com:team/*", "ssh://git@example.com/team/r"),
        ("ssh://git@example.com/team/*", "root@example.com:Team/r.git"),
    ],
)
def test_policy_is_not_got_round_by_how_a_url_is_written(repos: str, url: str) -> None:
    policy = GitPolicy((PolicyRepo(repos),), GpgPolicy("head"))
    spec = AppProjectSpec(source_integrity=SourceIntegrity(GitIntegrity((policy,))))
    assert policy_of(spec, Source(url)) == policy.gpg
    assert policy_of(spec, Source("https://example.com/others/r")) is None


def test_policy_leaves_out_what_it_excludes(signed: Signed) -> None:
    spec = signed.policy("head")
    spec["sourceIntegrity"]["git"]["policies"][0]["repos"] = [
        {"url": "*"},
        {"url": f"!{signed.repository.url}"},
    ]
    signed.check(spec, signed.commit())


def test_strict_policy_reads_the_whole_history(signed: Signed, tmp_path: Path) -> None:
    fingerprint = ssh_key(tmp_path / "key")
    first = signed.commit()
    commit = signed.commit(ssh=tmp_path / "key")
    signed.check(signed.policy("head", fingerprint), commit)
    said = refused(signed, signed.policy("strict", fingerprint), commit)
    assert f"commit {first[:10]} by" in said
    assert commit[:10] not in said


def test_strict_policy_ends_at_a_signed_seal_alone(signed: Signed, tmp_path: Path) -> None:
    fingerprint = ssh_key(tmp_path / "key")
    strict = signed.policy("strict", fingerprint)
    signed.commit()
    refused(signed, strict, signed.commit(SEAL))
    signed.commit(SEAL, ssh=tmp_path / "key")
    commit = signed.commit(ssh=tmp_path / "key")
    signed.check(strict, commit)


def test_strict_policy_reads_both_sides_of_a_merge(signed: Signed, tmp_path: Path) -> None:
    fingerprint = ssh_key(tmp_path / "key")
    key = tmp_path / "key"
    signed.commit(ssh=key)
    signed.repository.git("checkout", "--quiet", "-b", "side")
    side = signed.commit()
    signed.repository.git("checkout", "--quiet", "main")
    signed.commit(ssh=key)
    signed.repository.git(
        *("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}"),
        *("merge", "--quiet", "--no-ff", "--gpg-sign", "--message=merge", "side"),
    )
    signed.repositories.forget()
    commit = signed.repository.git("rev-parse", "HEAD")
    assert side[:10] in refused(signed, signed.policy("strict", fingerprint), commit)


def test_strict_policy_verifies_what_is_new_alone(signed: Signed, tmp_path: Path) -> None:
    fingerprint = ssh_key(tmp_path / "key")
    strict = signed.policy("strict", fingerprint)
    signed.check(strict, signed.commit(ssh=tmp_path / "key"))
    before = signed.git.calls
    commit = signed.commit(ssh=tmp_path / "key")
    signed.check(strict, commit)
    signed.check(strict, commit)
    assert signed.git.verbs["rev-list"] == 2
    again = signed.git.calls
    signed.later()
    signed.check(strict, commit)
    assert signed.git.calls > again > before


def test_tag_is_verified_instead_of_its_commit(signed: Signed, tmp_path: Path) -> None:
    fingerprint = ssh_key(tmp_path / "key")
    head = signed.policy("head", fingerprint)
    commit = signed.commit()
    signed.tag("v1", ssh=tmp_path / "key")
    signed.tag("v2")
    signed.check(head, commit, revision="v1")
    signed.check(head, commit, revision="refs/tags/v1")
    assert "tag" in refused(signed, head, commit, "v2")
    assert "commit" in refused(signed, head, commit, "main")
    # With its history, both count.
    assert "commit" in refused(signed, signed.policy("strict", fingerprint), commit, "v1")
    signed.tag("v2", ssh=tmp_path / "key", force=True)
    signed.check(head, commit, revision="v2")


def test_branch_of_the_same_name_is_not_the_signed_tag(signed: Signed, tmp_path: Path) -> None:
    fingerprint = ssh_key(tmp_path / "key")
    commit = signed.commit()
    signed.tag("v1", ssh=tmp_path / "key")
    signed.repository.git("branch", "v1", "refs/tags/v1^{}")
    signed.repositories.forget()
    assert "commit" in refused(signed, signed.policy("head", fingerprint), commit, "v1")


@needs_gpg
def test_commit_signed_by_a_gpg_key_of_the_project_is_allowed(
    tmp_path: Path, home: GpgHome
) -> None:
    signed = Signed(tmp_path, home)
    alice = home.keys["alice"]
    commit = signed.commit(gpg=alice)
    signed.keyring(**home.public("alice", "bob"))
    for written in (alice, alice[-16:], f"0x{alice[-16:].lower()}"):
        signed.check(signed.policy("head", written), commit)
    signed.check({"signatureKeys": [{"keyID": alice[-16:]}]}, commit)
    # Eight digits are a collision away from any key.
    for written in (alice[-8:], home.keys["bob"], ""):
        said = refused(signed, signed.policy("head", written), commit)
        assert f"is signed by the key {alice[-16:]}" in said


@needs_gpg
def test_gpg_key_that_is_not_in_the_keyring_does_not_count(tmp_path: Path, home: GpgHome) -> None:
    signed = Signed(tmp_path, home)
    commit = signed.commit(gpg=home.keys["alice"])
    head = signed.policy("head", home.keys["alice"])
    assert "the key is not in the keyring" in refused(signed, head, commit)
    signed.keyring(**home.public("bob"))
    assert "the key is not in the keyring" in refused(signed, head, commit)
    signed.keyring(**home.public("alice"))
    signed.check(head, commit)


@needs_gpg
def test_tag_and_history_are_verified_by_gpg_too(tmp_path: Path, home: GpgHome) -> None:
    signed = Signed(tmp_path, home)
    alice, bob = home.keys["alice"], home.keys["bob"]
    signed.keyring(**home.public("alice", "bob"))
    signed.commit(gpg=bob)
    commit = signed.commit(gpg=alice)
    signed.tag("v1", gpg=bob)
    signed.check(signed.policy("head", bob), commit, revision="v1")
    signed.check(signed.policy("strict", alice, bob), commit, revision="v1")
    assert bob[-16:] in refused(signed, signed.policy("strict", alice), commit)


@needs_gpg
def test_gpg_key_that_has_expired_does_not_count(tmp_path: Path, home: GpgHome) -> None:
    signed = Signed(tmp_path, home)
    commit = signed.commit(gpg=home.keys["late"], then="20200201T000000")
    signed.keyring(**home.public("late"))
    said = refused(signed, signed.policy("head", home.keys["late"]), commit)
    assert "the key has expired" in said


@needs_gpg
@pytest.mark.parametrize("changed", [b"change", b"An Author"])
def test_gpg_signature_of_another_text_does_not_count(
    tmp_path: Path, home: GpgHome, changed: bytes
) -> None:
    signed = Signed(tmp_path, home)
    signed.commit(gpg=home.keys["alice"])
    signed.keyring(**home.public("alice"))
    said = refused(signed, signed.policy("head", home.keys["alice"]), forged(signed, changed))
    assert "the signature is not of this text" in said


def test_ssh_signature_of_another_text_does_not_count(signed: Signed, tmp_path: Path) -> None:
    fingerprint = ssh_key(tmp_path / "key")
    signed.commit(ssh=tmp_path / "key")
    said = refused(signed, signed.policy("head", fingerprint), forged(signed, b"change"))
    assert "not of this text" in said


def forged(signed: Signed, changed: bytes) -> str:
    """Make the newest commit say something else under its signature; return it."""
    raw = signed.repository.git("cat-file", "commit", "HEAD").encode() + b"\n"
    file = signed.folder / "forged"
    file.write_bytes(raw.replace(changed, b"changed by somebody", 1))
    made = signed.repository.git("hash-object", "-t", "commit", "-w", str(file))
    signed.repository.git("update-ref", "refs/heads/main", made)
    signed.repositories.forget()
    return made


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["NEWSIG", "ERRSIG A 22 8 00 0 9 -", "NO_PUBKEY A"], "the key is not in the keyring"),
        (["NEWSIG", "BADSIG A x"], "the signature is not of this text"),
        (["NEWSIG", "EXPKEYSIG A x", f"VALIDSIG {'A' * 40}"], "the key has expired"),
        (["NEWSIG", "REVKEYSIG A x", f"VALIDSIG {'A' * 40}"], "the key was revoked"),
        (["NEWSIG", "EXPSIG A x"], "the signature has expired"),
        (["NODATA 4"], "there is no signature in it"),
        ([], "the signature cannot be verified"),
        (["NEWSIG", "GOODSIG A x"], "the signature cannot be verified"),
        (
            ["NEWSIG", "GOODSIG A x", f"VALIDSIG {'A' * 40}"] * 2,
            "the signature cannot be verified",
        ),
        (["NEWSIG", "GOODSIG A x", f"VALIDSIG {'A' * 40} 1 {'B' * 40}"], ""),
    ],
)
def test_gpg_status_counts_only_where_it_is_plainly_good(lines: list[str], problem: str) -> None:
    status = "\n".join(f"[GNUPG:] {line}" for line in lines)
    assert gpg_verdict(status, code=0).problem == problem
    assert gpg_verdict(status, code=2).problem


def test_commit_that_is_signed_twice_is_refused() -> None:
    raw = b"tree " + b"a" * 40 + b"\ngpgsig x\ngpgsig y\ncommitter A <a@b> 1 +0000\n\nm\n"
    with pytest.raises(GitOpsError, match="more than once"):
        read_signed("commit", "c" * 40, raw)


@pytest.mark.parametrize(
    "armoured",
    [
        b"",
        b"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n",
        b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n",
        b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAf////8=\n-----END SSH SIGNATURE-----\n",
        b"-----BEGIN SSH SIGNATURE-----\n!\n-----END SSH SIGNATURE-----\n",
    ],
)
def test_ssh_signature_that_is_broken_is_none(armoured: bytes) -> None:
    assert ssh_fingerprint(b"text", armoured) is None


def packed(*parts: bytes) -> bytes:
    """Return parts as SSH packs them."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


@pytest.mark.parametrize("curve", ["ed25519", "nistp256"])
def test_security_key_signs_where_somebody_has_touched_it(curve: str) -> None:
    application, payload = b"ssh:", b"text"
    if curve == "ed25519":
        made = ed25519.Ed25519PrivateKey.generate()
        kind, raw = b"sk-ssh-ed25519@openssh.com", made.public_key().public_bytes_raw()
        key = packed(kind, raw, application)
    else:
        kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
        private = ec.generate_private_key(ec.SECP256R1())
        point = private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        key = packed(kind, b"nistp256", point, application)

    def signed(flags: bytes, text: bytes) -> bytes:
        digest = hashlib.sha512(text).digest()
        message = b"SSHSIG" + packed(b"git", b"", b"sha512", digest)
        tail = flags + (7).to_bytes(4, "big")
        about = hashlib.sha256(application).digest() + tail + hashlib.sha256(message).digest()
        if curve == "ed25519":
            value = made.sign(about)
        else:
            r, s = decode_dss_signature(private.sign(about, ec.ECDSA(hashes.SHA256())))
            value = packed(*(each.to_bytes(33, "big") for each in (r, s)))
        blob = b"SSHSIG\0\0\0\1" + packed(key, b"git", b"", b"sha512", packed(kind, value) + tail)
        armour = base64.b64encode(blob)
        return b"-----BEGIN SSH SIGNATURE-----\n" + armour + b"\n-----END SSH SIGNATURE-----\n"

    fingerprint = base64.b64encode(hashlib.sha256(key).digest()).rstrip(b"=").decode()
    assert ssh_fingerprint(payload, signed(b"\x01", payload)) == f"SHA256:{fingerprint}"
    assert ssh_fingerprint(payload, signed(b"\x00", payload)) is None
    assert ssh_fingerprint(payload, signed(b"\x01", b"other")) is None


def test_gpg_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RenderError, match="there is no gpg program"), opened_keyring(""):
        pass
