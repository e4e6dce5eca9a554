"""`secretsync app tree`: the objects of an application and the Secrets behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from secretsync.cli.app.options import app_options
from secretsync.cli.options import help_epilog

if TYPE_CHECKING:
    from secretsync.cli.app.session import AppSession

__all__ = ["command"]

_MAKERS = ("ExternalSecret", "SealedSecret")


@click.command(epilog=help_epilog("0 good, 2 error", "app tree web --to kube"))
@app_options
def command(**options: Any) -> int:
    """Show the objects of an application, and the Secrets made from them."""
    from secretsync.cli.app.report import echo_json  # noqa: PLC0415 - --help stays light
    from secretsync.cli.app.session import AppRequest, opened  # noqa: PLC0415 - see above
    from secretsync.gitops.status.overview import place_of  # noqa: PLC0415 - see above

    request = AppRequest(**options)
    with opened(request, writes=False, values=False) as session:
        app = session.find()
        nodes = [_node(session, each) for each in app.status.get("resources") or ()]
    if request.output == "json":
        echo_json({"application": place_of(app), "objects": nodes})
        return 0
    click.echo(f"{app.ref}")
    for number, node in enumerate(nodes, start=1):
        last = number == len(nodes)
        click.echo(f"{'└─' if last else '├─'} {_text(node)}")
        for child in node["children"]:
            click.echo(f"{'   ' if last else '│  '} └─ {_text(child)}")
    return 0


def _node(session: AppSession, each: Mapping[str, Any]) -> dict[str, Any]:
    children = []
    if each.get("kind") in _MAKERS:
        children = _secrets(session, each)
    health = each.get("health") or {}
    return {
        "kind": each.get("kind"),
        "namespace": each.get("namespace") or "",
        "name": each.get("name"),
        "status": each.get("status") or "",
        "health": health.get("status") or "",
        "children": children,
    }


def _secrets(session: AppSession, each: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the Secret of an ExternalSecret or SealedSecret, without its values."""
    from secretsync.cluster.base import KINDS  # noqa: PLC0415 - --help stays light
    from secretsync.errors import ClusterError  # noqa: PLC0415 - see above

    namespace, name = str(each.get("namespace") or ""), str(each.get("name"))
    try:
        maker = session.cluster.get(KINDS[str(each["kind"])], namespace, name) or {}
        spec = maker.get("spec") or {}
        section = spec.get("target") or (spec.get("template") or {}).get("metadata") or {}
        target = str(section.get("name") or name)
        found = session.cluster.get(KINDS["Secret"], namespace, target)
    except ClusterError as exc:
        return [_secret(namespace, name, f"cannot be read: {exc.message}")]
    return [_secret(namespace, target, "exists" if found is not None else "missing")]


def _secret(namespace: str, name: str, status: str) -> dict[str, Any]:
    return {
        "kind": "Secret",
        "namespace": namespace,
        "name": name,
        "status": status,
        "health": "",
        "children": [],
    }


def _text(node: Mapping[str, Any]) -> str:
    place = f"{node['namespace']}/{node['name']}" if node["namespace"] else node["name"]
    said = " ".join(part for part in (node["status"], node["health"]) if part)
    return f"{node['kind']} {place}  {said}".rstrip()
