"""Which names Kubernetes takes where."""

from __future__ import annotations

import pytest

from secretsync.resources import names

_CASES = [
    (names.check_subdomain, ["a", "a.b-c.d0", "a" * 253], ["", "A", "-a", "a-", "a..b", "a_b", "a" * 254, "a\n"]),
    (names.check_label, ["a", "a-0", "a" * 63], ["", "a.b", "A", "-a", "a" * 64, "a\n"]),
    (names.check_secret_key, ["a", "A_b-c.d", ".dockerconfigjson", "a" * 253], ["", "a/b", "a b", "..", "a" * 254]),
    (names.check_label_key, ["a", "app.kubernetes.io/name", "A_b.c"], ["", "/a", "a/", "A/b", "a/b/c", "-a", "a" * 64]),
    (names.check_label_value, ["", "a", "A_b.c-d", "a" * 63], ["-a", "a b", "a/b", "a" * 64, "a\n"]),
    (names.check_annotation_key, ["a", "X.Y/Name"], ["", "/a", "a b", "x_y/a"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "name"),
    [pytest.param(check, name, id=f"{check.__name__}-{name[:20]}") for check, good, _ in _CASES for name in good],
)  # fmt: skip
def test_good_name_passes(check, name):
    assert check(name) == ""


@pytest.mark.parametrize(
    ("check", "name"),
    [pytest.param(check, name, id=f"{check.__name__}-{name[:20]!r}") for check, _, bad in _CASES for name in bad],
)  # fmt: skip
def test_bad_name_is_told_what_it_must_be(check, name):
    assert check(name)
