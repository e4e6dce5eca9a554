"""What the functions cost that make or read keys, certificates and password hashes.

All of it is worked out before they run.

Rounds of hashing that a PKCS #12 file asks for are paid where they are done. Neighbours:
`templates.costs` merges these into its table, `templates.eso` has the functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from secretsync.core.templates.limits import Budget

__all__ = ["KEY_PRICES"]

#: For each block of PEM that may be there; and a certificate to read in each.
_BLOCK_STEPS = 60
_CERTIFICATE_STEPS = 400
#: A block that does not end is looked for in all of the text.
_SEARCHED_CHARS_A_STEP = 4096
_JWK_STEPS = 30_000
#: One operation with a key of up to 4096 bits, and with a larger one.
_RSA_STEPS = 40_000
_LARGE_RSA_STEPS = 300_000
_LARGE_KEY_CHARS = 4000
#: Of `Limits.crypto`: bcrypt at cost 10, RSA-2048, RSA-4096, DSA-2048, another key, scrypt.
_HASH_UNITS = 5
_CERTIFICATE_UNITS = 6
_RSA_UNITS = 40
_DSA_UNITS = 40
_SMALL_KEY_UNITS = 4
_DERIVED_UNITS = 16
#: No duration, number or base64 of a key is as long.
_HASHED_CHARS = 4096
#: Where `htpasswd` is told how to hash.
_ALGORITHM = 2
_BEGIN = "-----BEGIN"
_CERTIFICATE_FUNCTIONS = (
    "genCA",
    "genCAWithKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "buildCustomCert",
)

_Ahead = Callable[[Sequence[object], Budget], None]


def _pem(each: int) -> _Ahead:
    def ahead(arguments: Sequence[object], budget: Budget) -> None:
        for text in arguments:
            if isinstance(text, str):
                blocks = text.count(_BEGIN)
                budget.step(blocks * (each + len(text) // _SEARCHED_CHARS_A_STEP))

    return ahead


def _rsa(arguments: Sequence[object], budget: Budget) -> None:
    key = arguments[-1] if arguments else ""
    large = isinstance(key, str) and len(key) > _LARGE_KEY_CHARS
    budget.step(_LARGE_RSA_STEPS if large else _RSA_STEPS)


def _jwk(_arguments: Sequence[object], budget: Budget) -> None:
    budget.step(_JWK_STEPS)


def _crypto(units: int) -> _Ahead:
    def ahead(arguments: Sequence[object], budget: Budget) -> None:
        if any(len(arg) > _HASHED_CHARS for arg in arguments if isinstance(arg, str)):
            budget.crypto(_SMALL_KEY_UNITS)
        budget.crypto(units)

    return ahead


_hashed = _crypto(_HASH_UNITS)


def _htpasswd(arguments: Sequence[object], budget: Budget) -> None:
    """A line with SHA-1 costs nothing beside one with bcrypt."""
    if len(arguments) <= _ALGORITHM or arguments[_ALGORITHM] != "sha":
        _hashed(arguments, budget)


def _private_key(arguments: Sequence[object], budget: Budget) -> None:
    """RSA-4096 takes a second on its own, and once is all there is."""
    kind = arguments[0] if arguments else ""
    units = {"": _RSA_UNITS, "rsa": _RSA_UNITS, "dsa": _DSA_UNITS}
    budget.crypto(units.get(kind, _SMALL_KEY_UNITS) if isinstance(kind, str) else _RSA_UNITS)


#: function → what pays for it before it is called.
KEY_PRICES: Mapping[str, _Ahead] = {
    "filterPEM": _pem(_BLOCK_STEPS),
    "rsaDecrypt": _rsa,
    "genPrivateKey": _private_key,
    "derivePassword": _crypto(_DERIVED_UNITS),
    "bcrypt": _hashed,
    "htpasswd": _htpasswd,
    **dict.fromkeys(_CERTIFICATE_FUNCTIONS, _crypto(_CERTIFICATE_UNITS)),
    **dict.fromkeys(("jwkPublicKeyPem", "jwkPrivateKeyPem"), _jwk),
    **dict.fromkeys(
        (
            "certSANs",
            "filterCertChain",
            "fullPemToPkcs12",
            "fullPemToPkcs12Pass",
            "pemToPkcs12",
            "pemToPkcs12Pass",
            "pemTruststoreToPKCS12",
            "pemTruststoreToPKCS12Pass",
        ),
        _pem(_CERTIFICATE_STEPS),
    ),
}
