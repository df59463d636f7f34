"""Passwords of new servers, sealed while the database holds them.

Between the request and the guest a password waits in the server's row, for the flow that builds it must
survive a crash. It is encrypted there (Fernet: AES-128-CBC with an HMAC) by a key derived from what databases
do not hold: [stratus] secret, or else the password in [api_database] connection, which the API and the
conductors share. A site that has neither, as SQLite does, has it encoded and not protected.
"""

from __future__ import annotations

import base64
import logging
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from compute_service.config.settings import Settings

LOG = logging.getLogger(__name__)


def seal(settings: Settings, password: str) -> str:
    """Return a password as it may stand in a database."""
    return _fernet(settings).encrypt(password.encode()).decode()


def unseal(settings: Settings, sealed: str | None) -> str | None:
    """Return the password that was sealed, or None when this daemon has another secret."""
    if sealed is None:
        return None
    try:
        return _fernet(settings).decrypt(sealed.encode()).decode()
    except InvalidToken:
        LOG.error(
            "The password of a new server cannot be read and is left out: [stratus] secret (or the password "
            "in [api_database] connection) is another here than where the request came in"
        )
        return None


def _fernet(settings: Settings) -> Fernet:
    secret = settings.stratus.secret or urlsplit(settings.api_database.connection or "").password or ""
    key = HKDF(SHA256(), 32, None, b"passwords of new servers").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))
