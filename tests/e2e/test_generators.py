"""Generators from beginning to end, on both kinds of cluster, with the real process."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.e2e.rig import Rig, eventually, steady

GENERATORS = "generators.external-secrets.io/v1alpha1"


def put(rig: Rig, kind: str, name: str, **spec: Any) -> None:
    metadata = {"name": name, "namespace": rig.site.namespace}
    rig.site.put({"apiVersion": GENERATORS, "kind": kind, "metadata": metadata, "spec": spec})


def wanting(rig: Rig, name: str, generator: str = "new", **spec: Any) -> None:
    ref = {"generatorRef": {"kind": "Password", "name": generator}}
    given = {"data": None, "secretStoreRef": None, "refreshInterval": "1h", **spec}
    rig.external_secret(name, **{"dataFrom": [{"sourceRef": ref}], **given})


def value(rig: Rig, name: str) -> bytes:
    return rig.data(name).get("password", b"")


def made(rig: Rig, name: str) -> bytes:
    rig.wait_condition(name, "True")
    assert value(rig, name)
    return value(rig, name)


def test_values_are_made_once_kept_over_a_kill_and_shown_nowhere(rig: Rig) -> None:
    put(rig, "Password", "new", length=20)
    wanting(rig, "often")
    wanting(rig, "once", refreshPolicy="CreatedOnce")
    wanting(rig, "never", refreshInterval="0s")
    first = rig.start()
    values = {name: made(rig, name) for name in ("often", "once", "never")}
    assert len(set(values.values())) == 3
    first.kill()
    for name in values:
        if rig.site.kind == "dir":
            rig.site.patch("ExternalSecret", name, {"status": None})
        else:
            path = rig.kube.path("ExternalSecret", name) + "/status"
            patch = {"status": None}
            rig.kube.admin.request(
                "PATCH", path, patch, content_type="application/merge-patch+json"
            )
            assert not (rig.site.get("ExternalSecret", name) or {}).get("status")
    secrets = rig.site.secrets()
    second = rig.start()
    assert {name: made(rig, name) for name in values} == values
    assert steady(rig.site.secrets, for_s=2) == secrets
    rig.site.delete("Secret", "once")
    eventually(lambda: value(rig, "once") not in (b"", values["once"]))
    put(rig, "Password", "new", length=32)
    eventually(lambda: len(value(rig, "often")) == 32)
    assert value(rig, "never") == values["never"]
    shown = [second.metrics_page()]
    # What is at work replaces the files that are about to be read.
    second.stop()
    shown += [first.log_text(), second.log_text()]
    shown += [text for _, text in rig.site.texts()]
    for each in (*values.values(), value(rig, "often"), value(rig, "once")):
        for needle in (each.decode(), base64.b64encode(each).decode(), json.dumps(each.decode())):
            assert not any(needle in text for text in shown)


def test_generator_and_store_make_one_secret(rig: Rig) -> None:
    rig.store()
    rig.upstream("db")
    put(rig, "Password", "new", length=20)
    wanting(
        rig,
        "db",
        data=[{"secretKey": "user", "remoteRef": {"key": "db", "property": "password"}}],
        secretStoreRef={"kind": "ClusterSecretStore", "name": "aws"},
        target={"template": {"data": {"url": "db://{{ .user }}:{{ .password }}@h"}}},
    )
    rig.start()
    rig.wait_condition("db", "True")
    url = rig.data("db")["url"].decode()
    assert url.startswith(f"db://{rig.value('v1')}:")
