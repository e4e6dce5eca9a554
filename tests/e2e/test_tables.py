"""What `kubectl get` prints of each kind, once the service has written its statuses.

The server makes these tables; kubectl prints them as they come. Columns and their words are
those of External Secrets Operator 2.9.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.api import Api
from tests.e2e.rig import Rig, eventually
from tests.e2e.sites import PLURALS, KubeSite

pytestmark = pytest.mark.built

FAKE = {"provider": {"fake": {"data": [{"key": "app", "value": "v"}]}}}
REF = {"name": "shared", "kind": "ClusterSecretStore"}
ITEM = {"secretKey": "password", "remoteRef": {"key": "app"}}
READ = {"secretStoreRef": REF, "refreshInterval": "15m", "data": [ITEM]}


def push(place: str) -> dict[str, Any]:
    """Return a PushSecret's spec; two of them at one place would be in each other's way."""
    return {
        "secretStoreRefs": [REF],
        "selector": {"secret": {"name": "read"}},
        "data": [{"match": {"secretKey": "password", "remoteRef": {"remoteKey": place}}}],
    }


#: What is age, which the server counts.
AGE = "(age)"
STORE = (("Name", "AGE", "Status", "Capabilities", "Ready"), (AGE, "Valid", "ReadWrite", "True"))
MANY_ES = {"externalSecretSpec": READ, "refreshTime": "20m"}
MANY_PUSHES = {"pushSecretSpec": push("by-many"), "refreshTime": "20m"}
#: Kind → name and spec of an object, the columns, and what they say of it after its name.
KINDS: dict[str, tuple[str, dict[str, Any], tuple[str, ...], tuple[str, ...]]] = {
    "SecretStore": ("own", FAKE, *STORE),
    "ClusterSecretStore": ("shared", FAKE, *STORE),
    "ExternalSecret": (
        "read",
        READ,
        ("Name", "StoreType", "Store", "Refresh Interval", "Status", "Ready", "Last Sync"),
        ("ClusterSecretStore", "shared", "15m", "SecretSynced", "True", AGE),
    ),
    "ClusterExternalSecret": (
        "many",
        MANY_ES,
        ("Name", "Store", "Refresh Interval", "Ready"),
        ("shared", "20m", "True"),
    ),
    "PushSecret": (
        "out",
        push("by-one"),
        ("Name", "AGE", "Status", "Last Sync"),
        (AGE, "Synced", AGE),
    ),
    # The original has the column and leaves the reason empty.
    "ClusterPushSecret": ("all", MANY_PUSHES, ("Name", "AGE", "Status"), (AGE, "Provisioned")),
    "Password": ("made", {"length": 12}, ("Name", "Age"), (AGE,)),
}
ALPHA = ("PushSecret", "ClusterPushSecret", "Password")


def versions(kind: str) -> tuple[str, ...]:
    """Return the versions that are served."""
    return ("v1alpha1",) if kind in ALPHA else ("v1", "v1beta1")


def put(site: KubeSite, kind: str) -> None:
    name, spec, _, _ = KINDS[kind]
    group = "generators.external-secrets.io" if kind == "Password" else "external-secrets.io"
    if "Cluster" in kind and "SecretStore" not in kind:
        names = {"kubernetes.io/metadata.name": site.namespace}
        spec = {**spec, "namespaceSelectors": [{"matchLabels": names}]}
    where = {} if kind.startswith("Cluster") else {"namespace": site.namespace}
    site.put(
        {
            "apiVersion": f"{group}/{versions(kind)[0]}",
            "kind": kind,
            "metadata": {"name": name, **where},
            "spec": spec,
        }
    )


def table_path(site: KubeSite, kind: str, version: str) -> str:
    group = "generators.external-secrets.io" if kind == "Password" else "external-secrets.io"
    where = "" if kind.startswith("Cluster") else f"/namespaces/{site.namespace}"
    return f"/apis/{group}/{version}{where}/{PLURALS[kind]}"


def test_every_kind_has_the_columns_of_the_original_and_its_words_in_every_version(
    kube_rig: Rig, tmp_path: Path
) -> None:
    site = kube_rig.site
    assert isinstance(site, KubeSite)
    for kind in KINDS:
        put(site, kind)
    kube_rig.start()
    api = Api(site.server.kubeconfig, tmp_path)

    for kind in KINDS:
        for version in versions(kind):
            path = table_path(site, kind, version)
            eventually(partial(shows, api, path, kind), within_s=60)


def shows(api: Api, path: str, kind: str) -> bool:
    """Say that a table has the columns and words of a kind, or raise what differs."""
    name, _, columns, cells = KINDS[kind]
    found, rows = api.table(path)
    assert tuple(found) == columns
    shown = {row[0]: row[1:] for row in rows}[name]
    # The server counts ages; an empty cell is no age.
    pairs = zip(shown, cells, strict=True)
    assert tuple(AGE if text and cell == AGE else text for text, cell in pairs) == cells
    return True
