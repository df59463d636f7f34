"""What key pairs look like in an answer. Source: Compute API reference, "Keypairs"."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from compute_service.api.links import Link
from compute_service.api.shape import View, since
from compute_service.api.times import stamp_or_none
from compute_service.domain.keypair import Keypair


class KeypairBrief(View):
    """A key pair in a list."""

    name: str
    public_key: str
    fingerprint: str
    type: Annotated[str | UnsetType, since("2.2")] = UNSET


class KeypairItem(View):
    """An entry of a list."""

    keypair: KeypairBrief


class KeypairList(View):
    """GET /os-keypairs."""

    keypairs: list[KeypairItem]
    keypairs_links: Annotated[list[Link] | UnsetType, since("2.35")] = UNSET


class NewKeypair(KeypairBrief):
    """A key pair just created; the private key is shown this once, when the service made it."""

    user_id: str
    private_key: Annotated[str | UnsetType, since("2.1", until="2.91")] = UNSET


class KeypairCreated(View):
    """The answer to POST /os-keypairs."""

    keypair: NewKeypair


class KeypairView(KeypairBrief):
    """A key pair with its details; the last ones are always so."""

    id: int
    user_id: str
    created_at: str | None
    deleted: bool = False
    deleted_at: None = None
    updated_at: None = None


class KeypairShown(View):
    """GET /os-keypairs/{name}."""

    keypair: KeypairView


def brief(keypair: Keypair) -> KeypairItem:
    """Return a key pair for a list."""
    return KeypairItem(
        keypair=KeypairBrief(
            name=keypair.name,
            public_key=keypair.public_key,
            fingerprint=keypair.fingerprint,
            type=keypair.type,
        )
    )


def created(keypair: Keypair, private_key: str | None) -> KeypairCreated:
    """Return a key pair just made."""
    return KeypairCreated(
        keypair=NewKeypair(
            name=keypair.name,
            public_key=keypair.public_key,
            fingerprint=keypair.fingerprint,
            type=keypair.type,
            user_id=keypair.user_id,
            private_key=UNSET if private_key is None else private_key,
        )
    )


def shown(keypair: Keypair) -> KeypairShown:
    """Return a key pair with its details."""
    return KeypairShown(
        keypair=KeypairView(
            name=keypair.name,
            public_key=keypair.public_key,
            fingerprint=keypair.fingerprint,
            type=keypair.type,
            id=keypair.id,
            user_id=keypair.user_id,
            created_at=stamp_or_none(keypair.created_at),
        )
    )
