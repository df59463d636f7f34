"""Security type VeNCrypt with X.509 certificates on both sides: TLS between proxy and host."""

from __future__ import annotations

import ssl
import struct

from compute_service.config.vnc import Vnc
from compute_service.console.rfb import NONE, VENCRYPT, X509_NONE, Refused, Scheme, no_password
from compute_service.console.streams import Exactly, Host
from compute_service.domain.errors import Invalid

_VERSION = bytes((0, 2))
_U32 = struct.Struct(">I")
_TIMEOUT = 20.0


def schemes_of(options: Vnc, host: str) -> dict[int, Scheme]:
    """Return the ways to sign in to a host, by number, the best first. Raises Invalid for an unknown one."""
    made: dict[int, Scheme] = {}
    for name in options.auth_schemes:
        if name == "none":
            made[NONE] = no_password
        elif name == "vencrypt":
            made[VENCRYPT] = _encrypting(context_of(options), host)
        else:
            raise Invalid(f"[vnc] auth_schemes knows none and vencrypt, but not {name}.")
    return made


def context_of(options: Vnc) -> ssl.SSLContext:
    """Return how TLS is done with hosts: theirs is checked, and ours is shown where there is one.

    Raises Invalid when a file cannot be used.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=options.vencrypt_ca_certs)
        if options.vencrypt_client_cert:
            context.load_cert_chain(options.vencrypt_client_cert, options.vencrypt_client_key)
    except OSError as error:
        raise Invalid(f"The certificates named in [vnc] vencrypt_* cannot be used: {error}") from error
    return context


def _encrypting(context: ssl.SSLContext, name: str) -> Scheme:
    def sign_in(host: Host, words: Exactly) -> None:
        if words.read(2) != _VERSION:
            raise Refused("the host does not speak VeNCrypt 0.2")
        host.send(_VERSION)
        if words.read(1)[0] != 0:
            raise Refused("the host refused VeNCrypt 0.2")
        count = words.read(1)[0]
        kinds = [_U32.unpack(words.read(4))[0] for _ in range(count)]
        if X509_NONE not in kinds:
            raise Refused(f"the host offers only the VeNCrypt types {kinds}")
        host.send(_U32.pack(X509_NONE))
        if words.read(1)[0] != 1:
            raise Refused("the host refused to encrypt")
        try:
            host.encrypt(context, name, _TIMEOUT)
        except OSError as error:
            raise Refused(f"no encryption with the host: {error}") from error

    return sign_in
