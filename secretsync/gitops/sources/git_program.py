"""The `git` program, run with a clean environment and somebody's credentials.

Passwords, tokens and keys are in no argument and no message: git asks a helper for them,
which reads them from its own environment; SSH keys are files of 0600 for as long as a call
takes. Neighbours: `repositories` says what to run, `repo_credentials` who logs in.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from secretsync.gitops.errors import SourceError, SourceForbidden, SourceUnavailable
from secretsync.gitops.processes.children import ChildLimits, Finished, run_child
from secretsync.gitops.sources.repo_credentials import RepoCredentials, is_ambiguous

__all__ = ["GIT_LIMITS", "GitProgram", "checked_url"]

GIT_LIMITS = ChildLimits(time_s=120.0, network=True)
_REMOTE = frozenset({"https", "ssh"})
#: What git, curl and ssh say of a login that is refused; they have no exit code for it.
_REFUSED = (
    "authentication failed",
    "permission denied",
    "could not read username",
    "could not read password",
    "access denied",
    "error: 401",
    "error: 403",
    "host key verification failed",
)
#: Of a file beyond the limit, a pack: the write fails, or the signal ends who writes.
_TOO_LARGE = ("file too large", f"died of signal {signal.SIGXFSZ:d}")
#: Of a file in the repository, which is not git's own.
_BROKEN = ("bad config", "in blob")
_ABSENT = (
    "repository not found",
    "does not appear to be a git repository",
    "not found",
    "does not exist",
    "couldn't find remote ref",
    "not our ref",
)
#: The host of a question is that to which a server has led: the login is for one alone.
_ASKPASS = """#!/bin/sh
case "$1" in
Username*"'https://$SECRETSYNC_GIT_HOST'"*) printf '%s' "$SECRETSYNC_GIT_USERNAME" ;;
Password*"@$SECRETSYNC_GIT_HOST'"*) printf '%s' "$SECRETSYNC_GIT_PASSWORD" ;;
*) exit 1 ;;
esac
"""


def checked_url(url: str, *, local: bool) -> str:
    """Return a repository's URL, if its protocol is served.

    Args:
        local: `file://` is served too.

    Raises:
        SourceForbidden: it is not.
    """
    scheme = "ssh" if _is_scp(url) else urlsplit(url).scheme.lower()
    if scheme != "ssh" and _has_password(url):
        raise SourceForbidden(
            "the URL holds a password, which everybody could read",
            remedy="put it into a repository Secret, and leave it out of repoURL",
        )
    if url.startswith("-") or "::" in url.partition("/")[0] or not scheme:
        raise SourceForbidden(f"{url[:200]!r} is no repository", remedy="correct repoURL")
    if is_ambiguous(url):
        raise SourceForbidden(
            "the URL could be taken for that of another repository",
            remedy="write repoURL without ?, #, backslashes, blanks, %2f and ..",
        )
    if scheme == "file" and local:
        return url
    if scheme not in _REMOTE:
        why = "are for directory clusters" if scheme == "file" else "are not served"
        raise SourceForbidden(
            f"{scheme}:// repositories {why}", remedy="use https:// or ssh:// in repoURL"
        )
    return url


def _has_password(url: str) -> bool:
    user, at, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    return bool(at) and ":" in user


def _is_scp(url: str) -> bool:
    host, colon, path = url.partition(":")
    return bool(colon) and "/" not in host and "@" in host and not path.startswith("//")


class GitProgram:
    """Runs git; safe in threads.

    Args:
        local: `file://` is served.
        ca_file: authorities to trust where a login names none; None for the system's.
    """

    def __init__(self, *, local: bool, ca_file: Path | None = None) -> None:
        self._local = local
        self._ca_file = ca_file
        self.verbs: Counter[str] = Counter()

    @property
    def calls(self) -> int:
        """How often git was run."""
        return self.verbs.total()

    def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        credentials: RepoCredentials | None = None,
        url: str = "",
        given: bytes = b"",
        limits: ChildLimits = GIT_LIMITS,
    ) -> bytes:
        """Run one git command and return what it prints.

        Args:
            credentials: for a command that asks the repository.
            url: of the repository that is asked; a password is for its host alone.
            given: its standard input.

        Raises:
            SourceError: the repository or the revision does not exist.
            SourceForbidden: the login is refused.
            SourceUnavailable: it does not answer, or not in time.
        """
        program = shutil.which("git")
        if program is None:
            raise SourceUnavailable("there is no git program", remedy="install git")
        self.verbs[arguments[0]] += 1
        with self._environment(credentials or RepoCredentials(), url) as env:
            ended = run_child([program, *arguments], cwd=cwd, env=env, limits=limits, given=given)
        if ended.code != 0 or ended.exceeded:
            raise _failure(arguments[0], ended, limits)
        return ended.out

    @contextlib.contextmanager
    def _environment(self, credentials: RepoCredentials, url: str) -> Iterator[dict[str, str]]:
        with tempfile.TemporaryDirectory(prefix="secretsync-git-") as folder:
            home = Path(folder)
            env = {
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": folder,
                "LC_ALL": "C",
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_OPTIONAL_LOCKS": "0",
                "GIT_ALLOW_PROTOCOL": "file:https:ssh" if self._local else "https:ssh",
                **_settings(credentials),
            }
            env |= self._login(credentials, home, url)
            yield env

    def _login(self, credentials: RepoCredentials, home: Path, url: str) -> Mapping[str, str]:
        found: dict[str, str] = {}
        if credentials.password is not None:
            helper = home / "askpass"
            helper.write_text(_ASKPASS)
            helper.chmod(0o700)
            found |= {
                "GIT_ASKPASS": str(helper),
                "SECRETSYNC_GIT_HOST": url.partition("://")[2].partition("/")[0].rpartition("@")[2],
                # Servers of tokens want some name, and do not care which.
                "SECRETSYNC_GIT_USERNAME": credentials.username or "git",
                "SECRETSYNC_GIT_PASSWORD": credentials.password.reveal().decode(),
            }
        found |= {"GIT_SSH_COMMAND": " ".join(_ssh(credentials, home)), "GIT_SSH_VARIANT": "ssh"}
        if credentials.tls_client_cert and credentials.tls_client_key is not None:
            certificate = _private(home / "client.crt", credentials.tls_client_cert)
            key = _private(home / "client.key", credentials.tls_client_key.reveal())
            found |= {"GIT_SSL_CERT": str(certificate), "GIT_SSL_KEY": str(key)}
        if credentials.ca_pem:
            found["GIT_SSL_CAINFO"] = str(_private(home / "ca.crt", credentials.ca_pem))
        elif self._ca_file is not None:
            found["GIT_SSL_CAINFO"] = str(self._ca_file)
        if credentials.insecure:
            found["GIT_SSL_NO_VERIFY"] = "1"
        return found


def _ssh(credentials: RepoCredentials, home: Path) -> list[str]:
    """Return the command that git runs for SSH: no configuration, no agent, nobody to ask."""
    command = ["ssh", "-F", os.devnull, "-o", "BatchMode=yes"]
    if credentials.ssh_private_key is not None:
        key = _private(home / "key", credentials.ssh_private_key.reveal().rstrip() + b"\n")
        command += ["-i", str(key), "-o", "IdentitiesOnly=yes"]
    known: Path | str | None = None
    if credentials.insecure:
        known = os.devnull  # Else it would note the host in the user's own file.
    elif credentials.known_hosts is not None:
        known = _private(home / "known_hosts", credentials.known_hosts.encode())
    if known is not None:
        command += ["-o", f"UserKnownHostsFile={known}", "-o", f"GlobalKnownHostsFile={os.devnull}"]
    checking = "no" if credentials.insecure else "yes"
    return [*command, "-o", f"StrictHostKeyChecking={checking}"]


def _settings(credentials: RepoCredentials) -> dict[str, str]:
    """Return git's configuration, by its environment: what a repository says of it is not read."""
    settings = {
        "core.hooksPath": os.devnull,
        "core.symlinks": "true",
        "protocol.version": "2",
        "fetch.fsckObjects": "true",
        "gc.auto": "0",
        "maintenance.auto": "false",
        "credential.helper": "",
        "submodule.recurse": "false",
    }
    if credentials.bearer_token is not None:
        token = credentials.bearer_token.reveal().decode()
        settings["http.extraHeader"] = f"Authorization: Bearer {token}"
        # Git would send it to whichever host the server leads to.
        settings["http.followRedirects"] = "false"
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for index, (name, value) in enumerate(settings.items()):
        found |= {f"GIT_CONFIG_KEY_{index}": name, f"GIT_CONFIG_VALUE_{index}": value}
    return found


