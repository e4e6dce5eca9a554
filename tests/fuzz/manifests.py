"""Targets: whole objects, from text and from edits to real ones."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

from sealing import (
    InvalidManifest,
    ItemsFailed,
    SealingError,
    TemplateFailed,
    check_unseal,
    reseal_manifest,
    seal_secret,
    unseal_manifest,
)
from secretsync.resources.documents import Document, Origin, load_documents
from secretsync.resources.problems import render_problem
from secretsync.resources.sealed_secret import parse_sealed_secret
from tests.fuzz import samples
from tests.fuzz.edits import apply_edits
from tests.fuzz.properties import assert_tells_nothing, refused
from tests.fuzz.table_key import sealing_certificate, table_key
from tests.fuzz.target import Target
from tests.sealing.kit import NOW, vector_key

__all__ = ["DOCUMENTS", "RESEAL", "SEAL", "SEALED_SECRET"]

#: One input in so many is sealed or opened with real keys as well.
RSA_SHARE = 64
WORDS = tuple(json.dumps(key).encode() for key in samples.KEYS if key.isprintable())


def _object(data: bytes, *bases: Callable[[], Any]) -> Any:
    """An object: one that JSON spells, or an edited sample."""
    if data[:1] == b"{":
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None
    base = bases[data[0] % len(bases)]() if data else bases[0]()
    return apply_edits(base, data[1:], keys=samples.KEYS, values=samples.values())


def check_sealed_secret(data: bytes) -> None:
    """A SealedSecret opens, or fails by an error of sealing; asking agrees with opening."""
    sealed = _object(data, samples.sealed_secret, samples.v1_secret)
    if isinstance(sealed, dict):
        before = repr(sealed)
        _check_opening(sealed)
        assert repr(sealed) == before, "the object was changed"


def _check_opening(sealed: dict[str, Any]) -> None:
    keys = [table_key()]
    asked = refused(lambda: check_unseal(sealed, keys), SealingError)
    try:
        secret = unseal_manifest(sealed, keys, render=lambda key, text, values: text.encode())
    except (ItemsFailed, InvalidManifest) as exc:
        assert_tells_nothing(exc)
    except SealingError as exc:
        assert_tells_nothing(exc)
        assert asked, "opens, they said"
    else:
        assert not asked
        _check_secret(sealed, secret)
    if zlib.crc32(repr(sealed).encode("utf-8", "replace")) % RSA_SHARE == 0:
        refused(lambda: unseal_manifest(sealed, [vector_key()]), SealingError)
    refused(lambda: unseal_manifest(sealed, [], render=_no_engine), SealingError)


def _no_engine(key: str, text: str, values: Any) -> bytes:
    raise TemplateFailed("does not render")


def _check_secret(sealed: dict[str, Any], secret: dict[str, Any]) -> None:
    """It has the place of its SealedSecret, and the API's encoder can write it."""
    for field in ("name", "namespace"):
        own = (sealed.get("metadata") or {}).get(field)
        assert secret["metadata"].get(field) == (own or None)
    assert json.loads(json.dumps(secret["data"])) == secret["data"]


def check_reseal(data: bytes) -> None:
    """What is re-sealed had opened, opens no further than before, and keeps the rest."""
    sealed = _object(data, samples.sealed_secret, samples.v1_secret)
    if not isinstance(sealed, dict):
        return
    opens = not refused(lambda: check_unseal(sealed, [table_key()]), SealingError)
    try:
        anew = reseal_manifest(sealed, [table_key()], sealing_certificate(), now=NOW)
    except SealingError as exc:
        assert_tells_nothing(exc)
        return
    # A blob that holds no Secret keeps its place as well; what it holds is not looked at.
    assert opens or anew["spec"].get("data")
    assert {**anew, "spec": None} == {**sealed, "spec": None}
    old_spec = sealed.get("spec") or {}
    resealed = {"data": None, "encryptedData": None}
    assert {**anew["spec"], **resealed} == {**old_spec, **resealed}
    if opens and zlib.crc32(data) % RSA_SHARE == 0:
        check_unseal(anew, [vector_key()])


def check_seal(data: bytes) -> None:
    """A Secret is sealed, or refused by an error of sealing; nothing of it is in plain."""
    secret = _object(data, samples.secret)
    if not isinstance(secret, dict):
        return
    before = repr(secret)
    try:
        sealed = seal_secret(secret, sealing_certificate(), now=NOW, default_namespace="myns")
    except SealingError as exc:
        assert_tells_nothing(exc)
        return
    assert repr(secret) == before, "the object was changed"
    assert set(sealed["spec"]["encryptedData"]) == {
        *(secret.get("data") or ()),
        *(secret.get("stringData") or ()),
    }
    json.dumps(sealed).encode()
    if zlib.crc32(data) % RSA_SHARE == 0:
        opened = unseal_manifest(sealed, [vector_key()])
        assert set(opened["data"]) == set(sealed["spec"]["encryptedData"])


def check_documents(data: bytes) -> None:
    """Text gives SealedSecrets that sealing can read, and problems that quote no value."""
    if data[:1] == b"\xff":
        edited = _object(data[1:], samples.sealed_secret, samples.v1_secret)
        documents = [Document(edited, Origin("f"))] if isinstance(edited, dict) else []
        problems = []
    else:
        documents, problems = load_documents(data, file="f")
    for document in documents:
        parsed = parse_sealed_secret(document, default_namespace="myns")
        problems += parsed.problems
        sealed = parsed.value
        if sealed is None:
            assert parsed.problems, "refused without a reason"
            continue
        _check_parsed(sealed)
    shown = "".join(render_problem(problem) for problem in problems)
    assert_tells_nothing(ValueError(shown))


def _check_parsed(sealed: Any) -> None:
    """What passed the parser gives the keys that it foretold, or does not open."""
    assert sealed.ref.name == sealed.target_name
    assert sealed.creation_policy in ("Owner", "CreateOrMerge")
    try:
        secret = unseal_manifest(
            sealed.raw, [table_key()], render=lambda key, text, values: text.encode()
        )
    except SealingError as exc:
        assert_tells_nothing(exc)
    else:
        assert sealed.keys is None or sealed.keys == tuple(secret["data"])


def _scripts(*bases: Any) -> list[bytes]:
    edits = [bytes([what, where, where * 3, where * 5]) for what in range(6) for where in range(9)]
    scripts = [bytes([base]) + edit * 2 for base in range(len(bases)) for edit in edits]
    return [b"", *scripts, *(json.dumps(base).encode() for base in bases)]


def _sealed_seeds() -> list[bytes]:
    return _scripts(samples.sealed_secret(), samples.v1_secret())


def _document_seeds() -> list[bytes]:
    text = json.dumps(samples.sealed_secret(), indent=1)
    both = f"---\n{text}\n---\n{text}\n"
    block = """\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: mysecret, namespace: myns}
spec:
  encryptedData: &a
    password: %s
  template: {data: *a}
"""
    texts = [text, both, block % samples.sealed_values()["strict"], "a: *b", "? [x]\n: y", "{", "-"]
    return [text.encode() for text in texts] + [b"\xff" + seed for seed in _sealed_seeds()]


SEALED_SECRET = Target("sealed-secret", check_sealed_secret, _sealed_seeds, WORDS)
RESEAL = Target("reseal", check_reseal, _sealed_seeds, WORDS)
SEAL = Target("seal", check_seal, lambda: _scripts(samples.secret()), WORDS)
DOCUMENTS = Target("documents", check_documents, _document_seeds, (*WORDS, b"\n---\n", b": "))
