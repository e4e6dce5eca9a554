"""A command that runs an operation lives as long as its annotation changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from secretsync.gitops.runner import ALIVE, ALIVE_WITHIN_S, Runners, sign_of_life
from secretsync.gitops.status.app_store import parsed
from secretsync.resources.application import Application


def application(sign: str = "") -> Application:
    """Return an Application with a sign of life."""
    obj = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "web",
            "namespace": "argocd",
            "annotations": {ALIVE: sign} if sign else {},
        },
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.invalid/a", "path": "web"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
        },
    }
    app, problems = parsed(obj, where="test")
    assert app is not None, problems
    return app


@pytest.mark.parametrize(
    ("seen", "alive"),
    [
        pytest.param([("a", 0.0)], True, id="seen_first"),
        pytest.param([("", 0.0)], True, id="seen_first_without_a_sign"),
        pytest.param([("a", 0.0), ("a", ALIVE_WITHIN_S - 1)], True, id="unchanged_for_a_while"),
        pytest.param([("a", 0.0), ("a", ALIVE_WITHIN_S)], False, id="unchanged_for_long"),
        pytest.param([("", 0.0), ("", ALIVE_WITHIN_S)], False, id="never_a_sign"),
        pytest.param([("a", 0.0), ("b", ALIVE_WITHIN_S + 9)], True, id="renewed_late"),
        pytest.param(
            [("a", 0.0), ("b", 40.0), ("b", 40.0 + ALIVE_WITHIN_S)], False, id="renewed_no_more"
        ),
    ],
)
def test_runner_lives_as_its_sign_changes(seen: list[tuple[str, float]], alive: bool) -> None:
    times_s = iter([at_s for _, at_s in seen])
    runners = Runners(lambda: next(times_s))
    found = [runners.lives(application(sign)) for sign, _ in seen]
    assert found[-1] is alive


def test_runner_forgotten_begins_anew() -> None:
    now_s = 0.0
    runners = Runners(lambda: now_s)
    runners.lives(application("a"))
    runners.forget(application().ref)
    now_s = ALIVE_WITHIN_S * 2
    assert runners.lives(application("a"))


def test_sign_of_life_names_runner_and_time() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert sign_of_life("ab12", now) == {ALIVE: "ab12 2026-01-02T03:04:05Z"}
