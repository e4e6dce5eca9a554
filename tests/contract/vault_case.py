"""The KV engine of OpenBao, version 1 and 2, as cases of the provider contract."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator, Mapping

from providers.base import Credentials, Provider, SecretBytes, SecretKeySelector
from providers.registry import load
from providers.vault.config import VaultAuth, VaultConfig
from tests.contract.provider_cases import Ability
from tests.support.openbao import shared_bao
from tests.support.openbao_front import BaoFront, bao_front, vault_error
from tests.support.web import fault

__all__ = ["VaultCase", "opened_vault_case"]

_TOKEN = SecretKeySelector("vault", "token")


class VaultCase:
    """An engine of the test's own, and a token that may do everything there."""

    batch_size = 1

    def __init__(self, front: BaoFront, version: int) -> None:
        self._front = front
        self._bao = shared_bao()
        self._v2 = version == 2
        self._mount = self._bao.engine(version)
        self._rules = {f"{self._mount}/*": ["create", "read", "update", "delete", "list", "scan"]}
        self._policy = self._bao.policy(self._rules)
        self._token = self._bao.token(self._policy)
        self.observed: list[tuple[str, str]] = []
        self.abilities = ~Ability(0)
        #: Version 1 keeps what says whose a secret is among the values.
        self.marker = "" if self._v2 else "custom_metadata"
        if not self._v2:
            self.abilities = Ability.FIND | Ability.WRITE | Ability.WRITE_PROPERTY

    def open(self) -> Provider:
        config = VaultConfig(
            server=self._front.url,
            path=self._mount,
            version="v2" if self._v2 else "v1",
            ca_bundle=base64.b64encode(self._front.ca_pem).decode(),
            auth=VaultAuth(token_secret_ref=_TOKEN),
        )
        secrets = {_TOKEN: SecretBytes(self._token.encode())}
        return load("vault").open_provider(
            config, Credentials(secrets), observe=lambda *call: self.observed.append(call)
        )

    def put(self, key: str, value: str) -> None:
        held = {"value": value}
        if self._v2:
            self._bao.ask("POST", f"{self._mount}/data/{key}", {"data": held})
        else:
            self._bao.ask("POST", f"{self._mount}/{key}", held)

    def payload(self, value: str) -> bytes:
        return json.dumps({"value": value}, separators=(",", ":")).encode()

    def found_name(self, key: str) -> str:
        return key

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        self._bao.ask("POST", f"{self._mount}/metadata/{key}", {"custom_metadata": dict(tags)})

    def delete(self, key: str) -> None:
        self._bao.ask("DELETE", f"{self._mount}/{'metadata/' if self._v2 else ''}{key}")

    def deny(self, key: str) -> None:
        self._rules[f"{self._mount}/{'data/' if self._v2 else ''}{key}"] = ["deny"]
        self._bao.policy(self._rules, self._policy)

    def throttle(self, retry_after_s: int) -> None:
        self._front.answer_all(
            vault_error(429, "rate limit quota exceeded", **{"Retry-After": str(retry_after_s)})
        )

    def fail(self) -> None:
        self._front.answer_all(vault_error(500, "internal error"))

    def garble(self) -> None:
        self._front.answer_all(fault("html"))

    def cut_off(self) -> None:
        self._front.answer_all(fault("half-body"))

    def heal(self) -> None:
        self._front.heal()

    def delay_lists(self, seconds: int) -> None:
        """Lists of one server are never late."""

    def pass_time(self, seconds: int) -> None:
        """No time plays a part."""

    def calls(self) -> int:
        return len(self._front.seen)


@contextlib.contextmanager
def opened_vault_case(version: int) -> Iterator[VaultCase]:
    """An engine behind a front of its own."""
    with bao_front() as front:
        yield VaultCase(front, version)
