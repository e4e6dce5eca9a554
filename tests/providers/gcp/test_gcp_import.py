"""Parsing a store must not cost the SDK, and logs must not cost its secrets."""

from __future__ import annotations

import logging
import subprocess
import sys

from providers.base import Capability, SecretRef
from providers.gcp import CONFIG
from providers.gcp.config import GcpConfig
from providers.gcp.errors import CODES, PERMISSIONS
from providers.registry import load

_PROGRAM = """
import sys
import providers.gcp, providers.gcp.generators
heavy = {"google", "grpc", "requests", "urllib3", "cryptography"}
print(sorted({name.partition(".")[0] for name in sys.modules} & heavy))
"""


def test_importing_the_provider_does_not_import_the_sdk():
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_registry_finds_what_the_module_offers():
    module = load("gcpsm")
    assert module.CONFIG is CONFIG is GcpConfig
    config = GcpConfig(project_id="web")
    assert module.metric_name(config) == "GCP/SecretManager"
    assert module.capability(config) == Capability.READ | Capability.WRITE
    assert module.identity_names_namespace(config) is False


def test_every_status_of_grpc_and_every_operation_has_its_row(server, open_gcp):
    import grpc

    assert CODES.keys() == {code.name for code in grpc.StatusCode} - {"OK"}
    served = {name[1:] for name in dir(server) if name[1:2].isupper()}
    assert PERMISSIONS.keys() == served


def test_the_sdk_logs_no_value_and_no_token_however_it_is_told(
    server, open_gcp, environment, caplog
):
    scope = "google.cloud.secretmanager_v1"
    environment.setenv("GOOGLE_SDK_PYTHON_LOGGING_SCOPE", scope)
    caplog.set_level(logging.DEBUG)
    for name in (scope, f"{scope}.services.secret_manager_service.transports.grpc"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    server.account.put("app", "canary-value")
    provider = open_gcp()
    [answer] = provider.fetch([SecretRef("app")]).values()
    assert answer.value.reveal() == b"canary-value"
    assert "canary" not in caplog.text
    assert "ya29." not in caplog.text
    logging.getLogger(scope).setLevel(logging.NOTSET)
