"""What requests about key pairs hold. Source: Compute API reference, "Keypairs"."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from compute_service.api.fields import Bad, Field, Schema, Text
from compute_service.api.query import Limit, Query
from compute_service.api.shape import Body, since
from compute_service.api.versions import minor


class KeyName(Field):
    """The name of a key pair: letters, digits and some signs, at most 255."""

    def __init__(self, signs: str) -> None:
        self._signs = signs

    def check(self, value: Any) -> str:
        if value.__class__ is not str:
            raise Bad(value, f"{value!r} is not of type 'string'")
        name: str = value
        if not len(name.strip()) > 0 or len(name) > 255:
            raise Bad(
                value,
                "Keypair data is invalid: Keypair name must be string and between 1 and 255 characters long",
                whole=True,
            )
        if any(not (c.isascii() and c.isalnum()) and c not in self._signs for c in name):
            raise Bad(
                value,
                "Keypair data is invalid: Keypair name contains unsafe characters; "
                f"beside letters and digits it may have: {self._signs!r}",
                whole=True,
            )
        return name

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1, "maxLength": 255, "format": "keypair_name"}


class KeypairNew(Body):
    """The key pair of a POST. Without a public key one is made, until 2.91."""

    name: Annotated[str, since("2.1", kind=KeyName("_- ")), since("2.92", kind=KeyName("_- @."))]
    public_key: Annotated[str | UnsetType, Text(), since("2.1"), since("2.92", required=True)] = UNSET
    type: Annotated[Literal["ssh", "x509"] | UnsetType, since("2.2")] = UNSET
    user_id: Annotated[str | UnsetType, since("2.10")] = UNSET


class KeypairCreate(Body):
    """POST /os-keypairs."""

    keypair: KeypairNew


class OwnerQuery(Query):
    """Whose key pair is meant: an admin may name another user."""

    STRICT = minor("2.75")

    user_id: Annotated[str | UnsetType, since("2.10")] = UNSET


class KeypairQuery(OwnerQuery):
    """GET /os-keypairs."""

    limit: Annotated[Limit, since("2.35")] = UNSET
    marker: Annotated[str | UnsetType, since("2.35")] = UNSET
