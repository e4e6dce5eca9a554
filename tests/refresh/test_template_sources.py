"""Templates out of ConfigMaps and Secrets: where they are looked up, how often, what fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from providers.base import SecretBytes
from secretsync.cluster.base import KINDS, Cluster
from secretsync.core.target_template import TargetTemplateError
from secretsync.refresh.outcomes import Outcome
from secretsync.refresh.selectors import ClusterCredentials, Overlay
from secretsync.refresh.template_sources import TemplateSources
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.external_secret_template import TemplateSource
from tests.core.secret_cases import CANARY, external_secret
from tests.refresh.kit import ESO, Rig, manifests, secret_manifest

FAKE = {
    "apiVersion": ESO,
    "kind": "SecretStore",
    "metadata": {"name": "fake", "namespace": "web"},
    "spec": {"provider": {"fake": {"data": [{"key": "db", "value": CANARY}]}}},
}
TEMPLATE = TemplateSource("ConfigMap", "templates")


def config_map(name: str = "templates", namespace: str = "web", **texts: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": texts,
    }


def templated(name: str, **template: Any) -> ExternalSecret:
    items = [{"key": "url"}]
    given = template or {"templateFrom": [{"configMap": {"name": "templates", "items": items}}]}
    data = [{"secretKey": "password", "remoteRef": {"key": "db"}}]
    spec = {"secretStoreRef": {"name": "fake"}, "data": data, "target": {"template": given}}
    return external_secret(spec, name=name, uid=f"uid-{name}")


@pytest.fixture
def rigs(make_rig: Callable[..., Rig]) -> Callable[..., Rig]:
    """Make a rig with a fake store whose one value is the canary."""
    return lambda items, *objects: make_rig(items, FAKE, *objects)


class Counted:
    """A source of texts that counts what it is asked."""

    def __init__(self, inner: ClusterCredentials) -> None:
        self.inner = inner
        self.asked: list[tuple[str, str]] = []

    def config_map(self, namespace: str, name: str) -> Any:
        self.asked.append((namespace, name))
        return self.inner.config_map(namespace, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def counted(cluster: Cluster, *objects: dict[str, Any]) -> tuple[TemplateSources, Counted]:
    source = Counted(ClusterCredentials(cluster, Overlay.of(manifests(*objects))))
    return TemplateSources(source), source


def only(outcomes: list[Outcome[ExternalSecret]]) -> Outcome[ExternalSecret]:
    (outcome,) = outcomes
    return outcome


def test_template_of_path_is_rendered(rigs: Any) -> None:
    rig = rigs([templated("a")], config_map(url="db://{{ .password }}"))
    assert rig.ends() == {"a": "applied"}
    assert rig.secret("a") == {"url": f"db://{CANARY}"}
    assert rig.ends() == {"a": "unchanged"}


def test_template_of_the_cluster_is_rendered_and_path_comes_before_it(rigs: Any) -> None:
    there = config_map(url="cluster {{ .password }}")
    rig = rigs([templated("a")])
    rig.cluster.create(KINDS["ConfigMap"], there, field_manager="test")
    rig.run()
    assert rig.secret("a") == {"url": f"cluster {CANARY}"}
    rig = rigs([templated("a")], config_map(url="path"))
    rig.cluster.create(KINDS["ConfigMap"], there, field_manager="test")
    rig.run()
    assert rig.secret("a") == {"url": "path"}


def test_template_out_of_a_secret_is_rendered(rigs: Any) -> None:
    entry = {"secret": {"name": "s", "items": [{"key": "t"}]}}
    given = secret_manifest("s", t="from a Secret: {{ .password }}")
    rig = rigs([templated("a", templateFrom=[entry])], given)
    rig.run()
    assert rig.secret("a") == {"t": f"from a Secret: {CANARY}"}


def test_template_of_another_namespace_is_not_seen(rigs: Any) -> None:
    rig = rigs([templated("a")], config_map(namespace="other", url="x"))
    outcome = only(rig.run())
    assert outcome.failed
    assert "ConfigMap web/templates does not exist" in outcome.message


@pytest.mark.parametrize(
    ("template", "field", "said"),
    [
        pytest.param(
            {"data": {"url": "{{ .nope }}"}},
            "spec.target.template.data.url",
            'map has no entry for key "nope"',
            id="a missing key",
        ),
        pytest.param(
            {"data": {"url": "{{ fail .password }}"}},
            "spec.target.template.data.url",
            "error calling fail",
            id="fail",
        ),
        pytest.param(
            {"data": {"url": '{{ repeat 2000000000 "x" }}'}},
            "spec.target.template.data.url",
            "too large",
            id="a bomb",
        ),
        pytest.param(
            {"templateFrom": [{"configMap": {"name": "gone", "items": [{"key": "x"}]}}]},
            "spec.target.template.templateFrom[0].configMap",
            "ConfigMap web/gone does not exist",
            id="no ConfigMap",
        ),
        pytest.param(
            {"templateFrom": [{"configMap": {"name": "templates", "items": [{"key": "x"}]}}]},
            "spec.target.template.templateFrom[0].configMap.items[0]",
            "has no key x",
            id="no key",
        ),
    ],
)
def test_template_that_fails_fails_its_own_object_and_keeps_the_secret(
    rigs: Any, template: dict[str, Any], field: str, said: str
) -> None:
    good = templated("a", data={"url": "good"})
    rig = rigs([good, templated("b")], config_map(url="other"))
    rig.run()
    outcomes = rig.run([templated("a", **template), templated("b")])
    assert [outcome.failed for outcome in outcomes] == [True, False]
    assert outcomes[0].field == field
    assert outcomes[0].reason == "SecretSyncedError"
    assert outcomes[0].message.startswith(f"could not update secret: {field}: ")
    assert said in outcomes[0].message
    assert CANARY not in f"{outcomes[0].message}{outcomes[0].remedy}"
    assert rig.secret("a") == {"url": "good"}


def test_each_source_is_fetched_once_a_batch(rigs: Any) -> None:
    items = [templated(name) for name in "abcde"]
    sources, source = counted(rigs([]).cluster, config_map(url="x"))
    batch = sources.batch()
    assert all(batch.texts(item) == {TEMPLATE: {"url": b"x"}} for item in items)
    assert source.asked == [("web", "templates")]
    assert sources.batch().texts(items[0])
    assert len(source.asked) == 2


def test_change_of_a_text_is_noticed_and_what_was_never_rendered_counts_as_changed(
    rigs: Any,
) -> None:
    cluster = rigs([]).cluster
    cluster.create(KINDS["ConfigMap"], config_map(url="x"), field_manager="test")
    sources, _ = counted(cluster)
    item, plain = templated("a"), templated("b", data={"k": "v"})
    assert sources.moved([item, plain]) == {item.ref}
    sources.batch().texts(item)
    assert sources.moved([item, plain]) == frozenset()
    patch = {"data": {"url": "y"}}
    cluster.merge_patch(KINDS["ConfigMap"], "web", "templates", patch, field_manager="test")
    assert sources.moved([item, plain]) == {item.ref}
    cluster.delete(KINDS["ConfigMap"], "web", "templates")
    with pytest.raises(TargetTemplateError):
        sources.batch().texts(item)
    assert sources.moved([item]) == frozenset(), "it has been told that there is none"


def test_values_of_a_secret_are_texts(rigs: Any) -> None:
    entry = {"secret": {"name": "s", "items": [{"key": "t"}]}}
    sources, source = counted(rigs([]).cluster, secret_manifest("s", t="x"))
    assert source.inner.secret("web", "s") == {"t": SecretBytes(b"x")}
    texts = sources.batch().texts(templated("a", templateFrom=[entry]))
    assert texts == {TemplateSource("Secret", "s"): {"t": b"x"}}
