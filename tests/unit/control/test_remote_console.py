"""Opening consoles, and what tokens open."""

from __future__ import annotations

import pytest

from compute_service.control import power
from compute_service.control.delete import delete
from compute_service.control.remote_console import console_now, console_of_token, open_console
from compute_service.domain.console import Listening
from compute_service.domain.errors import Conflict, Invalid, InvalidState, NotFound, Unavailable
from compute_service.domain.states import TaskState
from compute_service.store.servers import Located
from tests.unit.flows.kinds.world import ADMIN, CELL, MEMBER, World


@pytest.fixture
def server(world: World) -> Located:
    return world.boot()


@pytest.fixture
def token(world: World, server: Located) -> str:
    return open_console(MEMBER, world.svc, server, "novnc").rpartition("%3D")[2]


def test_the_address_of_a_vnc_console_hands_the_token_to_the_page(world: World, server: Located) -> None:
    url = open_console(MEMBER, world.svc, server, "novnc")
    assert url.startswith("http://127.0.0.1:6080/vnc_auto.html?path=%3Ftoken%3D")


def test_the_address_of_a_serial_console_has_the_token(world: World, server: Located) -> None:
    world.with_settings("serial_console", enabled=True)
    assert open_console(MEMBER, world.svc, server, "serial").startswith("ws://127.0.0.1:6083/?token=")


def test_a_token_opens_the_console_again_and_again_until_it_runs_out(
    world: World, server: Located, token: str
) -> None:
    for _ in range(2):
        found = console_now(world.svc, token)
        assert (found.server, found.console.port) == (server.instance.uuid, 5900)
    world.clock.advance(600)
    for look in (console_now, console_of_token):
        with pytest.raises(NotFound, match="Token not found"):
            look(world.svc, token)


@pytest.mark.parametrize("token", ["", "no-such-token", "x" * 1000])
def test_other_words_open_nothing(world: World, server: Located, token: str) -> None:
    with pytest.raises(NotFound, match="Token not found"):
        console_now(world.svc, token)


def test_a_token_does_not_open_what_took_the_port_since(world: World, server: Located, token: str) -> None:
    for driver in world.hosts.values():
        driver.consoles["vnc"] = Listening(port=5999)
    with pytest.raises(NotFound):
        console_now(world.svc, token)


@pytest.mark.parametrize("end", [power.stop, delete])
def test_a_token_ends_with_the_guest(world: World, server: Located, token: str, end: object) -> None:
    end(MEMBER, world.svc, server)  # type: ignore[operator]
    world.settle()
    with pytest.raises(NotFound):
        console_now(world.svc, token)


def test_an_unknown_token_is_not_denied_while_a_cell_is_silent(
    world: World, server: Located, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(world.svc.store), "fan_out", lambda *_, **__: {CELL: Unavailable("silent"), "other": None}
    )
    with pytest.raises(Unavailable):
        console_now(world.svc, "some-token")


def test_no_console_is_opened_that_cannot_be_used(world: World, server: Located) -> None:
    with pytest.raises(Invalid, match="Unavailable console type spice-html5"):
        open_console(MEMBER, world.svc, server, "spice-html5")
    for task in (TaskState.DELETING, TaskState.MIGRATING):
        busy = Located(database=server.database, instance=server.instance.replace(task_state=task))
        with pytest.raises(InvalidState):
            open_console(MEMBER, world.svc, busy, "novnc")
    power.stop(MEMBER, world.svc, server)
    world.settle()
    with pytest.raises(Conflict, match="is not ready"):
        open_console(MEMBER, world.svc, world.see(server.instance.uuid), "novnc")
    world.lose("h1", "h2", "h3")
    with pytest.raises(Conflict, match="is unavailable at this time"):
        open_console(ADMIN, world.svc, world.see(server.instance.uuid), "novnc")
