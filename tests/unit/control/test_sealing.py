"""The passwords of servers that are not built yet."""

from __future__ import annotations

import dataclasses
import json

import pytest

from compute_service.config.settings import Settings, settings_of
from compute_service.control.create import create_servers
from compute_service.control.sealing import seal, unseal
from compute_service.control.spec import guest_spec
from compute_service.store.servers import server_locate
from tests.unit.flows.kinds.world import MEMBER, World

WORD = "sesame-open-0815"


def with_secret(secret: str | None, connection: str | None = None) -> Settings:
    return settings_of({"stratus": {"secret": secret}, "api_database": {"connection": connection}})


def test_a_waiting_password_cannot_be_read_from_the_row_but_reaches_the_guest(world: World) -> None:
    stratus = dataclasses.replace(world.svc.settings.stratus, secret="of this site")
    world.replace(settings=dataclasses.replace(world.svc.settings, stratus=stratus))
    order = world.order(admin_password=WORD)
    (made,) = create_servers(MEMBER, world.svc, order).servers
    located = server_locate(world.store, made.uuid)
    assert located is not None
    assert WORD not in json.dumps(located.instance.system_metadata)
    assert guest_spec(located.instance, world.svc.settings).admin_password == WORD
    world.settle()
    assert world.specs[0].admin_password == WORD


@pytest.mark.parametrize(
    "settings",
    [
        with_secret("s3cret"),
        with_secret(None, "mysql+pymysql://nova:pw@h/nova_api"),
        with_secret(None),
    ],
    ids=["secret", "database", "neither"],
)
def test_what_was_sealed_is_read_by_who_has_the_same_secret(settings: Settings) -> None:
    sealed = seal(settings, WORD)
    assert WORD not in sealed
    assert unseal(settings, sealed) == WORD


def test_hosts_of_the_database_may_be_called_differently() -> None:
    here = with_secret(None, "mysql+pymysql://nova:pw@db1/nova_api")
    there = with_secret(None, "mysql+pymysql://nova:pw@db2:3306/nova_api?charset=utf8")
    assert unseal(there, seal(here, WORD)) == WORD


def test_another_secret_reads_nothing_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    assert unseal(with_secret("one"), seal(with_secret("other"), WORD)) is None
    assert "[stratus] secret" in caplog.text
    assert unseal(with_secret("one"), None) is None
