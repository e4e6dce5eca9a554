"""What the tests of sealing share: keys of fixed numbers, certificates, key Secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa

from sealing import PrivateKey, key_secret, make_certificate

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
YEAR = timedelta(days=365)

# The throw-away RSA-2048 key under which kubeseal v0.40.0 made the values of VECTORS.
_P = int(
    "da580dda14d3b07ad3f54afc9d92b8df60b882933259333e4ea871e69f0ee2080a861baf885aa996b8b8aa338effd05e"
    "4a5912fd7450e47746eb56dd997be13544ad8378477b6aa4913bf26d88b3df1b60be4da0e81606ca26eeba9295800606"
    "32b3c032297d162f17ac6a00b86d9c0de1a11d940515c8bbe89639d768a95be9",
    16,
)
_Q = int(
    "c33c45e1940fcfabbe5d17cff709293a8c5afc5f9a6810592ed56a9c93c9a8fd72b7c48acd8126a768d382d9e8809e4e"
    "de1e4b26c5dff0a7b3ffc4f3961466e807ba3df6176e672e365e38010ae8dbd28799ad6920419fa093fa8cd2ef7d90ad"
    "c9e0ec6f99d1e3af388f61237c000d86e5f92eb5d647aa43616c3f4f884cb5fb",
    16,
)
VECTOR_FINGERPRINT = "SHA256:9YyD/s0iuthRi6k3BWNqknAr9nBxL3KX+X9D/0nAaCg"


@cache
def vector_key():
    """The key of the vectors."""
    e = 65537
    d = pow(e, -1, (_P - 1) * (_Q - 1))
    crt = (rsa.rsa_crt_dmp1(d, _P), rsa.rsa_crt_dmq1(d, _Q), rsa.rsa_crt_iqmp(_P, _Q))
    numbers = rsa.RSAPrivateNumbers(_P, _Q, d, *crt, rsa.RSAPublicNumbers(e, _P * _Q))
    return PrivateKey(numbers.private_key())


@cache
def other_key(number=0):
    """A key of another controller; the same number gives the same key."""
    return PrivateKey(rsa.generate_private_key(65537, 2048))


def certificate(key=None, *, start=NOW - YEAR, end=NOW + YEAR, **options):
    return make_certificate(
        key or vector_key(), not_before=start, not_after=end, serial_number=7, **options
    )


def key_object(name, key=None, *, status="active", created_at="2026-01-01T00:00:00Z", **times):
    """A key Secret as the API server lists it."""
    key = key or vector_key()
    made = key_secret(key, certificate(key, **times), namespace="kube-system")
    made["metadata"]["name"] = name
    made["metadata"]["creationTimestamp"] = created_at
    made["metadata"]["labels"]["sealedsecrets.bitnami.com/sealed-secrets-key"] = status
    return made
