"""An Argo CD user's Application behaves as Argo CD's reference says, row by row.

It has ten sync options, hooks and waves; `application_story.py` lives it once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from secretsync.gitops.sync.hook_running import HOOK_FINALIZER
from tests.e2e.application_story import ARGO, GROUP, Story, lived
from tests.support.git_repository import GitRepository
from tests.support.gitops_site import gitops_site
from tests.support.kubelet import WORKLOAD_CONTROLLERS, kubelet

pytestmark = [
    pytest.mark.built,
    pytest.mark.xdist_group("application-rows"),
    pytest.mark.timeout(900),
]

Row = Callable[[Story], bool]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The whole life of the application."""
    folder = tmp_path_factory.mktemp("rows")
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(gitops_site(folder))
        url = site.know("rows")
        site.server.start_controller_manager(WORKLOAD_CONTROLLERS)
        stack.enter_context(kubelet(site.server))
        repository = GitRepository(folder / "git" / "rows")
        yield stack.enter_context(lived(folder, site.server, repository, url))


#: What Argo CD's reference says, and how it shows in the story.
ROWS: dict[str, Row] = {
    # Options of the application.
    "CreateNamespace=true makes the namespace, with the metadata that is managed": lambda s: (
        s.namespace["labels"]["team"] == "rows"
    ),
    "the namespace is not tracked": lambda s: (
        f"{ARGO}tracking-id" not in (s.namespace.get("annotations") or {})
    ),
    "the namespace is not deleted with the application": lambda s: (
        "deletionTimestamp" not in s.namespace
    ),
    "PrunePropagationPolicy=foreground marks first, and deletes when what is owned is gone": (
        lambda s: (
            s.at("second", "ConfigMap", "old", "MODIFIED")
            < s.at("second", "ConfigMap", "old", "DELETED")
        )
    ),
    "PruneLast=true prunes after the last wave": lambda s: (
        s.at("second", "ConfigMap", "old", "DELETED") > s.at("second", "Job", "during", "ADDED")
    ),
    "ApplyOutOfSyncOnly=true leaves out what is as it should be": lambda s: (
        not {"settings", "late", "stays"} & s.results("second").keys()
    ),
    "ApplyOutOfSyncOnly=true runs hooks all the same": lambda s: (
        {"migrate", "during", "after"} <= s.results("second").keys()
    ),
    "ApplyOutOfSyncOnly=true writes history": lambda s: s.history("second") == 2,
    "Validate=false drops what the kind does not declare": lambda s: (
        "oddity" not in s.objects["first"]["Deployment/web"]["spec"]
    ),
    "SkipDryRunOnMissingResource=true, and a CRD beside it, let its object be applied": lambda s: (
        s.results("first")["one"]["status"] == "Synced"
    ),
    "a CRD goes before its objects in one sync": lambda s: (
        list(s.results("first")).index(f"widgets.{GROUP}") < list(s.results("first")).index("one")
    ),
    "ServerSideApply=true leaves no copy of the object in an annotation": lambda s: (
        not any(
            "last-applied" in name
            for name in s.objects["first"]["ConfigMap/settings"]["metadata"]["annotations"]
        )
    ),
    "RespectIgnoreDifferences=true keeps what somebody else wrote at an ignored path": lambda s: (
        s.objects["second"]["Deployment/web"]["spec"]["replicas"] == 4
    ),
    "ignoreDifferences does not hold back the rest of the object": lambda s: (
        s.image("second") == "example.com/web:2"
    ),
    "FailOnSharedResource=true fails where another application has an object": lambda s: (
        s.phase("shared") == "Failed" and "another application" in s.message("shared")
    ),
    "FailOnSharedResource=true touches nothing then": lambda s: (
        s.objects["shared"]["ConfigMap/shared"]["data"] == {"a": "theirs"}
        and s.image("shared") == s.image("mended")
    ),
    # Options of one object.
    "Replace=true of an object leaves nothing of others in it": lambda s: (
        s.objects["second"]["ConfigMap/replaced"]["data"] == {"a": "2"}
    ),
    "Prune=false of an object keeps it, and says so": lambda s: (
        s.results("second")["old-kept"]["status"] == "PruneSkipped"
        and "ConfigMap/old-kept" in s.objects["second"]
    ),
    "what is not pruned leaves the application OutOfSync": lambda s: (
        s.statuses["alone"]["sync"]["status"] == "OutOfSync"
    ),
    "Delete=false of an object keeps it when the application goes": lambda s: (
        "ConfigMap/stays" in s.objects["deleted"]
    ),
    # Phases and waves.
    "a PreSync hook has ended before the first wave begins": lambda s: (
        s.at("first", "Job", "migrate", "DELETED") < s.at("first", "ConfigMap", "settings")
    ),
    "wave -1 goes before wave 0": lambda s: (
        s.at("first", "ConfigMap", "settings") < s.at("first", "Deployment", "web")
    ),
    "ConfigMaps go before Deployments in one wave": lambda s: (
        s.at("first", "ConfigMap", "replaced") < s.at("first", "Deployment", "web")
    ),
    "a Sync hook runs in its wave": lambda s: (
        s.at("first", "Deployment", "web")
        < s.at("first", "Job", "during")
        < s.at("first", "ConfigMap", "late")
    ),
    "a wave begins when the one before it is healthy": lambda s: (
        s.last("first", "Deployment", "web") < s.at("first", "Job", "during")
    ),
    "a PostSync hook runs after the last wave": lambda s: (
        s.at("first", "Job", "after") > s.at("first", "ConfigMap", "late")
    ),
    # Hooks.
    "HookSucceeded deletes a hook that has succeeded": lambda s: (
        "Job/migrate" not in s.objects["first"]
    ),
    "a hook without a policy stays, and goes before it runs again": lambda s: (
        "Job/during" in s.objects["first"]
        and s.at("second", "Job", "during", "DELETED") < s.at("second", "Job", "during", "ADDED")
    ),
    "BeforeHookCreation deletes a hook before it runs again": lambda s: (
        s.at("second", "Job", "after", "DELETED") < s.at("second", "Job", "after", "ADDED")
    ),
    "Skip is never applied": lambda s: not s.happened("first", "ConfigMap", "never", "ADDED"),
    "SyncFail hooks do not run where nothing fails": lambda s: (
        not s.happened("first", "ConfigMap", "mend", "ADDED")
    ),
    "a PreSync hook that fails fails the sync": lambda s: (
        s.phase("failed") == "Failed" and s.results("failed")["migrate"]["hookPhase"] == "Failed"
    ),
    "what comes after a failed hook is not applied": lambda s: (
        s.image("failed") == "example.com/web:2" and "web" not in s.results("failed")
    ),
    "SyncFail hooks run where the sync fails": lambda s: (
        s.results("failed")["mend"]["hookPhase"] == "Succeeded"
    ),
    "HookSucceeded keeps a hook that has failed": lambda s: "Job/migrate" in s.objects["failed"],
    "hooks that have ended carry no finalizer of ours": lambda s: (
        not any(
            HOOK_FINALIZER in (obj["metadata"].get("finalizers") or ())
            for objects in s.objects.values()
            for obj in objects.values()
        )
    ),
    "PostDelete hooks do not run in a sync": lambda s: (
        not any(s.happened(c, "Job", "farewell", "ADDED") for c in s.seen if c != "deleted")
    ),
    # Automation and history.
    "only full and successful syncs are in the history": lambda s: (
        (s.history("failed"), s.history("mended"), s.history("shared")) == (2, 3, 3)
    ),
    "a newer commit goes before a revision that failed": lambda s: (
        s.image("mended") == "example.com/web:4"
    ),
    "automation is named as who began it": lambda s: (
        s.statuses["second"]["operationState"]["operation"]["initiatedBy"] == {"automated": True}
    ),
    # Deletion.
    "a deletion goes by waves backwards": lambda s: (
        s.at("deleted", "ConfigMap", "late", "DELETED")
        < s.at("deleted", "Deployment", "web", "DELETED")
        < s.at("deleted", "ConfigMap", "settings", "DELETED")
    ),
    "PostDelete hooks run when everything else is gone": lambda s: (
        s.at("deleted", "Job", "farewell") > s.at("deleted", "ConfigMap", "settings", "DELETED")
    ),
    "PostDelete hooks go with the application": lambda s: s.happened(
        "deleted", "Job", "farewell", "DELETED"
    ),
    "hooks of syncs go with the application": lambda s: "Job/after" not in s.objects["deleted"],
    "CRDs stay": lambda s: s.crd_stays,
}


@pytest.mark.parametrize("row", ROWS)
def test_application_of_an_argo_cd_user_behaves_as_the_reference_says(
    story: Story, row: str
) -> None:
    assert ROWS[row](story)