def _private(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


def _failure(verb: str, ended: Finished, limits: ChildLimits) -> SourceError | SourceUnavailable:
    """Return the error of a failed call; git's own words may hold a URL, and are not shown."""
    if ended.exceeded == "time":
        return SourceUnavailable(f"git {verb} was not done in {limits.time_s:.0f} s")
    if ended.exceeded:
        return SourceError(
            f"git {verb} gives more than {limits.output_bytes} bytes", remedy="split the repository"
        )
    said = ended.err.lower()
    if any(words in said for words in _TOO_LARGE):
        return SourceError(
            f"the repository is larger than {limits.file_bytes // 2**20} MiB",
            remedy="use a repository of manifests alone",
        )
    if any(words in said for words in _REFUSED):
        return SourceForbidden(
            "the repository refuses the login",
            remedy="correct the repository Secret of this URL, or make one",
        )
    if "certificate" in said or "ssl" in said:
        return SourceForbidden(
            "the certificate of the repository's server is not trusted",
            remedy="have its authority trusted by the system that runs this, or mend the server",
        )
    if any(words in said for words in _ABSENT):
        return SourceError(
            "there is no such repository, or no such revision in it",
            remedy="correct repoURL and targetRevision, and see who may read it",
        )
    if all(words in said for words in _BROKEN):
        return SourceError("that is no configuration file of git", remedy="correct it")
    return SourceUnavailable(f"git {verb} failed (exit code {ended.code})")
