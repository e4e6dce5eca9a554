"""Where credentials are looked up: among what PATH brings, then in the cluster.

Neighbour: `selectors` says which ones a store points at.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from providers.base import AuthFailed, LocalApi, SecretBytes, ServiceAccountToken
from secretsync.cluster.base import KINDS, Cluster
from secretsync.refresh.allowances import Allowances
from secretsync.refresh.directory_api import DirectoryApi
from secretsync.resources.core_objects import ConfigMapManifest, SecretManifest
from secretsync.resources.manifests import Manifests

__all__ = ["Audiences", "ClusterCredentials", "CredentialSource", "LabelledSecret", "Overlay"]

#: From a ServiceAccount's annotations to the audiences of its token.
Audiences = Callable[[Mapping[str, str]], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class LabelledSecret:
    """A Secret's data, and the labels that say what it may be handed out for."""

    data: Mapping[str, SecretBytes]
    labels: Mapping[str, str] = field(default_factory=dict)


class CredentialSource(Protocol):
    """Where credentials are looked up."""

    @property
    def context(self) -> Mapping[str, str]:
        """What the process allows to adapters, as `providers.base.Credentials.context`."""
        ...

    @property
    def local_api(self) -> LocalApi | None:
        """What answers for the cluster itself, where that is a directory."""
        ...

    def secret(self, namespace: str, name: str) -> Mapping[str, SecretBytes] | None:
        """Return a Secret's data, or None where it is definitely absent."""
        ...

    def labelled_secret(self, namespace: str, name: str) -> LabelledSecret | None:
        """Return a Secret with its labels, or None where it is definitely absent."""
        ...

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Return a ConfigMap's texts, or None where it is definitely absent."""
        ...

    def token(self, namespace: str, name: str, audiences: Audiences) -> ServiceAccountToken:
        """Issue a token for a ServiceAccount; its annotations tell for whom."""
        ...


class Overlay:
    """The Secrets and ConfigMaps that PATH brings; more may be added while it is in use."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[str, str], LabelledSecret] = {}
        self.config_maps: dict[tuple[str, str], Mapping[str, str]] = {}

    @classmethod
    def of(cls, manifests: Manifests) -> Self:
        """Return what these manifests bring."""
        made = cls()
        made.add(manifests.secrets, manifests.config_maps)
        return made

    def add(
        self, secrets: Iterable[SecretManifest], config_maps: Iterable[ConfigMapManifest]
    ) -> None:
        """Take in objects; one of the same name takes the place of an earlier one."""
        for secret in secrets:
            place = (secret.meta.namespace, secret.meta.name)
            self.secrets[place] = LabelledSecret(secret.data, secret.meta.labels)
        for item in config_maps:
            self.config_maps[item.meta.namespace, item.meta.name] = item.data


class ClusterCredentials:
    """Credentials out of the cluster, with those of PATH before them.

    Args:
        overlay: what PATH brings.
        allowed: what the process allows; its environment may allow more.
    """

    def __init__(
        self,
        cluster: Cluster,
        overlay: Overlay | None = None,
        *,
        allowed: Allowances | None = None,
    ) -> None:
        self._cluster = cluster
        self._overlay = overlay or Overlay()
        self._context = (allowed or Allowances()).context()

    @property
    def context(self) -> Mapping[str, str]:
        """What the process allows to adapters."""
        return self._context

    @property
    def local_api(self) -> LocalApi | None:
        """What answers for the cluster itself, where that is a directory."""
        return DirectoryApi(self._cluster) if self._cluster.name.startswith("dir:") else None

    def secret(self, namespace: str, name: str) -> Mapping[str, SecretBytes] | None:
        """Return a Secret's data, or None where it is definitely absent."""
        found = self.labelled_secret(namespace, name)
        return None if found is None else found.data

    def labelled_secret(self, namespace: str, name: str) -> LabelledSecret | None:
        """Return a Secret with its labels, or None where it is definitely absent."""
        given = self._overlay.secrets.get((namespace, name))
        if given is not None:
            return given
        obj = self._cluster.get(KINDS["Secret"], namespace, name)
        if obj is None:
            return None
        try:
            data = {
                key: SecretBytes(base64.b64decode(value or "", validate=True))
                for key, value in (obj.get("data") or {}).items()
            }
        except (binascii.Error, ValueError) as exc:
            raise AuthFailed(
                f"Secret {namespace}/{name} holds a value that is not base64",
                remedy="encode the values under data, or use stringData",
            ) from exc
        return LabelledSecret(data, _metadata(obj, "labels"))

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Return a ConfigMap's texts, or None where it is definitely absent."""
        given = self._overlay.config_maps.get((namespace, name))
        if given is not None:
            return given
        obj = self._cluster.get(KINDS["ConfigMap"], namespace, name)
        return None if obj is None else (obj.get("data") or {})

    def token(self, namespace: str, name: str, audiences: Audiences) -> ServiceAccountToken:
        """Issue a token for a ServiceAccount, for whom its annotations tell."""
        account = self._cluster.get(KINDS["ServiceAccount"], namespace, name)
        if account is None:
            raise AuthFailed(
                f"ServiceAccount {namespace}/{name} does not exist",
                remedy="create it, or correct the store's serviceAccountRef",
            )
        annotations = _metadata(account, "annotations")
        issued = self._cluster.request_token(namespace, name, audiences=audiences(annotations))
        return ServiceAccountToken(SecretBytes(issued.token.encode()), annotations)


def _metadata(obj: Mapping[str, Any], name: str) -> Mapping[str, str]:
    found: Mapping[str, str] = (obj.get("metadata") or {}).get(name) or {}
    return found
