"""What newer releases of External Secrets Operator hold by finalizers is let go in its place.

Recorded as their source describes it: the release that the takeover runs sets none of these.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import yaml

from tests.e2e.rig import STORE, Rig, eventually, steady
from tests.e2e.test_rbac import DEPLOY, _apply, installed  # noqa: F401 - a fixture

pytestmark = pytest.mark.built

MAKER = "everywhere"
MAKER_FINALIZER = "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup"
HOLD = f"externalsecrets.external-secrets.io/ces-{MAKER}"
THEIRS = "example.com/theirs"


def allow(rig: Rig, *, allowed: bool = True) -> None:
    """Give the service the right to patch namespaces, or take it."""
    text = (DEPLOY / "from-external-secrets/namespace-finalizers.yaml").read_text()
    for obj in yaml.safe_load_all(text):
        _apply(rig, obj if allowed or "rules" not in obj else {**obj, "rules": []})


def maker(rig: Rig) -> None:
    """Put in a ClusterExternalSecret as the operator left it."""
    spec = {
        "secretStoreRef": {"name": STORE, "kind": "ClusterSecretStore"},
        "data": [{"secretKey": "password", "remoteRef": {"key": "k", "property": "password"}}],
    }
    rig.store()
    rig.upstream("k")
    rig.site.put(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterExternalSecret",
            "metadata": {"name": MAKER, "finalizers": [MAKER_FINALIZER]},
            "spec": {
                "externalSecretSpec": spec,
                "namespaceSelectors": [{"matchLabels": {"team": rig.site.namespace}}],
            },
        }
    )


def held(rig: Rig) -> str:
    """Create a namespace as the operator held it; returns its name."""
    name = rig.kube.admin.create_namespace("held")
    labels = {"team": rig.site.namespace}
    rig.site.patch(
        "Namespace", name, {"metadata": {"labels": labels, "finalizers": [HOLD, THEIRS]}}
    )
    return name


def finalizers(rig: Rig, namespace: str) -> list[str]:
    found: dict[str, Any] = rig.site.get("Namespace", namespace) or {"metadata": {}}
    return list(found["metadata"].get("finalizers", []))


def has_child(rig: Rig, namespace: str) -> bool:
    return rig.site.get("ExternalSecret", MAKER, namespace) is not None


def test_namespaces_are_let_go_when_they_or_their_maker_go_and_not_before(
    installed: Rig,  # noqa: F811 - the fixture
) -> None:
    rig = installed
    allow(rig)
    deleted, left, kept = (held(rig) for _ in range(3))
    maker(rig)
    service = rig.start()
    for namespace in (deleted, left, kept):
        eventually(partial(has_child, rig, namespace))
    rig.site.delete("Namespace", deleted)
    eventually(lambda: finalizers(rig, deleted) == [THEIRS])
    rig.site.patch("Namespace", left, {"metadata": {"labels": {"team": "none"}}})
    eventually(lambda: finalizers(rig, left) == [THEIRS])
    assert finalizers(rig, kept) == [HOLD, THEIRS]
    rig.site.delete("ClusterExternalSecret", MAKER)
    eventually(lambda: rig.site.get("ClusterExternalSecret", MAKER) is None)
    assert finalizers(rig, kept) == [THEIRS]
    assert not any(has_child(rig, namespace) for namespace in (deleted, left, kept))
    assert "not provisioned" not in service.log_text(), "a namespace that goes gets no child"
    service.assert_alive()


def test_namespace_that_went_while_nobody_ran_is_let_go_at_the_start(
    installed: Rig,  # noqa: F811 - the fixture
) -> None:
    rig = installed
    allow(rig)
    name = held(rig)
    rig.site.delete("Namespace", name)
    rig.start()
    eventually(lambda: finalizers(rig, name) == [THEIRS])


def test_missing_right_is_said_and_holds_up_nothing_but_the_namespace(
    installed: Rig,  # noqa: F811 - the fixture
) -> None:
    rig = installed
    allow(rig, allowed=False)
    name = held(rig)
    maker(rig)
    service = rig.start()
    eventually(lambda: has_child(rig, name))
    rig.site.delete("ClusterExternalSecret", MAKER)
    eventually(lambda: rig.site.get("ClusterExternalSecret", MAKER) is None)
    said = "finalizer of External Secrets Operator left on a namespace"
    (line,) = [line for line in service.log_lines() if line["msg"] == said]
    assert (line["namespace"], "cannot patch" in line["cause"]) == (name, True)
    assert "deploy/from-external-secrets" in line["remedy"]
    steady(lambda: finalizers(rig, name), for_s=1)
