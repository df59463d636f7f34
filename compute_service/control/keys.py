"""Key material: fingerprints of public keys, and new key pairs.

SSH keys have an MD5 fingerprint and certificates a SHA-1 one, as the Compute API has always shown them; both
only name a key, nothing is secured by them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from compute_service.domain.errors import Invalid
from compute_service.domain.record import Record

KeyType = Literal["ssh", "x509"]

_BITS = 2048
_USER_PRINCIPAL_NAME = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_CERTIFICATE_YEARS = 10


class NewKey(Record):
    """A key pair just made; the private key is handed out once."""

    public_key: str
    private_key: str
    fingerprint: str


def fingerprint_of(public_key: str, kind: KeyType) -> str:
    """Return a public key's fingerprint, as pairs of hex digits with colons. Raises Invalid."""
    return _ssh_fingerprint(public_key) if kind == "ssh" else _x509_fingerprint(public_key)


def new_key(kind: KeyType, user_id: str) -> NewKey:
    """Make a key pair: an RSA key for SSH, or a self-signed client certificate for a user."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    if kind == "ssh":
        public = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        text = f"{public.decode()} Generated-by-Stratus\n"
        private = _pem(key, serialization.PrivateFormat.TraditionalOpenSSL)
        return NewKey(public_key=text, private_key=private, fingerprint=_ssh_fingerprint(text))
    certificate = _certificate(key, user_id)
    return NewKey(
        public_key=certificate,
        private_key=_pem(key, serialization.PrivateFormat.PKCS8),
        fingerprint=_x509_fingerprint(certificate),
    )


def _pem(key: rsa.RSAPrivateKey, form: serialization.PrivateFormat) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _colons(digest: bytes) -> str:
    return digest.hex(":")


def _ssh_fingerprint(public_key: str) -> str:
    parts = public_key.strip().split(None, 2)
    try:
        if len(parts) < 2:
            raise ValueError("a type and a key are needed")
        blob = base64.b64decode(parts[1], validate=True)
        serialization.load_ssh_public_key(" ".join(parts[:2]).encode())
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise Invalid("Keypair data is invalid: failed to generate fingerprint") from error
    return _colons(hashlib.md5(blob, usedforsecurity=False).digest())


def _x509_fingerprint(certificate: str) -> str:
    try:
        loaded = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError as error:
        raise Invalid(
            f"Keypair data is invalid: failed to generate X509 fingerprint. Error message: {error}"
        ) from error
    return _colons(loaded.fingerprint(hashes.SHA1()))  # noqa: S303 - a name, not a safeguard


def _certificate(key: rsa.RSAPrivateKey, user_id: str) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id[:64] or "user")])
    principal = f"{user_id}@localhost".encode()
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=365 * _CERTIFICATE_YEARS))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.OtherName(_USER_PRINCIPAL_NAME, _utf8(principal))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


def _utf8(text: bytes) -> bytes:
    """Return a DER UTF8String."""
    size = len(text)
    if size < 0x80:
        return bytes((0x0C, size)) + text
    width = (size.bit_length() + 7) // 8
    return bytes((0x0C, 0x80 | width)) + size.to_bytes(width, "big") + text
