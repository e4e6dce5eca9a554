"""What a controller's certificate was is remembered, and a change is said loudly."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from sealing import make_certificate
from tests.seal.dropin_kit import Here, now_certificate, secret_yaml
from tests.sealing.kit import other_key, vector_key
from tests.support.service_proxy import service_proxy

CHANGED = "warning: the sealing certificate of kube-system/sealed-secrets-controller at"


def another():
    start = now_certificate().not_before
    key = other_key()
    return make_certificate(
        key, not_before=start, not_after=start + timedelta(days=9), serial_number=8
    )


def renewed():
    """A new certificate of the same key, which opens what the old one sealed."""
    start = now_certificate().not_before
    return make_certificate(
        vector_key(), not_before=start, not_after=start + timedelta(days=9), serial_number=9
    )


@pytest.fixture
def double():
    with service_proxy() as double:
        double.answers["/v1/cert.pem"] = 200, now_certificate().pem
        yield double


@pytest.fixture
def fetch(monkeypatch, capsysbinary):
    """Run `seal` against the double, with a home folder."""
    here = Here(monkeypatch, capsysbinary)

    def run(double, home, *flags, env=None, given=b""):
        surroundings = {"HOME": str(home), "XDG_CONFIG_HOME": ""} | (env or {})
        return here("--server", double.url, *flags, env=surroundings, given=given)

    return run


def pins(folder):
    return sorted(folder.rglob("certificate-*.json"))


def test_certificate_is_pinned_for_its_owner_alone(fetch, double, tmp_path):
    assert fetch(double, tmp_path, given=secret_yaml()).code == 0
    (pin,) = pins(tmp_path)
    assert pin.parent == tmp_path / ".config" / "secretsync"
    assert pin.stat().st_mode & 0o777 == 0o600
    assert pin.parent.stat().st_mode & 0o777 == 0o700
    kept = json.loads(pin.read_text())
    assert kept["fingerprint"] == now_certificate().fingerprint
    assert kept["certificate"].encode() == now_certificate().pem
    assert (kept["server"], kept["controller"]) == (
        double.url,
        "kube-system/sealed-secrets-controller",
    )


def test_folder_of_xdg_is_used_where_it_is_set(fetch, double, tmp_path):
    env = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert fetch(double, tmp_path / "home", "--fetch-cert", env=env).code == 0
    (pin,) = pins(tmp_path)
    assert pin.parent == tmp_path / "xdg" / "secretsync"


@pytest.mark.parametrize("flags", [("--fetch-cert",), ("-o", "yaml")])
def test_change_is_said_once_with_both_fingerprints_and_changes_nothing_else(
    fetch, double, tmp_path, flags
):
    first = fetch(double, tmp_path, *flags, given=secret_yaml())
    again = fetch(double, tmp_path, *flags, given=secret_yaml())
    assert CHANGED not in first.err + again.err
    double.answers["/v1/cert.pem"] = 200, another().pem
    changed = fetch(double, tmp_path, *flags, given=secret_yaml())
    after = fetch(double, tmp_path, *flags, given=secret_yaml())
    assert (changed.code, after.code) == (0, 0)
    assert f"{CHANGED} {double.url} HAS CHANGED" in changed.err
    assert now_certificate().fingerprint in changed.err
    assert another().fingerprint in changed.err
    assert CHANGED not in after.err
    if "--fetch-cert" in flags:
        assert changed.out == another().pem


def test_new_certificate_of_the_same_key_is_no_change(fetch, double, tmp_path):
    fetch(double, tmp_path, "--fetch-cert")
    double.answers["/v1/cert.pem"] = 200, renewed().pem
    assert CHANGED not in fetch(double, tmp_path, "--fetch-cert").err


def test_each_controller_has_a_pin_of_its_own(fetch, double, tmp_path):
    fetch(double, tmp_path, "--fetch-cert")
    double.name = "other"
    double.answers["/v1/cert.pem"] = 200, another().pem
    ended = fetch(double, tmp_path, "--fetch-cert", "--controller-name", "other")
    assert ended.code == 0
    assert CHANGED not in ended.err
    assert len(pins(tmp_path)) == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff"])
def test_pin_that_is_damaged_is_written_anew(fetch, double, tmp_path, damage):
    fetch(double, tmp_path, "--fetch-cert")
    (pin,) = pins(tmp_path)
    pin.write_bytes(damage)
    ended = fetch(double, tmp_path, "--fetch-cert")
    assert (ended.code, CHANGED in ended.err) == (0, False)
    assert json.loads(pin.read_text())["fingerprint"] == now_certificate().fingerprint


def test_home_that_cannot_be_written_is_warned_of_and_stops_nothing(fetch, double, tmp_path):
    (tmp_path / "file").touch()
    ended = fetch(double, tmp_path / "file", "--fetch-cert")
    assert (ended.code, ended.out) == (0, now_certificate().pem)
    assert "warning: the certificate cannot be remembered: " in ended.err


def test_what_is_no_certificate_is_printed_as_it_is_and_not_pinned(fetch, double, tmp_path):
    double.answers["/v1/cert.pem"] = 200, b"nonsense"
    ended = fetch(double, tmp_path, "--fetch-cert")
    assert (ended.code, ended.out) == (0, b"nonsense")
    assert pins(tmp_path) == []


def test_certificate_of_a_file_is_not_pinned(fetch, double, tmp_path):
    (tmp_path / "tls.crt").write_bytes(now_certificate().pem)
    ended = fetch(double, tmp_path, "--cert", tmp_path / "tls.crt", given=secret_yaml())
    assert ended.code == 0
    assert pins(tmp_path) == []
