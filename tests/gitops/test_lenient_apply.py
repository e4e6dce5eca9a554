"""Fields that a kind does not declare: found by the server's words, left out one by one."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.errors import Rejected
from secretsync.gitops.diff.lenient_apply import MOST_FIELDS, applied_leniently, undeclared_in

TARGET: dict[str, Any] = {
    "metadata": {"name": "web", "annotations": {"a": "1"}},
    "spec": {
        "typo": 1,
        "ports": [
            {"port": 80, "protocol": "TCP", "odd": 1},
            {"port": 80, "protocol": "UDP", "odd": 2},
        ],
        "containers": [{"name": "a"}, {"name": "b", "imagez": "x"}],
        "args": ["x", {"deep": 1}],
    },
}


def refusal(*paths: str) -> str:
    """Return what a server says."""
    fields = "\n  ".join(f"{path}: field not declared in schema" for path in paths)
    return f"cannot apply: failed to create typed patch object (a/web; apps/v1): {fields}"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.typo", [("spec", "typo")]),
        ('.spec.containers[name="b"].imagez', [("spec", "containers", 1, "imagez")]),
        ('.spec.ports[port=80,protocol="UDP"].odd', [("spec", "ports", 1, "odd")]),
        (".spec.args[1].deep", [("spec", "args", 1, "deep")]),
        (".spec.args[7].deep", []),
        (".spec.absent", []),
        ('.spec.containers[name="c"].imagez', []),
        (".spec.typo.deeper", []),
        (".metadata[name].x", []),
    ],
)
def test_field_is_found_by_the_words_of_the_server(path: str, found: list[Any]) -> None:
    assert undeclared_in(refusal(path), TARGET) == found


def test_several_fields_of_one_refusal_are_all_found() -> None:
    message = refusal(".spec.typo", '.spec.containers[name="b"].imagez')
    assert len(undeclared_in(message, TARGET)) == 2


def test_refusal_for_another_reason_is_passed_on_and_nothing_is_left_out() -> None:
    sent: list[Any] = []

    def apply(obj: Any) -> Any:
        sent.append(obj)
        raise Rejected("spec.replicas: Invalid value")

    with pytest.raises(Rejected, match="Invalid"):
        applied_leniently(apply, TARGET)
    assert sent == [TARGET]


def test_server_that_refuses_without_end_is_not_asked_without_end() -> None:
    spec = {f"x{number}": 1 for number in range(3 * MOST_FIELDS)}
    sent: list[Any] = []

    def apply(obj: Any) -> Any:
        sent.append(obj)
        raise Rejected(refusal(f".spec.{min(obj['spec'])}"))

    with pytest.raises(Rejected):
        applied_leniently(apply, {"spec": spec})
    assert len(sent) == MOST_FIELDS + 1
