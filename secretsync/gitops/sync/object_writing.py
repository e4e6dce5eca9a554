"""Applies, replaces and deletes one object of an application, as its sync options say.

Neighbours: `task_running` and `hook_running` say which and when.

Source: Argo CD 3.6, "Sync options". Different from there: every apply is a server-side one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from secretsync.cluster.base import KINDS, Cluster, Kind, Preconditions, Propagation
from secretsync.errors import AlreadyExists, ClusterError, NotFound, Rejected
from secretsync.gitops.diff.lenient_apply import applied_leniently
from secretsync.gitops.diff.takeover import migrated_managers, takeover_patch
from secretsync.gitops.model import FIELD_MANAGER, Object, Pair
from secretsync.gitops.objects.ignoring import PathFinder, respected, rules_of
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.gitops.projects.made_namespace import is_written, made_namespace
from secretsync.gitops.sync.ordering import defined_by
from secretsync.resources.application import Application

__all__ = ["UNREADABLE", "ObjectWriter"]

#: Stands for an object that the cluster could not be asked about.
UNREADABLE: Object = {}

_NEVER_RECREATED = frozenset({"Namespace", "CustomResourceDefinition"})
#: How often, and how long each time, what is made anew is waited for to go.
RECREATE_WAITS = 30
RECREATE_WAIT_S = 0.5


class ObjectWriter:
    """Writes objects; holds nothing.

    Args:
        wait: sleeps so many seconds; returns False where the process is to stop.
        jq: evaluates jqPathExpressions of RespectIgnoreDifferences.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        wait: Callable[[float], bool],
        jq: PathFinder | None = None,
    ) -> None:
        self._cluster = cluster
        self._wait = wait
        self._jq = jq

    def look(self, pair: Pair) -> Object | None:
        """Return an object as it is now.

        Returns:
            None where it is definitely absent, UNREADABLE where nobody knows.
        """
        try:
            return self._cluster.get(self._kind(pair), pair.key.namespace, pair.key.name)
        except NotFound:
            return None
        except ClusterError:
            return UNREADABLE

    def is_unchanged(self, pair: Pair) -> bool:
        """Return whether an object is as it should be, so that nothing is written."""
        return pair.live is not None and not pair.changes and not pair.hook

    def is_served(self, definition: Pair) -> bool:
        """Return whether the kind that a CustomResourceDefinition defines can be used.

        A cluster that nobody works in, a directory, serves it at once.
        """
        live = self.look(definition)
        if not live or not self._cluster.collects_garbage:
            return live is None or bool(live)
        conditions = (live.get("status") or {}).get("conditions") or ()
        states = {each.get("type"): each.get("status") for each in conditions}
        if states.get("Established") != "True":
            return False
        group, kind = defined_by(live)
        served = (each for each in live["spec"].get("versions") or () if each.get("served"))
        try:
            for each in served:
                self._cluster.resolve(f"{group}/{each['name']}", kind)
        except ClusterError:
            return False
        return True

    def make(self, app: Application, pair: Pair, options: SyncOptions) -> str:
        """Make a hook; return what was done, in kubectl's words.

        Raises:
            ClusterError: the cluster refused or failed.
        """
        return self.apply(app, replace(pair, live=None), options, force=False)

    def apply(self, app: Application, pair: Pair, options: SyncOptions, *, force: bool) -> str:
        """Make an object as it should be; return what was done, in kubectl's words.

        Args:
            app: whose ignoreDifferences count.
            force: one that cannot be changed is deleted and made anew.

        Raises:
            ClusterError: the cluster refused or failed.
        """
        if pair.target is None:
            raise AssertionError("what has no target is pruned, not applied")
        kind = self._kind(pair)
        what = f"{kind.folder}/{pair.key.name}"
        if self.is_unchanged(pair):
            return f"{what} unchanged"
        target = self._respectful(app, pair, pair.target, options)
        try:
            if options.has("Replace=true", target) and pair.live is not None:
                self._cluster.replace(kind, target, field_manager=FIELD_MANAGER)
                return f"{what} replaced"
            self._take_over(app, kind, pair, options)
            self._apply(kind, target, options)
        except Rejected:
            if not (force or options.has("Force=true", target)) or pair.live is None:
                raise
            return self._recreate(kind, pair, target, what)
        return f"{what} {'created' if pair.live is None else 'configured'}"

    def delete(self, pair: Pair, propagation: Propagation) -> None:
        """Delete an object; one that is gone, or another of its name, is left.

        Raises:
            ClusterError: the cluster refused or failed.
        """
        uid = ((pair.live or {}).get("metadata") or {}).get("uid", "")
        self._cluster.delete(
            self._kind(pair),
            pair.key.namespace,
            pair.key.name,
            preconditions=Preconditions(uid=uid) if uid and pair.target is None else None,
            propagation=propagation,
        )

    def make_namespace(self, app: Application) -> str:
        """Make the destination's namespace, or its managed metadata; return a problem.

        What is there as it should be is not written.
        """
        obj = made_namespace(app)
        if obj is None:
            return ""
        kind = KINDS["Namespace"]
        try:
            live = self._cluster.get(kind, "", obj["metadata"]["name"])
            if app.spec.sync_policy.managed_namespace_metadata is None:
                if live is None:
                    self._cluster.create(kind, obj, field_manager=FIELD_MANAGER)
            elif is_written(obj, live):
                self._cluster.apply(kind, obj, field_manager=FIELD_MANAGER)
        except AlreadyExists:
            return ""
        except ClusterError as exc:
            return exc.message
        return ""

    def _respectful(
        self, app: Application, pair: Pair, target: Object, options: SyncOptions
    ) -> Object:
        """Return the target, with ignored fields as they are where that is asked for."""
        if pair.live is None or not options.has("RespectIgnoreDifferences=true"):
            return target
        rules = rules_of(app.spec.ignore_differences, pair.key)
        return respected(target, pair.live, rules, jq=self._jq) if rules else target

    def _apply(self, kind: Kind, target: Object, options: SyncOptions) -> None:
        apply = functools.partial(self._cluster.apply, kind, field_manager=FIELD_MANAGER)
        if options.has("Validate=false", target):
            applied_leniently(apply, target)
        else:
            apply(target)

    def _take_over(self, app: Application, kind: Kind, pair: Pair, options: SyncOptions) -> None:
        if pair.live is None:
            return
        migrates = not options.has("ClientSideApplyMigration=false")
        earlier = migrated_managers(app.meta.annotations, migrates=migrates)
        patch = takeover_patch(pair.live, client_side=earlier)
        if patch is not None:
            self._cluster.merge_patch(
                kind, pair.key.namespace, pair.key.name, patch, field_manager=FIELD_MANAGER
            )

    def _recreate(self, kind: Kind, pair: Pair, target: Object, what: str) -> str:
        if pair.key.kind in _NEVER_RECREATED:
            raise Rejected(
                f"{what} cannot be changed in place, and is not deleted to be made anew",
                remedy="change it by hand",
            )
        where = (kind, pair.key.namespace, pair.key.name)
        self._cluster.delete(*where, propagation=Propagation.BACKGROUND)
        for _ in range(RECREATE_WAITS):
            if self._cluster.get(*where) is None or not self._wait(RECREATE_WAIT_S):
                break
        self._cluster.create(kind, target, field_manager=FIELD_MANAGER)
        return f"{what} replaced"

    def _kind(self, pair: Pair) -> Kind:
        obj = pair.target or pair.live or {}
        return self._cluster.resolve(str(obj.get("apiVersion", "")), pair.key.kind)
