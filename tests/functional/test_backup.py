"""Images of servers of which only so many are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.caller import Caller, Reply
from tests.functional.cloud import Cloud

Order = Callable[..., dict[str, Any]]


@pytest.fixture
def server(member: Caller, order: Order) -> str:
    return str(member.settled(member.post("/servers", order()).body["server"]["id"], "ACTIVE")["id"])


def back_up(member: Caller, server: str, rotation: Any = 1, version: str = "2.45", **more: Any) -> Reply:
    body = {"name": "copy", "backup_type": "daily", "rotation": rotation, **more}
    reply = member.act(server, "createBackup", body, version)
    member.settled(server, "ACTIVE")
    return reply


def kept(cloud: Cloud, server: str) -> set[str]:
    return {image.id for image in cloud.images.find({"instance_uuid": server, "image_type": "backup"})}


def test_the_newest_backup_takes_the_place_of_the_oldest(cloud: Cloud, member: Caller, server: str) -> None:
    made = []
    for _ in range(2):
        reply = back_up(member, server, metadata={"why": "because"})
        assert reply.status == 202
        assert "Location" not in reply.headers
        made.append(reply.body["image_id"])
    assert kept(cloud, server) == {made[1]}
    image = cloud.images.show(made[1])
    assert (image.name, image.status) == ("copy", "active")
    assert (image.properties["backup_type"], image.properties["why"]) == ("daily", "because")


def test_an_older_version_leads_to_the_image(cloud: Cloud, member: Caller, server: str) -> None:
    reply = back_up(member, server, "2", "2.44")
    assert reply.status == 202
    assert reply.body is None
    assert {reply.headers["Location"].rpartition("/")[2]} == kept(cloud, server)


@pytest.mark.parametrize("version", ["2.44", "2.45"])
def test_a_row_of_none_keeps_none(cloud: Cloud, member: Caller, server: str, version: str) -> None:
    back_up(member, server)
    reply = back_up(member, server, 0, version)
    assert reply.status == 202
    assert "Location" not in reply.headers
    assert reply.body == ({"image_id": None} if version == "2.45" else None)
    assert kept(cloud, server) == set()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "a", "backup_type": "daily"},
        {"name": "a", "backup_type": "daily", "rotation": -1},
        {"name": "a", "backup_type": "daily", "rotation": "many"},
        {"name": "", "backup_type": "daily", "rotation": 1},
        {"name": "a", "backup_type": 1, "rotation": 1},
        {"name": "a", "backup_type": "daily", "rotation": 1, "unknown": 1},
    ],
)
def test_a_body_that_makes_no_sense_is_refused(member: Caller, server: str, body: dict[str, Any]) -> None:
    assert member.act(server, "createBackup", body).status == 400


def test_a_server_in_another_state_is_not_backed_up(member: Caller, admin: Caller, server: str) -> None:
    admin.act(server, "os-resetState", {"state": "error"})
    body = {"name": "copy", "backup_type": "daily", "rotation": 1}
    assert member.act(server, "createBackup", body).status == 409
