"""No field that External Secrets Operator publishes is missing: from the page, or from our CRDs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from secretsync.generators import registry as generators
from secretsync.resources.generator import CLUSTER_GENERATOR, GENERATOR_KINDS
from secretsync.resources.secret_store_spec import PUBLISHED_PROVIDERS
from tests.compatibility import fields
from tests.compatibility.published import LATER, ours, paths, published, schema
from tests.support.eso_operator import PROGRAM

KINDS = {
    "ExternalSecret": ("v1", "v1beta1"),
    "SecretStore": ("v1", "v1beta1"),
    "ClusterSecretStore": ("v1", "v1beta1"),
    "ClusterExternalSecret": ("v1", "v1beta1"),
    "PushSecret": ("v1alpha1",),
    "ClusterPushSecret": ("v1alpha1",),
    **dict.fromkeys((*sorted(generators.GENERATORS), CLUSTER_GENERATOR), ("v1alpha1",)),
}
VERSIONS = [(kind, version) for kind, versions in KINDS.items() for version in versions]
PROVIDERS = [name for name in fields.tables() if name.startswith("provider ")]
#: One row stands for all that is inside: it has rows elsewhere, is a service's own, or differs.
WHOLE = {
    "SecretStore: spec.provider",
    "PushSecret: spec.data[].metadata",
    "PushSecret: spec.dataTo[].metadata",
    "ClusterExternalSecret: spec.externalSecretSpec",
    "ClusterPushSecret: spec.pushSecretSpec",
    "generator VaultDynamicSecret: spec.parameters",
    "generator VaultDynamicSecret: spec.getParameters",
    "generator VaultDynamicSecret: spec.retrySettings",
}


def rows(table: str) -> Iterator[str]:
    """Give the paths that a table of the page has; `.*` where a row stands for what is inside."""
    for field in fields.fields_of(table):
        yield field.path
        if field.id in WHOLE or (field.refusal and not field.value):
            yield f"{field.path}.*"
        if field.selector == "provider vault":
            base = fields.tables()[field.selector][1]
            yield from (field.path + row.removeprefix(base) for row in rows(field.selector))
        elif field.selector:
            inner = fields.fields_of(f"selector: {field.selector}")
            yield from (f"{field.path}.{below.path}" for below in inner)


def missing(wanted: Iterable[str], have: Iterable[str]) -> list[str]:
    """Return the paths that are neither there nor inside of a `.*`."""
    known = set(have)
    whole = tuple(path.removesuffix("*") for path in known if path.endswith(".*"))
    return [path for path in wanted if path not in known and not path.startswith(whole)]


def published_fields(kind: str, version: str, part: str = "spec") -> list[str]:
    """Return the paths of a kind, () where the release has it not."""
    if kind not in published():
        assert f"generator {kind}" in LATER
        return []
    return list(paths(schema(published()[kind], version, part), part))


def table_of(kind: str) -> str:
    """Return the table of the page that has a kind's rows."""
    if kind in generators.GENERATORS:
        return f"generator {kind}"
    return "SecretStore" if kind == "ClusterSecretStore" else kind


@pytest.mark.built(PROGRAM)
@pytest.mark.parametrize(
    ("kind", "version"), [case for case in VERSIONS if case[0] != CLUSTER_GENERATOR]
)
def test_every_published_field_of_a_kind_has_a_row(kind: str, version: str) -> None:
    wanted = (path for path in published_fields(kind, version) if path != "spec")
    assert missing(wanted, rows(table_of(kind))) == []


@pytest.mark.built(PROGRAM)
@pytest.mark.parametrize("table", PROVIDERS)
def test_every_published_option_of_a_provider_has_a_row(table: str) -> None:
    base = fields.tables()[table][1]
    for kind in ("SecretStore", "ClusterSecretStore"):
        for version in KINDS[kind]:
            found = published_fields(kind, version)
            wanted = (path for path in found if path.startswith(f"{base}."))
            assert missing(wanted, rows(table)) == [], f"{kind} {version}"


@pytest.mark.built(PROGRAM)
def test_every_published_provider_and_generator_is_served_or_refused_by_name() -> None:
    spec = schema(published()["SecretStore"], "v1", "spec")
    assert set(spec["properties"]["provider"]["properties"]) <= set(PUBLISHED_PROVIDERS)
    group = [kind for kind, crd in published().items() if "generators" in crd["spec"]["group"]]
    # What is remembered of generators that can take something back; none that is served can.
    assert set(group) - {"GeneratorState"} <= set(GENERATOR_KINDS)


@pytest.mark.parametrize("table", LATER)
def test_every_field_of_later_releases_has_a_row(table: str) -> None:
    base = fields.tables()[table][1]
    wanted = [path if path.startswith("spec.") else f"{base}.{path}" for path in LATER[table]]
    assert missing(wanted, rows(table)) == []


@pytest.mark.built(PROGRAM)
@pytest.mark.parametrize("part", ["spec", "status"])
@pytest.mark.parametrize(("kind", "version"), VERSIONS)
def test_our_crd_keeps_every_published_field(kind: str, version: str, part: str) -> None:
    """An object that was stored under their CRD loses nothing under ours.

    A ClusterGenerator of a kind that is not served is refused by its `kind`, whole.
    """
    have = paths(schema(ours()[kind], version, part), part)
    unserved = tuple(f"spec.generator.{name.lower()}spec" for name in fields.unserved_generators())
    found = published_fields(kind, version, part)
    wanted = [path for path in found if not path.lower().startswith(unserved)]
    assert missing(wanted, have) == []
