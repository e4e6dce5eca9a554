"""Are the commits of an application signed as its project demands?

Fail closed: what is not known to be signed by a key that the project names is not applied.
Neighbours: `git_objects` has commits and tags, `ssh_signatures` and `gpg_program` verify,
`engine` asks before anything is rendered.

Source: Argo CD 3.6, "Source Integrity Verification", and "Git GnuPG signature verification".
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Self

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ClusterError, NotFound
from secretsync.gitops.errors import SourceForbidden, SourceUnavailable
from secretsync.gitops.sources.git_objects import GitObjects, ReadsObjects
from secretsync.gitops.sources.gpg_program import Keyring, opened_keyring
from secretsync.gitops.sources.repo_credentials import normal_url, plainest
from secretsync.gitops.sources.repositories import Repositories
from secretsync.gitops.sources.signed_objects import SignedObject
from secretsync.gitops.sources.ssh_signatures import SSH_ARMOUR, ssh_fingerprint
from secretsync.resources.app_project import AppProject
from secretsync.resources.app_project_spec import (
    AppProjectSpec,
    GitPolicy,
    GpgPolicy,
    PolicyRepo,
)
from secretsync.resources.application import Application
from secretsync.resources.application_spec import Source
from secretsync.resources.globs import glob_matches

__all__ = ["KEYRING", "Integrity", "policy_of"]

#: Argo CD's ConfigMap of public keys.
KEYRING = "argocd-gpg-keys-cm"
#: How long an answer counts: keys expire.
_COUNTS = timedelta(hours=1)
_KEPT = 1024
#: Problems that are told, commits that are read at once, and that are looked at in all.
_TOLD, _AT_ONCE, _MOST = 10, 500, 20_000
_REMEDY = "have commits signed by a key of the project, or let its sourceIntegrity name the key"


class Integrity:
    """Verifies, and remembers for a while what it found; safe in threads.

    Args:
        now: the wall clock, aware.
    """

    def __init__(
        self, cluster: Cluster, repositories: Repositories, now: Callable[[], datetime]
    ) -> None:
        self._cluster = cluster
        self._repositories = repositories
        self._now = now
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, ...], tuple[datetime, str]] = OrderedDict()

    def check(self, project: AppProject, app: Application, source: Source, revision: str) -> None:
        """Refuse a revision that is not signed as a project demands.

        Args:
            source: of the application, or a base that one of them names.

        Raises:
            SourceForbidden: what is not signed, or not by whom it should be.
            GitOpsError: it cannot be told.
        """
        policy = policy_of(project.spec, source)
        if policy is None:
            return
        keys = self._keys(project)
        said = self._once(source, revision, policy, keys, project=app.spec.project)
        if said:
            raise SourceForbidden(
                f"the project demands signed commits of {source.repo_url}: {said}",
                remedy=_REMEDY,
            )

    def _once(
        self, source: Source, revision: str, policy: GpgPolicy, keys: str, *, project: str
    ) -> str:
        """Return what is wrong with a revision, from memory where it was verified just now."""
        objects = GitObjects(self._repositories, source.repo_url, project=project)
        tag = objects.tag_id(source.target_revision, revision, prefix=source.tag_prefix)
        digest = hashlib.sha256(keys.encode()).hexdigest()
        place = (normal_url(source.repo_url), project, digest, repr(policy))
        said = self._remembered((*place, revision, tag))
        if said is not None:
            return said

        def good(commit: str) -> bool:
            return self._remembered((*place, commit, "")) == ""

        with _Verifier(policy, keys) as verifier:
            said = "; ".join(verifier.problems(objects, tag, revision, good))
        with self._lock:
            self._known[*place, revision, tag] = (self._now(), said)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return said

    def _remembered(self, key: tuple[str, ...]) -> str | None:
        with self._lock:
            found = self._known.get(key)
        return found[1] if found is not None and self._now() - found[0] < _COUNTS else None

    def _keys(self, project: AppProject) -> str:
        """Return the public keys of the namespace of the project."""
        try:
            found = self._cluster.get(KINDS["ConfigMap"], project.meta.namespace, KEYRING)
        except NotFound:
            found = None
        except ClusterError as exc:
            raise SourceUnavailable(f"{KEYRING} cannot be read: {exc.message}") from exc
        data = (found or {}).get("data") or {}
        return "\n".join(str(data[name]) for name in sorted(data))


class _Verifier:
    """Verifies objects by one policy; a keyring is opened where a signature wants one."""

    def __init__(self, policy: GpgPolicy, keys: str) -> None:
        self._policy = policy
        self._keys = keys
        self._stack = ExitStack()
        self._ring: Keyring | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def problems(
        self, objects: ReadsObjects, tag: str, commit: str, good: Callable[[str], bool]
    ) -> list[str]:
        """Return what is wrong with a revision, the first few.

        Args:
            tag: id of the annotated tag by which it is wanted, which is signed itself; "".
            good: whether a commit and all before it were verified just now.
        """
        found = []
        if tag:
            signed = objects.object(tag)
            found.append(self._problem(signed))
            if signed.kind != "tag" or signed.parents != (commit,):
                found.append(f"{signed} is not of the commit {commit[:10]}")
        if self._policy.mode == "strict":
            found += self._history(objects, commit, good)
        elif not tag:
            found.append(self._problem(objects.object(commit)))
        return [each for each in found if each][:_TOLD]

    def _history(
        self, objects: ReadsObjects, commit: str, good: Callable[[str], bool]
    ) -> list[str]:
        """Return what is wrong with a commit and all before it, up to those that seal."""
        found: list[str] = []
        wanted = {commit}
        for count, each in enumerate(_all(objects, commit)):
            if count >= _MOST:
                return [f"more than {_MOST} commits would have to be verified: seal the history"]
            if each.id not in wanted:
                continue
            wanted.discard(each.id)
            if not good(each.id):
                problem = self._problem(each)
                found += [problem] if problem else []
                wanted |= set() if each.seals and not problem else set(each.parents)
            if not wanted or len(found) >= _TOLD:
                return found
        return [*found, f"the history of {commit[:10]} cannot be read to its end"]

    def _problem(self, signed: SignedObject) -> str:
        """Return why a signature does not count, "" where it does."""
        if not signed.signature:
            return f"{signed} is unsigned"
        allowed = self._policy.keys
        if signed.signature.startswith(SSH_ARMOUR):
            fingerprint = ssh_fingerprint(signed.payload, signed.signature)
            if fingerprint is None:
                return f"{signed} has an SSH signature that is not of this text"
            return "" if fingerprint in allowed else f"{signed} is signed by {fingerprint}"
        if not signed.signature.startswith(b"-----BEGIN PGP "):
            return f"{signed} has a signature that is neither of GPG nor of SSH"
        if self._ring is None:
            self._ring = self._stack.enter_context(opened_keyring(self._keys))
        verdict = self._ring.signer(signed.payload, signed.signature)
        if verdict.problem:
            return f"{signed}: {verdict.problem}"
        if any(_is_key(each, key) for each in allowed for key in verdict.keys):
            return ""
        return f"{signed} is signed by the key {verdict.keys[-1][-16:]}"


def policy_of(project: AppProjectSpec, source: Source) -> GpgPolicy | None:
    """Return how the commits of a source are verified; None for not at all.

    Raises:
        SourceForbidden: no answer can be given, so that none is allowed.
    """
    integrity = project.source_integrity
    if source.chart or source.repo_url.startswith("oci://"):
        if integrity is not None and integrity.helm:
            raise SourceForbidden(
                "the project demands provenance of charts, which is not verified here",
                remedy="commit the chart to a Git repository, and have its commits signed",
            )
        return None  # As in Argo CD: signatures of Git are no matter of charts.
    policies: Sequence[GitPolicy] = ()
    if project.signature_keys:
        keys = tuple(each.key_id for each in project.signature_keys)
        policies = [GitPolicy((PolicyRepo("*"),), GpgPolicy("head", keys))]
    elif integrity is not None and integrity.git is not None:
        policies = integrity.git.policies
    found = [each for each in policies if _is_for(each, source.repo_url)]
    if len(found) > 1:
        raise SourceForbidden(
            f"{len(found)} policies of the project's sourceIntegrity are for {source.repo_url}",
            remedy="leave one: exclude the repository from the others by !URL",
        )
    return found[0].gpg if found and found[0].gpg.mode != "none" else None


def _is_for(policy: GitPolicy, url: str) -> bool:
    """Return whether a policy is for a repository, however its URL is written."""
    plain = {url.removesuffix(".git"), normal_url(url).removesuffix(".git")}
    written = {url, normal_url(url), *plain, *(f"{each}.git" for each in plain)}
    patterns = [each.url.rstrip("/") for each in policy.repos]
    if any(_matches(each[1:], written) for each in patterns if each.startswith("!")):
        return False
    # Many servers take any case: better a commit is verified too much than one too little.
    written |= {each.lower().replace(":443/", "/", 1) for each in written}
    written.add(plainest(url))
    wanted = [each for each in patterns if not each.startswith("!")]
    forms = (form for each in wanted for form in (each, each.lower(), plainest(each)))
    return any(_matches(form, written) for form in forms)


def _matches(pattern: str, texts: set[str]) -> bool:
    return any(glob_matches(text, pattern) for text in texts)


def _is_key(allowed: str, fingerprint: str) -> bool:
    """Return whether an id of 16 digits or more, or a fingerprint, names a key."""
    named = allowed.replace(" ", "").upper().removeprefix("0X")
    return len(named) >= 16 and fingerprint.endswith(named)


def _all(objects: ReadsObjects, commit: str) -> Iterator[SignedObject]:
    skip = 0
    while found := objects.before(commit, skip=skip, most=_AT_ONCE):
        yield from found
        skip += len(found)
