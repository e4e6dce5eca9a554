"""The options of `run` about SealedSecrets: Sealed Secrets' names, defaults and variables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest
from click.testing import CliRunner

from sealing import KeyOrder
from secretsync.cli.sealing_options import sealing_options, sealing_settings
from secretsync.controller.sealing_settings import SealingSettings
from secretsync.errors import ConfigError


def settings(*arguments: str, **env: str) -> SealingSettings | None:
    """What a command line and an environment come to."""
    found: list[SealingSettings | None] = []

    @click.command()
    @sealing_options
    def command(**given: Any) -> None:
        found.append(sealing_settings("own", **given))

    result = CliRunner().invoke(command, list(arguments), env=env)
    if isinstance(result.exception, ConfigError):
        raise result.exception
    if result.exit_code == 2:
        raise click.UsageError(result.output)
    assert result.exit_code == 0, result.output
    return found[0]


def test_defaults_are_those_of_sealed_secrets() -> None:
    found = settings()
    assert found is not None
    assert found.namespace == "own"
    assert found.key_prefix == "sealed-secrets-key"
    assert found.order is KeyOrder.CERT_NOT_BEFORE
    assert found.renewing.period == timedelta(hours=720)
    assert found.renewing.cutoff_at is None
    assert found.renewing.options.key_bits == 4096
    assert found.renewing.options.ttl == timedelta(hours=87600)
    assert found.address is not None
    assert (found.address.host, found.address.port) == ("127.0.0.1", 8081)
    assert (found.rate_per_s, found.burst) == (2, 2)
    assert found.accept_v1_data
    assert found.update_status
    assert found.recreates
    assert found.names_objects


def test_sealing_may_be_left_out() -> None:
    assert settings("--no-sealing") is None


@pytest.mark.parametrize(
    ("option", "text", "read"),
    [
        ("key-prefix", "abc", lambda s: s.key_prefix == "abc"),
        ("key-size", "2048", lambda s: s.renewing.options.key_bits == 2048),
        ("key-ttl", "1h30m", lambda s: s.renewing.options.ttl == timedelta(minutes=90)),
        ("my-cn", "ours", lambda s: s.renewing.options.common_name == "ours"),
        ("key-renew-period", "0", lambda s: s.renewing.period == timedelta(0)),
        ("key-order-priority", "SecretCreationTimestamp", lambda s: s.order.startswith("Secret")),
        (
            "key-cutoff-time",
            "Mon, 02 Jan 2006 15:04:05 -0700",
            lambda s: s.renewing.cutoff_at == datetime(2006, 1, 2, 22, 4, 5, tzinfo=UTC),
        ),
        ("privatekey-labels", "a=b,c=d", lambda s: s.renewing.options.labels.get("c") == "d"),
        ("privatekey-annotations", "a=b", lambda s: s.renewing.options.annotations.get("a") == "b"),
        ("accept-deprecated-v1-data", "false", lambda s: not s.accept_v1_data),
        ("rate-limit", "7", lambda s: s.rate_per_s == 7),
        ("rate-limit-burst", "0", lambda s: s.burst == 0),
        ("update-status", "false", lambda s: not s.update_status),
        ("skip-recreate", "true", lambda s: not s.recreates),
        ("label-selector", "a=b", lambda s: s.label_selector == "a=b"),
        ("metrics-omit-secret-labels", "true", lambda s: not s.names_objects),
        ("sealing-namespace", "keys", lambda s: s.namespace == "keys"),
        ("sealing-addr", "0", lambda s: s.address is None),
    ],
    ids=lambda value: value if isinstance(value, str) and "=" not in value else "",
)
def test_option_is_read_from_line_and_environment(option: str, text: str, read: Any) -> None:
    variable = f"SEALED_SECRETS_{option.replace('-', '_').upper()}"
    assert read(settings(f"--{option}={text}"))
    assert read(settings(**{variable: text}))
    assert not read(settings())


def test_command_line_wins_over_the_environment() -> None:
    found = settings("--key-prefix", "line", SEALED_SECRETS_KEY_PREFIX="environment")
    assert found is not None
    assert found.key_prefix == "line"


def test_switch_may_stand_alone() -> None:
    found = settings("--skip-recreate", "--key-size", "2048")
    assert found is not None
    assert not found.recreates


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--key-renew-period=-1h"], "no period"),
        (["--key-renew-period=soon"], "no period"),
        (["--key-ttl=0"], "less than a second"),
        (["--key-size=1024"], "the key size is 1024"),
        (["--key-prefix=Big"], "illegal character B"),
        (["--key-order-priority=Newest"], "no order of keys"),
        (["--key-cutoff-time=yesterday"], "no cut-off time"),
        (["--privatekey-labels=novalue"], "no label for a key"),
        (["--sealing-addr=here"], "not an address"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_value_that_cannot_be_is_said(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings(*arguments)


@pytest.mark.parametrize(
    "argument", ["--rate-limit=0", "--rate-limit-burst=-1", "--update-status=x"]
)
def test_wrong_form_is_a_usage_error(argument: str) -> None:
    with pytest.raises(click.UsageError, match="Invalid value"):
        settings(argument)
