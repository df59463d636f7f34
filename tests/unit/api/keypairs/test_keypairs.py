from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compute_service.config.settings import Settings
from compute_service.control.keys import new_key
from tests.unit.api.world import World, make_world
from tests.unit.api.wsgi import Caller

PUBLIC = new_key("ssh", "alice").public_key
CERTIFICATE = new_key("x509", "alice").public_key


@pytest.fixture
def alice(world: World) -> Caller:
    return world.caller()


@pytest.fixture
def admin(world: World) -> Caller:
    return world.caller("root", role="admin")


def load(caller: Caller, name: str = "mine", version: str | None = None, **fields: Any) -> Any:
    return caller.post("/os-keypairs", {"keypair": {"name": name, "public_key": PUBLIC, **fields}}, version)


def test_an_imported_key_comes_back(alice: Caller) -> None:
    reply = load(alice)
    assert reply.status == 201
    made = reply.body["keypair"]
    assert made.keys() == {"name", "public_key", "fingerprint", "type", "user_id"}
    assert (made["public_key"], made["type"], made["user_id"]) == (PUBLIC, "ssh", "alice")
    shown = alice.get("/os-keypairs/mine").body["keypair"]
    assert shown == {
        **made,
        "id": shown["id"],
        "created_at": "2023-11-14T22:13:20.000000",
        "deleted": False,
        "deleted_at": None,
        "updated_at": None,
    }


@pytest.mark.parametrize(("version", "status"), [("2.1", 200), ("2.2", 201)])
def test_creating_answers_by_version(alice: Caller, version: str, status: int) -> None:
    reply = load(alice, version=version)
    assert reply.status == status
    assert ("type" in reply.body["keypair"]) is (version == "2.2")


@pytest.mark.parametrize(("version", "status"), [("2.1", 202), ("2.2", 204)])
def test_deleting_answers_by_version(alice: Caller, version: str, status: int) -> None:
    load(alice)
    assert alice.delete("/os-keypairs/mine", version).status == status
    assert alice.delete("/os-keypairs/mine", version).status == 404


@pytest.mark.parametrize(("version", "has"), [("2.1", False), ("2.2", True)])
def test_the_type_is_shown_from_2_2_on(alice: Caller, version: str, has: bool) -> None:
    load(alice)
    assert ("type" in alice.get("/os-keypairs/mine", version).body["keypair"]) is has
    assert ("type" in alice.get("/os-keypairs", version).body["keypairs"][0]["keypair"]) is has


def test_a_key_is_made_until_2_91(alice: Caller) -> None:
    reply = alice.post("/os-keypairs", {"keypair": {"name": "made"}}, "2.91")
    assert reply.body["keypair"]["private_key"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert "private_key" not in alice.get("/os-keypairs/made").body["keypair"]
    reply = alice.post("/os-keypairs", {"keypair": {"name": "other"}}, "2.92")
    assert reply.status == 400
    assert "'public_key' is a required property" in reply.message


def test_a_certificate_may_be_kept(alice: Caller) -> None:
    reply = load(alice, type="x509", public_key=CERTIFICATE)
    assert reply.body["keypair"]["fingerprint"].count(":") == 19
    assert load(alice, "other", public_key=CERTIFICATE).status == 400
    assert load(alice, "other", type="x509").status == 400


@pytest.mark.parametrize("fields", [{"public_key": "ssh-rsa AAAA"}, {"type": "dsa"}, {"more": 1}])
def test_bad_keys_are_refused(alice: Caller, fields: dict[str, Any]) -> None:
    assert load(alice, **fields).status == 400


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("plain name_1-a", 201, 201),
        ("a@example.org", 400, 201),
        ("a/b", 400, 400),
        ("", 400, 400),
        ("x" * 256, 400, 400),
        ("ключ", 400, 400),
        (5, 400, 400),
    ],
)
def test_names_grow_longer_words_at_2_92(alice: Caller, name: Any, before: int, after: int) -> None:
    assert load(alice, name, "2.91").status == before
    alice.delete(f"/os-keypairs/{name}")
    assert load(alice, name, "2.92").status == after


def test_a_name_is_taken_once_for_each_user(alice: Caller, world: World) -> None:
    load(alice)
    assert load(alice).status == 409
    assert load(world.caller("bob")).status == 201


def test_the_quota_is_per_user() -> None:
    quota = dataclasses.replace(Settings().quota, key_pairs=1)
    world = make_world(dataclasses.replace(Settings(), quota=quota))
    alice = world.caller()
    assert load(alice, "one").status == 201
    reply = load(alice, "two")
    assert (reply.status, reply.message) == (403, "Quota exceeded, too many key pairs.")
    assert load(world.caller("bob"), "one").status == 201
    world.store.close()


@pytest.mark.parametrize("version", ["2.9", "2.10"])
def test_admins_handle_keys_of_others_from_2_10_on(alice: Caller, admin: Caller, version: str) -> None:
    load(alice)
    knows = version == "2.10"
    assert admin.get("/os-keypairs/mine?user_id=alice", version).status == (200 if knows else 404)
    assert len(admin.get("/os-keypairs?user_id=alice", version).body["keypairs"]) == knows
    assert load(admin, "second", version, user_id="alice").status == (201 if knows else 400)
    assert admin.delete("/os-keypairs/mine?user_id=alice", version).status == (204 if knows else 404)


def test_others_do_not(alice: Caller, world: World) -> None:
    load(alice)
    bob = world.caller("bob", role="manager")
    for reply in (
        bob.get("/os-keypairs?user_id=alice"),
        bob.get("/os-keypairs/mine?user_id=alice"),
        bob.delete("/os-keypairs/mine?user_id=alice"),
        load(bob, "second", user_id="alice"),
    ):
        assert reply.status == 403


def test_lists_are_paged_from_2_35_on(alice: Caller) -> None:
    for name in ("b", "a", "c"):
        load(alice, name)
    page = alice.get("/os-keypairs?limit=2", "2.35").body
    assert [item["keypair"]["name"] for item in page["keypairs"]] == ["a", "b"]
    assert page["keypairs_links"][0]["href"].endswith("/os-keypairs?limit=2&marker=b")
    rest = alice.get("/os-keypairs?limit=2&marker=b", "2.35").body
    assert [item["keypair"]["name"] for item in rest["keypairs"]] == ["c"]
    assert "keypairs_links" not in rest
    whole = alice.get("/os-keypairs?limit=2", "2.34").body
    assert len(whole["keypairs"]) == 3
    assert "keypairs_links" not in whole
    assert alice.get("/os-keypairs?marker=x", "2.35").status == 400


@pytest.mark.parametrize(("version", "status"), [("2.74", 200), ("2.75", 400)])
def test_unknown_parameters_are_refused_from_2_75_on(alice: Caller, version: str, status: int) -> None:
    load(alice)
    assert alice.get("/os-keypairs?x=1", version).status == status
    assert alice.get("/os-keypairs/mine?x=1", version).status == status
