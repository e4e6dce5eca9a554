"""The trees that the error modules draw are the trees that the classes are."""

from __future__ import annotations

import inspect
import re
from types import ModuleType

import pytest

import providers.errors
import secretsync.core.errors
import secretsync.errors

_DRAWN = re.compile(r"^ {4}(?P<lead>[│ ]*)(?P<branch>[├└]─ )?(?P<name>[A-Z]\w+)(?: |$)")

ROOTS = [
    pytest.param(secretsync.errors, secretsync.errors.SecretSyncError, id="secretsync.errors"),
    pytest.param(providers.errors, providers.errors.ProviderError, id="providers.errors"),
    pytest.param(
        secretsync.core.errors, secretsync.core.errors.CoreError, id="secretsync.core.errors"
    ),
]


def _drawn(module: ModuleType) -> dict[str, str]:
    """Return the parent of each class in the docstring's tree; "" for the root."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for line in (inspect.getdoc(module) or "").splitlines():
        found = _DRAWN.match(line)
        if found is None:
            continue
        depth = (len(found["lead"]) + len(found["branch"] or "")) // 3
        assert depth <= len(above), f"{line!r} hangs in the air"
        parents[found["name"]] = above[depth - 1] if depth else ""
        above[depth:] = [found["name"]]
    return parents


def _real(module: ModuleType, root: type[Exception]) -> dict[str, str]:
    """Return the parent of each exception class that the module defines."""
    parents = {root.__name__: ""}
    for name, value in vars(module).items():
        ours = inspect.isclass(value) and value.__module__ == module.__name__
        if ours and issubclass(value, Exception) and value is not root:
            (base,) = value.__bases__
            parents[name] = base.__name__
    return parents


@pytest.mark.parametrize(("module", "root"), ROOTS)
def test_the_drawn_tree_is_the_real_one(module: ModuleType, root: type[Exception]) -> None:
    drawn = _drawn(module)
    assert len(drawn) > 3
    assert drawn == _real(module, root)


@pytest.mark.parametrize(("module", "root"), ROOTS)
def test_every_class_is_public_and_says_what_it_means(
    module: ModuleType, root: type[Exception]
) -> None:
    for name in _real(module, root):
        assert name in module.__all__
        assert (vars(module)[name].__doc__ or "").strip()


def test_each_package_has_one_root() -> None:
    assert issubclass(secretsync.core.errors.CoreError, secretsync.errors.SecretSyncError)
    assert not issubclass(providers.errors.ProviderError, secretsync.errors.SecretSyncError)
    assert not issubclass(secretsync.errors.SecretSyncError, providers.errors.ProviderError)


@pytest.mark.parametrize(
    "root",
    [secretsync.errors.SecretSyncError, providers.errors.ProviderError],
    ids=lambda c: c.__name__,
)
def test_message_and_remedy_are_kept(root: type[Exception]) -> None:
    error = root("what is wrong", remedy="what to do")
    assert (str(error), error.message, error.remedy) == (
        "what is wrong",
        "what is wrong",
        "what to do",
    )
    assert root("x").remedy == ""
