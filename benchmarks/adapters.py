"""What an adapter costs beside the bare SDK: CPU for 1,000 reads, in one run.

Each pair reads the same keys from the same server, once by the SDK alone and once by the
adapter, in the calls that the adapter makes; the order within pairs alternates. CPU is
this process's own: servers are children. The bare side decodes and keeps each value, as
whoever uses the SDK would. Compare ratios, not seconds.

Run: make bench
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import boto3

from providers.base import (
    Credentials,
    Provider,
    SecretBytes,
    SecretKeySelector,
    SecretRef,
    SecretValue,
)
from providers.registry import load
from tests.support.aws import REGION, AwsApi, start_moto

READS = 1000
PAIRS = 10
KEYS = 100
TARGET = 1.20
_VALUE = '{"username":"app","password":"' + "x" * 200 + '"}'
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIABENCHMARK",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

Read = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Row:
    """One service, in milliseconds of CPU for `READS` reads."""

    service: str
    bare_ms: float
    adapter_ms: float
    ratio: float


@contextlib.contextmanager
def _aws(service: str, client: str) -> Iterator[tuple[Provider, Any, list[str]]]:
    """Give an adapter and a bare client that read the same secrets from moto."""
    with start_moto() as moto:
        variable = {"ssm": "SSM", "secretsmanager": "SECRETSMANAGER"}[client]
        os.environ.update(_ENVIRONMENT, **{f"AWS_{variable}_ENDPOINT": moto.url})
        api = AwsApi(moto.url, service=client)
        keys = [f"/bench/{number:03}" for number in range(KEYS)]
        for key in keys:
            api.put_parameter(key, _VALUE) if client == "ssm" else api.create(key, _VALUE)
        api.close()
        module = load("aws")
        config = module.CONFIG(service=service, region=REGION)
        provider = module.open_provider(config, Credentials(), observe=lambda *_: None)
        connect: Any = boto3.client  # Stubs do not foresee a name that comes as text.
        bare = connect(client, region_name=REGION, endpoint_url=moto.url)
        try:
            yield provider, bare, keys
        finally:
            provider.close()
            bare.close()


def _by_adapter(provider: Provider, keys: list[str]) -> Read:
    refs = [SecretRef(key) for key in keys]

    def read() -> int:
        got: dict[SecretRef, Any] = {}
        for group in provider.pack(refs):
            got |= provider.fetch(group)
        return sum(isinstance(one, SecretValue) for one in got.values())

    return read


def _by_batches(client: Any, keys: list[str]) -> Read:
    def read() -> int:
        got: dict[str, tuple[bytes, str]] = {}
        for start in range(0, len(keys), 20):
            reply = client.batch_get_secret_value(SecretIdList=keys[start : start + 20])
            for entry in reply["SecretValues"]:
                got[entry["Name"]] = entry["SecretString"].encode(), entry["VersionId"]
        return len(got)

    return read


def _by_tens(client: Any, keys: list[str]) -> Read:
    def read() -> int:
        got: dict[str, tuple[bytes, str]] = {}
        for start in range(0, len(keys), 10):
            reply = client.get_parameters(Names=keys[start : start + 10], WithDecryption=True)
            for entry in reply["Parameters"]:
                got[entry["Name"]] = entry["Value"].encode(), str(entry["Version"])
        return len(got)

    return read


def _cpu_ms(read: Read) -> float:
    """Return the CPU that `READS` reads take."""
    gc.collect()
    began = time.process_time()
    done = 0
    while done < READS:
        count = read()
        if count != KEYS:
            raise RuntimeError(f"{count} of {KEYS} keys were read")
        done += count
    return (time.process_time() - began) * 1000


def _measured(service: str, bare: Read, adapter: Read) -> Row:
    for warm_up in (bare, adapter):
        _cpu_ms(warm_up)
    pairs: list[tuple[float, float]] = []
    for number in range(PAIRS):
        if number % 2:
            second, first = _cpu_ms(adapter), _cpu_ms(bare)
            pairs.append((first, second))
        else:
            pairs.append((_cpu_ms(bare), _cpu_ms(adapter)))
    return Row(
        service,
        statistics.median(one for one, _ in pairs),
        statistics.median(two for _, two in pairs),
        statistics.median(two / one for one, two in pairs),
    )


def secrets_manager() -> Row:
    """AWS Secrets Manager, by twenties."""
    with _aws("SecretsManager", "secretsmanager") as (provider, client, keys):
        return _measured(
            "AWS Secrets Manager", _by_batches(client, keys), _by_adapter(provider, keys)
        )


def parameter_store() -> Row:
    """AWS Parameter Store, by tens."""
    with _aws("ParameterStore", "ssm") as (provider, client, keys):
        return _measured("AWS Parameter Store", _by_tens(client, keys), _by_adapter(provider, keys))


#: Serves Google's API until its input ends; says on one line where, and with which key.
_GCP_CHILD = """
import base64, json, sys
from tests.support.gcp_certificates import roots_file
from tests.support.gcp_server import gcp_server
from tests.support.gcp_tokens import key_file
with gcp_server() as server:
    for number in range(int(sys.argv[1])):
        server.account.put(f"bench-{number:03}", sys.argv[2])
    key = base64.b64encode(key_file()).decode()
    print(json.dumps([server.url, server.tokens.url, roots_file(), key]), flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def _google() -> Iterator[tuple[Provider, Any, list[str]]]:
    """Give an adapter and a bare client that read the same secrets from a child process."""
    child = subprocess.Popen(
        [sys.executable, "-c", _GCP_CHILD, str(KEYS), _VALUE],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        url, tokens_url, roots, key = json.loads(child.stdout.readline())  # type: ignore[union-attr] # it is piped
        os.environ["GCP_SECRETMANAGER_ENDPOINT"] = url
        os.environ["GCP_AUTH_ENDPOINT"] = tokens_url
        os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = roots
        # Imported here: its support reads the environment that was just set.
        from google.cloud.secretmanager import SecretManagerServiceClient  # noqa: PLC0415 - see above
        from google.oauth2.credentials import Credentials as Token  # noqa: PLC0415 - see above

        from providers.gcp.login import plan_login  # noqa: PLC0415 - see above
        from providers.gcp.tokens import TokenSource  # noqa: PLC0415 - see above
        from tests.support.gcp import KEY, key_auth  # noqa: PLC0415 - see above
        from tests.support.gcp_account import PROJECT  # noqa: PLC0415 - see above

        module = load("gcpsm")
        config = module.CONFIG(project_id=PROJECT, auth=key_auth())
        credentials = Credentials({KEY: SecretBytes(base64.b64decode(key))})
        source = TokenSource(plan_login(config, credentials), observe=lambda *_: None)
        token_of: Any = Token  # Google ships no types for it.
        token = token_of(source.token())
        source.close()
        provider = module.open_provider(config, credentials, observe=lambda *_: None)
        host = url.removeprefix("https://")
        bare = SecretManagerServiceClient(credentials=token, client_options={"api_endpoint": host})
        keys = [f"bench-{number:03}" for number in range(KEYS)]
        try:
            yield provider, (bare, PROJECT), keys
        finally:
            provider.close()
            transport: Any = bare.transport
            transport.close()
            child.communicate()


def _one_by_one(client: Any, keys: list[str]) -> Read:
    bare, project = client

    def read() -> int:
        got: dict[str, tuple[bytes, str]] = {}
        for key in keys:
            name = f"projects/{project}/secrets/{key}/versions/latest"
            reply = bare.access_secret_version(name=name)
            got[key] = reply.payload.data, reply.name.rpartition("/")[2]
        return len(got)

    return read


def google() -> Row:
    """Google Secret Manager, one by one."""
    with _google() as (provider, client, keys):
        return _measured(
            "Google Secret Manager", _one_by_one(client, keys), _by_adapter(provider, keys)
        )


@contextlib.contextmanager
def _vault() -> Iterator[tuple[Provider, Any, list[str]]]:
    """Give an adapter and a bare client that read the same secrets from OpenBao."""
    import hvac  # type: ignore[import-untyped] # noqa: PLC0415 - of this row alone

    from providers.vault.config import VaultAuth, VaultConfig  # noqa: PLC0415 - as above
    from tests.support.openbao import shared_bao  # noqa: PLC0415 - it starts a server

    bao = shared_bao()
    mount = bao.engine()
    keys = [f"bench/{number:03}" for number in range(KEYS)]
    for key in keys:
        bao.ask("POST", f"{mount}/data/{key}", {"data": json.loads(_VALUE)})
    token = bao.token(bao.policy({f"{mount}/*": ["read", "list"]}))
    selector = SecretKeySelector("bench", "token")
    config = VaultConfig(
        server=bao.url,
        path=mount,
        ca_bundle=base64.b64encode(bao.ca_pem).decode(),
        auth=VaultAuth(token_secret_ref=selector),
    )
    credentials = Credentials({selector: SecretBytes(token.encode())})
    provider = load("vault").open_provider(config, credentials, observe=lambda *_: None)
    with tempfile.NamedTemporaryFile(suffix=".pem") as authority:
        authority.write(bao.ca_pem)
        authority.flush()
        bare = hvac.Client(url=bao.url, token=token, verify=authority.name)
        try:
            yield provider, (bare, mount), keys
        finally:
            provider.close()
            bare.adapter.close()


def _by_key(client: Any, keys: list[str]) -> Read:
    bare, mount = client

    def read() -> int:
        got: dict[str, tuple[dict[str, Any], int]] = {}
        for key in keys:
            reply = bare.secrets.kv.v2.read_secret_version(
                key, mount_point=mount, raise_on_deleted_version=True
            )
            got[key] = reply["data"]["data"], reply["data"]["metadata"]["version"]
        return len(got)

    return read


def vault() -> Row:
    """The KV engine of OpenBao, key by key."""
    with _vault() as (provider, client, keys):
        return _measured("OpenBao, KV 2", _by_key(client, keys), _by_adapter(provider, keys))


#: Name of a row → what measures it.
ROWS: dict[str, Callable[[], Row]] = {
    "aws-secrets-manager": secrets_manager,
    "aws-parameter-store": parameter_store,
    "google-secret-manager": google,
    "openbao": vault,
}


def main() -> int:
    """Print the table; 1 if a row misses the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", default=list(ROWS), help=", ".join(ROWS))
    rows = [ROWS[name]() for name in parser.parse_args().rows]
    print(f"| CPU of {READS} reads | bare SDK | adapter | ratio | target |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.service} | {row.bare_ms:.0f} ms | {row.adapter_ms:.0f} ms "
            f"| {row.ratio:.2f} | ≤ {TARGET:.2f} |"
        )
    return any(row.ratio > TARGET for row in rows)


if __name__ == "__main__":
    sys.exit(main())
