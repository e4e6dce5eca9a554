"""The template functions that read certificates and RSA keys.

With its neighbours `templates.jwk` and `templates.keystores` the only part of the core that
uses cryptography; all three load when such a function is first called.

Source: External Secrets Operator 2.9, template engine v2 (what each function gives);
Go's crypto/x509 and crypto/rsa.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key

from secretsync.core.templates.bytes import from_bytes, to_bytes
from secretsync.core.templates.errors import FunctionProblem
from secretsync.core.templates.pem import block_of, encode, first_block, from_first_begin

__all__ = [
    "cert_sans",
    "certificates_in",
    "chain",
    "filter_cert_chain",
    "new_key",
    "pem_of",
    "private_key",
    "rsa_decrypt",
    "signing_key",
]

_HASHES = {"SHA1": hashes.SHA1, "SHA512": hashes.SHA512}
_KEYS = (
    rsa.RSAPrivateKey,
    ec.EllipticCurvePrivateKey,
    ed25519.Ed25519PrivateKey,
    x25519.X25519PrivateKey,
)
#: An operation with a larger key takes seconds.
_MAX_RSA_BITS = 8192
_PUBLIC_EXPONENT = 65537
_NEW_KEY_BITS = 2048


def cert_sans(certificate: str) -> list[str]:
    """Return a certificate's alternative names: DNS, IP, e-mail, URI.

    Raises:
        FunctionProblem: the text holds no certificate.
    """
    block, _ = block_of(from_first_begin(to_bytes(certificate)))
    if block is None:
        raise FunctionProblem("no PEM block")
    parsed = x509.load_der_x509_certificate(block.data)
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
        *names.get_values_for_type(x509.RFC822Name),
        *names.get_values_for_type(x509.UniformResourceIdentifier),
    ]


def filter_cert_chain(kind: str, certificates: str) -> str:
    """Return the `leaf`, the `intermediate` ones or the `root` of a chain in PEM.

    Raises:
        FunctionProblem: it is not one chain.
    """
    ordered = chain(certificates_in(certificates))
    if kind == "leaf":
        return "" if _is_root(ordered[0]) else pem_of(ordered[:1])
    if kind == "root":
        return pem_of(ordered[-1:]) if _is_root(ordered[-1]) else ""
    if kind != "intermediate":
        return ""
    upper = ordered[1:]
    roots = (at for at, certificate in enumerate(upper) if _is_root(certificate))
    return pem_of(upper[: next(roots, len(upper))])


def rsa_decrypt(scheme: str, digest: str, ciphertext: str, key: str) -> str:
    """Decrypt with a private key in PEM.

    Args:
        scheme: RSA-OAEP, or None for nothing at all.
        digest: SHA1, SHA256 or SHA512; any other is SHA256.
        ciphertext: bytes, not base64.
        key: the private key.

    Raises:
        FunctionProblem: it cannot be decrypted.
    """
    if scheme == "None":
        return ciphertext
    if scheme != "RSA-OAEP":
        raise FunctionProblem("decryption scheme is not supported")
    private = private_key(first_block(key)[0].data)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise FunctionProblem("could not parse RSA private key")
    algorithm = _HASHES.get(digest, hashes.SHA256)()
    oaep = padding.OAEP(padding.MGF1(algorithm), algorithm, label=None)
    return from_bytes(private.decrypt(to_bytes(ciphertext), oaep))


def private_key(der: bytes) -> PrivateKeyTypes:
    """Read a private key: PKCS #1, PKCS #8 or SEC 1.

    Raises:
        FunctionProblem: it is none, or of a kind that Go does not know, or far too large.
    """
    # Whether its primes are primes takes longer than all the rest, and is the owner's affair.
    key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, _KEYS):
        raise FunctionProblem("unable to parse private key type")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size > _MAX_RSA_BITS:
        raise FunctionProblem("the RSA key is too large")
    return key


def signing_key(pem: str) -> PrivateKeyTypes:
    """Read a private key in PEM that certificates are signed with.

    Raises:
        FunctionProblem: it is none, is too large, or its parts do not fit together, which
            Go asks of an RSA key as well.
    """
    key = private_key(first_block(pem)[0].data)
    if isinstance(key, rsa.RSAPrivateKey) and not _fits_together(key):
        raise FunctionProblem("the parts of the RSA key do not fit together")
    return key


def new_key() -> rsa.RSAPrivateKey:
    """Make the key of a certificate, as sprig does; lets go of the interpreter meanwhile."""
    return rsa.generate_private_key(_PUBLIC_EXPONENT, _NEW_KEY_BITS)


def certificates_in(text: str) -> list[x509.Certificate]:
    """Read every PEM block as a certificate.

    Raises:
        FunctionProblem: one is none.
    """
    found: list[x509.Certificate] = []
    block, rest = block_of(to_bytes(text))
    while block is not None:
        found.append(x509.load_der_x509_certificate(block.data))
        block, rest = block_of(rest)
    return found


def chain(certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Order certificates from the leaf up, by the key identifiers that they give.

    Nothing is verified: it says in which order they belong, not whether to trust them.

    Raises:
        FunctionProblem: they are not one chain.
    """
    by_subject: dict[bytes, list[int]] = {}
    for index, certificate in enumerate(certificates):
        by_subject.setdefault(_subject_key(certificate) or b"", []).append(index)
    parents: list[int | None] = []
    for index, certificate in enumerate(certificates):
        above = by_subject.get(_authority_key(certificate) or b"", [])
        parents.append(next((other for other in above[:2] if other != index), None))
    leaves = sorted(set(range(len(certificates))).difference(parents))
    if len(leaves) != 1:
        raise FunctionProblem("the certificates have no leaf, or several")
    ordered: list[x509.Certificate] = []
    at: int | None = leaves[0]
    while at is not None:
        if len(ordered) == len(certificates):
            raise FunctionProblem("the certificates refer to each other in a circle")
        ordered.append(certificates[at])
        at = parents[at]
    return ordered


def pem_of(certificates: Sequence[x509.Certificate]) -> str:
    """Return certificates in PEM."""
    return "".join(encode("CERTIFICATE", each.public_bytes(Encoding.DER)) for each in certificates)


def _fits_together(key: rsa.RSAPrivateKey) -> bool:
    numbers = key.private_numbers()
    public = numbers.public_numbers
    once = numbers.d * public.e - 1
    return (
        min(numbers.p, numbers.q) > 1
        and numbers.p * numbers.q == public.n
        and once % (numbers.p - 1) == 0
        and once % (numbers.q - 1) == 0
    )


def _is_root(certificate: x509.Certificate) -> bool:
    authority = _authority_key(certificate)
    return authority is None or authority == (_subject_key(certificate) or b"")


def _authority_key(certificate: x509.Certificate) -> bytes | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return None
    return found.value.key_identifier


def _subject_key(certificate: x509.Certificate) -> bytes | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return None
    return found.value.digest
