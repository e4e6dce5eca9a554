"""Which names Kubernetes takes where."""

from __future__ import annotations

import pytest

from secretsync.resources import names

_GOOD = {
    names.check_subdomain: ("a", "a.b-c.d0", "a" * 253),
    names.check_label: ("a", "a-0", "a" * 63),
    names.check_secret_key: ("a", "A_b-c.d", ".dockerconfigjson", "a" * 253),
    names.check_label_key: ("a", "app.kubernetes.io/name", "A_b.c"),
    names.check_label_value: ("", "a", "A_b.c-d", "a" * 63),
    names.check_annotation_key: ("a", "X.Y/Name"),
}
_BAD = {
    names.check_subdomain: ("", "A", "-a", "a-", "a..b", "a_b", "a" * 254, "a\n"),
    names.check_label: ("", "a.b", "A", "-a", "a" * 64, "a\n"),
    names.check_secret_key: ("", "a/b", "a b", "..", "a" * 254, "a\n"),
    names.check_label_key: ("", "/a", "a/", "A/b", "a/b/c", "-a", "a" * 64),
    names.check_label_value: ("-a", "a b", "a/b", "a" * 64, "a\n"),
    names.check_annotation_key: ("", "/a", "a b", "x_y/a"),
}


def _cases(table):
    return [
        pytest.param(check, name, id=f"{check.__name__}-{name[:20]!r}-{len(name)}")
        for check, cases in table.items()
        for name in cases
    ]


@pytest.mark.parametrize(("check", "name"), _cases(_GOOD))
def test_good_name_passes(check, name):
    assert check(name) == ""


@pytest.mark.parametrize(("check", "name"), _cases(_BAD))
def test_bad_name_is_told_what_it_must_be(check, name):
    assert check(name)
