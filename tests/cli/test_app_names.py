"""Applications by name: where they are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.app_world import AppWorld, config_map


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AppWorld]:
    """A cluster with one Application in the namespace `argocd`."""
    found = AppWorld(tmp_path)
    found.repository.commit_objects("web/a.yaml", config_map("a"))
    found.put(found.application())
    yield found
    found.close()


@pytest.mark.parametrize(
    ("app", "arguments", "found"),
    [
        pytest.param("argocd/web", (), True, id="namespace"),
        pytest.param("web", (), True, id="name_alone"),
        pytest.param("web", ("-n", "argocd"), True, id="namespace_by_option"),
        pytest.param("web", ("-n", "shop"), False, id="another_namespace_by_option"),
        pytest.param("shop/web", (), False, id="another_namespace"),
        pytest.param("other", (), False, id="another_name"),
    ],
)
def test_application_is_found_by_name(
    world: AppWorld, app: str, arguments: tuple[str, ...], found: bool
) -> None:
    ended = world.run("history", *arguments, app=app)
    assert (ended.code == 0) is found, ended.err
    assert ("does not exist" in ended.err) is not found


def test_application_of_the_default_namespace_goes_first(world: AppWorld) -> None:
    own = world.application()
    own["metadata"]["namespace"] = "default"
    world.put(own)
    found = world.run("get", "-o", "json", app="web")
    assert found.json["namespace"] == "default"
