"""What the functions cost that read keys and certificates, worked out before they run.

Rounds of hashing that a PKCS #12 file asks for are paid where they are done. Neighbours:
`template_costs` merges these into its table, `template_eso` has the functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from secretsync.core.template_limits import Budget

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
_BEGIN = "-----BEGIN"

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


#: function → what pays for it before it is called.
KEY_PRICES: Mapping[str, _Ahead] = {
    "filterPEM": _pem(_BLOCK_STEPS),
    "rsaDecrypt": _rsa,
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
