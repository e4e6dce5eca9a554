"""Parsing a store must not cost the SDK."""

from __future__ import annotations

import subprocess
import sys

from providers.aws import CONFIG
from providers.aws.config import AwsConfig
from providers.registry import load

_PROGRAM = """
import sys
import providers.aws
loaded = sorted({name.partition(".")[0] for name in sys.modules} & {"boto3", "botocore", "urllib3"})
print(loaded)
"""


def test_importing_the_provider_does_not_import_the_sdk():
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_registry_finds_what_the_module_offers():
    module = load("aws")
    assert module.CONFIG is CONFIG is AwsConfig
    config = AwsConfig(service="SecretsManager", region="eu-west-1")
    assert module.metric_name(config) == "AWS/SecretsManager"
