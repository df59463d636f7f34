"""SSH and x509 key pairs, one set per user."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from compute_service.domain.record import Record


class Keypair(Record):
    """A public key a user keeps; the private key is shown once at most and never stored."""

    id: int = 0
    user_id: str
    name: str
    type: Literal["ssh", "x509"] = "ssh"
    public_key: str
    fingerprint: str
    created_at: datetime | None = None
