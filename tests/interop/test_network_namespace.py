"""A machine without namespaces: a failure under CI, a skip that says why elsewhere."""

from __future__ import annotations

import pytest

from tests.support.network_namespace import require_namespace


@pytest.fixture(params=["absent", "refused"])
def without_namespaces(request, tmp_path, monkeypatch):
    """No `unshare`, or one that the kernel says no to."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if request.param == "refused":
        program = tmp_path / "unshare"
        program.write_text("#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
        program.chmod(0o755)
        return "Operation not permitted"
    return "no program `unshare`"


def test_under_ci_it_fails_with_cause_and_remedy(without_namespaces, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=without_namespaces) as failed:
        require_namespace()
    assert "kernel.apparmor_restrict_unprivileged_userns=0" in str(failed.value)


def test_elsewhere_it_skips_and_says_why(without_namespaces, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=without_namespaces):
        require_namespace()
