"""The pinned programs that tests run: where they are, built on first use."""

from __future__ import annotations

from pathlib import Path

from tests.tools.build import ensure

__all__ = ["KUBERNETES_TOOLS", "tool_path"]

#: What a test marked `built` needs unless its mark names other programs.
KUBERNETES_TOOLS = ("etcd", "kube-apiserver", "kube-controller-manager")


def tool_path(name: str) -> Path:
    """Return the path of a pinned program, building it where it is not there yet."""
    return ensure(name)
