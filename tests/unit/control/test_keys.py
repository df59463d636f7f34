"""Fingerprints and new key pairs, and how many a user may have."""

from __future__ import annotations

import hashlib
from base64 import b64decode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_public_key

from compute_service.control.keypairs import check_name, create_keypair, delete_keypair
from compute_service.control.keys import fingerprint_of, new_key
from compute_service.domain.errors import Conflict, Invalid, NotFound, OverQuota
from tests.unit.flows.kinds.world import MEMBER, World

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl user@example"


def test_an_ssh_key_is_named_by_the_md5_of_its_blob() -> None:
    digest = hashlib.md5(b64decode(ED25519.split()[1]), usedforsecurity=False).hexdigest()
    wanted = ":".join(digest[at : at + 2] for at in range(0, 32, 2))
    assert fingerprint_of(ED25519, "ssh") == wanted
    assert fingerprint_of(ED25519 + "\n", "ssh") == wanted


@pytest.mark.parametrize("text", ["", "ssh-rsa", "ssh-rsa AAAA", "ssh-ed25519 not-base64!", "hello world"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="Keypair data is invalid"):
        fingerprint_of(text, "ssh")
    with pytest.raises(Invalid, match="Keypair data is invalid"):
        fingerprint_of(text, "x509")


def test_a_new_ssh_key_fits_together() -> None:
    made = new_key("ssh", "ann")
    assert "BEGIN RSA PRIVATE KEY" in made.private_key
    private = load_pem_private_key(made.private_key.encode(), None)
    public = load_ssh_public_key(" ".join(made.public_key.split()[:2]).encode())
    assert private.public_key() == public  # type: ignore[union-attr]
    assert fingerprint_of(made.public_key, "ssh") == made.fingerprint


def test_a_new_certificate_is_its_users_and_named_by_its_sha1() -> None:
    made = new_key("x509", "ann")
    certificate = x509.load_pem_x509_certificate(made.public_key.encode())
    assert certificate.subject.rfc4514_string() == "CN=ann"
    assert made.fingerprint == certificate.fingerprint(hashes.SHA1()).hex(":")  # noqa: S303
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (principal,) = names
    assert principal.value.endswith(b"ann@localhost")
    assert load_pem_private_key(made.private_key.encode(), None).public_key() == certificate.public_key()  # type: ignore[union-attr]


def test_a_users_key_pairs_are_limited_and_named_once(world: World) -> None:
    world.with_settings("quota", key_pairs=2)
    assert create_keypair(MEMBER, world.svc, "ann", "one", public_key=ED25519).private_key is None
    assert create_keypair(MEMBER, world.svc, "ann", "two").private_key
    with pytest.raises(OverQuota, match="too many key pairs"):
        create_keypair(MEMBER, world.svc, "ann", "three")
    create_keypair(MEMBER, world.svc, "bob", "one", public_key=ED25519)
    delete_keypair(MEMBER, world.svc, "ann", "two")
    with pytest.raises(Conflict, match="already exists"):
        create_keypair(MEMBER, world.svc, "ann", "one", public_key=ED25519)
    with pytest.raises(NotFound):
        delete_keypair(MEMBER, world.svc, "ann", "two")


@pytest.mark.parametrize("name", ["", " web", "web ", "a" * 256, "wéb", "a/b"])
def test_bad_names_of_key_pairs_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_name(name)


def test_at_and_dot_are_allowed_from_2_92_on() -> None:
    check_name("ann@example.org")
    with pytest.raises(Invalid):
        check_name("ann@example.org", wide=False)
