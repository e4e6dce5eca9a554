"""Inputs that once broke a property: target, the input in base64, what it showed.

`make fuzz` prints new ones in this form.
"""

from __future__ import annotations

__all__ = ["FINDINGS"]

#: (target, base64 of the input, what was wrong)
FINDINGS: tuple[tuple[str, str, str], ...] = (
    (
        "pem",
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=",
        "borders that share their dashes",
    ),
    (
        "pem",
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tQkVHSU4gQ0VSVElGSUNBVEUtLS0tLQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0t",
        "a border without an end that shares its dashes with one that has one",
    ),
)
