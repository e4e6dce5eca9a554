"""No value is to be read anywhere but in the data of Secrets, whatever goes wrong.

Every rig searches what it can read when its test ends; here are the paths that no
other test takes, and the proof that the search finds something.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import Rig, eventually
from tests.support.aws_faults import Fault, answering, aws_error, not_json, rewriting


def _credentials(rig: Rig) -> None:
    """Put a Secret with a login in, and a store that uses it."""
    rig.site.put(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "login", "namespace": rig.site.namespace},
            "type": "Opaque",
            "data": {
                "id": base64.b64encode(b"AKIACANARY").decode(),
                "key": base64.b64encode(rig.value("login").encode()).decode(),
            },
        }
    )
    auth = {
        "secretRef": {
            "accessKeyIDSecretRef": {"name": "login", "key": "id"},
            "secretAccessKeySecretRef": {"name": "login", "key": "key"},
        }
    }
    rig.store("own", "SecretStore", aws={"auth": auth})


def _debugged(rig: Rig) -> None:
    """Sync one object through that store, with all that can be logged."""
    _credentials(rig)
    rig.upstream("one")
    rig.external_secret("one", secretStoreRef={"name": "own"})
    rig.start("--loglevel", "debug")
    rig.wait_synced("one")


def test_debug_log_shows_no_value_and_no_credential(rig: Rig) -> None:
    _debugged(rig)
    rig.upstream("one", "v2")
    rig.wait_synced("one", "v2")
    rig.site.patch("Secret", "one", {"data": {"password": "AAAA"}})
    rig.wait_holds("one", "v2")


def _denials_that_quote(rig: Rig) -> list[tuple[str, Fault]]:
    """Return what a broken service or proxy might say with the value in it."""
    text = f"cannot store {rig.value('quoted')}"

    def versionless(fields: dict[str, Any]) -> None:
        for entry in (*fields.get("SecretValues", ()), fields):
            entry["VersionId"] = None

    return [
        ("ValidationException", answering(aws_error("ValidationException", text))),
        ("InternalServiceError", answering(aws_error("InternalServiceError", text, status=500))),
        ("SomethingNew", answering(aws_error("SomethingNew", text))),
        ("unreadable", not_json(f"<html>{text}</html>".encode())),
        ("no version", rewriting(versionless)),
    ]


@pytest.mark.parametrize("index", range(5))
def test_reply_that_quotes_a_value_is_not_passed_on(dir_rig: Rig, index: int) -> None:
    _debugged(dir_rig)
    _, fault = _denials_that_quote(dir_rig)[index]
    for operation in ("GetSecretValue", "BatchGetSecretValue"):
        dir_rig.front.inject(fault, operation=operation)
    dir_rig.upstream("one", "v2")
    dir_rig.wait_condition("one", "False")
    assert dir_rig.holds("one")


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param('{{"password": "{}', id="cut"),
        pytest.param("{}", id="no-json"),
        pytest.param('["{}"]', id="list"),
        pytest.param('{{"password": "{}\\u0000"}}', id="null-byte"),
    ],
)
def test_value_that_cannot_be_used_is_not_quoted(rig: Rig, spoiled: str) -> None:
    rig.store()
    rig.upstream("one")
    rig.aws.put("one", spoiled.format(rig.value("spoiled")))
    extract = [{"extract": {"key": "one", "nullBytePolicy": "Fail"}}]
    rig.external_secret("whole", data=None, dataFrom=extract)
    remote = {"key": "one", "property": "password", "decodingStrategy": "Base64"}
    rig.external_secret("part", data=[{"secretKey": "password", "remoteRef": remote}])
    rig.start("--loglevel", "debug")
    rig.wait_condition("part", "False")
    eventually(lambda: rig.condition("whole"))


def test_process_shows_no_value_in_its_arguments(dir_rig: Rig) -> None:
    _debugged(dir_rig)
    pid = dir_rig.services[0].pid
    assert dir_rig.canary not in Path(f"/proc/{pid}/cmdline").read_text()


def test_search_finds_what_is_shown(rig: Rig) -> None:
    """The search would see a value in an annotation and in an encoded one."""
    rig.scene("one")
    for shown in (rig.value("x"), base64.b64encode(rig.value("x").encode()).decode()):
        note = {"metadata": {"annotations": {"note": shown}}}
        rig.site.patch("ExternalSecret", "one", note)
        with pytest.raises(AssertionError, match="is shown in"):
            rig.sweep()
    # The Secret has the last note, so that no write with one is still to come.
    eventually(lambda: shown in json.dumps((rig.site.get("Secret", "one") or {})["metadata"]))
    rig.site.patch("ExternalSecret", "one", {"metadata": {"annotations": {"note": None}}})
    eventually(lambda: "note" not in json.dumps((rig.site.get("Secret", "one") or {})["metadata"]))
