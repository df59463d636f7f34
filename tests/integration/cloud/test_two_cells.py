"""Two cells on real parts, with a database server and a virtual host of the broker each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from proving.plan import Plan
from proving.process import Missing
from proving.site import Site, site
from tests.functional.caller import Caller, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

SERVERS = 7
BEFORE, SINCE = "2.68", "2.69"
"""The versions around the one that tells of cells that are down."""


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cloud of two cells with two hosts each.

    One API process, for each finds out by itself when a cell is back.
    """
    plan = Plan(cells=2, hosts=2, database=request.param, api_workers=1)
    try:
        with site(tmp_path_factory.mktemp("site"), plan) as made:
            yield made
    except Missing as missing:
        pytest.skip(f"THESE TESTS DID NOT RUN: {missing}")


@pytest.fixture
def demo(cloud: Site) -> Caller:
    """A user."""
    return Caller(cloud.compute_url, cloud.token("demo"))


@pytest.fixture
def admin(cloud: Site) -> Caller:
    """The administrator."""
    return Caller(cloud.compute_url, cloud.token("admin"))


def boot(cloud: Site, caller: Caller, name: str) -> str:
    server = {"name": name, "imageRef": cloud.image, "flavorRef": "42", "networks": "none"}
    reply = caller.post("/servers", {"server": server})
    assert reply.status == 202, reply
    return str(reply.body["server"]["id"])


@pytest.fixture(scope="module")
def cells(cloud: Site) -> dict[str, str]:
    """Servers, and the cell that each is in. They come one after another, so that each has its second."""
    demo = Caller(cloud.compute_url, cloud.token("demo"))
    admin = Caller(cloud.compute_url, cloud.token("admin"))
    made = [boot(cloud, demo, f"server-{number}") for number in range(SERVERS)]
    return {uuid: str(admin_host(admin, uuid)).partition("-host")[0] for uuid in made}


def admin_host(admin: Caller, uuid: str) -> str:
    return str(admin.settled(uuid, "ACTIVE", 40)["OS-EXT-SRV-ATTR:host"])


def pages(caller: Caller, query: str, limit: int, version: str = "2.104") -> list[dict[str, Any]]:
    """Return what a list holds, read page by page as its links lead."""
    found: list[dict[str, Any]] = []
    path = f"/servers/detail?limit={limit}&{query}"
    for _ in range(SERVERS + 1):
        reply = caller.get(path, version)
        assert reply.status == 200, reply
        assert len(reply.body["servers"]) <= limit
        found += reply.body["servers"]
        links = [link["href"] for link in reply.body.get("servers_links", ()) if link["rel"] == "next"]
        if not links:
            return found
        path = links[0].removeprefix(caller.url)
    raise AssertionError("the pages have no end")


def test_servers_land_in_both_cells(cells: dict[str, str]) -> None:
    assert set(cells.values()) == {"cell1", "cell2"}


def test_hosts_and_services_of_both_cells_are_listed(admin: Caller) -> None:
    wanted = {f"{cell}-host-{number}" for cell in ("cell1", "cell2") for number in (1, 2)}
    shown = admin.get("/os-hypervisors").body["hypervisors"]
    assert {one["hypervisor_hostname"] for one in shown} >= wanted
    services = admin.get("/os-services?binary=nova-compute").body["services"]
    assert {one["host"] for one in services} == wanted
    assert {one["state"] for one in services} == {"up"}


@pytest.mark.parametrize("limit", [1, 2, 3, SERVERS, 100])
@pytest.mark.parametrize(
    ("query", "key", "backwards"),
    [
        ("", "created", True),
        ("sort_key=display_name&sort_dir=asc", "name", False),
        ("sort_key=uuid&sort_dir=desc", "id", True),
    ],
)
def test_pages_of_both_cells_are_one_list(
    demo: Caller, cells: dict[str, str], query: str, key: str, backwards: bool, limit: int
) -> None:
    found = [one for one in pages(demo, query, limit) if one["id"] in cells]
    assert {one["id"] for one in found} == set(cells)
    assert len(found) == SERVERS
    order = [one[key] for one in found]
    assert order == sorted(order, reverse=backwards)
    whole = [one["id"] for one in demo.get(f"/servers?{query}").body["servers"]]
    assert [one["id"] for one in found] == [uuid for uuid in whole if uuid in cells]


def test_servers_of_both_cells_are_stopped_and_started(demo: Caller, cells: dict[str, str]) -> None:
    one_each = {cell: uuid for uuid, cell in cells.items()}.values()
    for action, status in (("os-stop", "SHUTOFF"), ("os-start", "ACTIVE")):
        for uuid in one_each:
            assert demo.act(uuid, action).status == 202
        for uuid in one_each:
            demo.settled(uuid, status)


@contextmanager
def without_cell2(cloud: Site, demo: Caller, cells: dict[str, str]) -> Iterator[None]:
    """Stop the second cell's database; it is back afterwards, and so are its servers."""
    server = cloud.infrastructure[f"{cloud.plan.database}-cell2"]
    server.stop()
    try:
        yield
    finally:
        server.start()
        server.ready()
    lost = next(uuid for uuid, cell in cells.items() if cell == "cell2")
    wait_for(lambda: demo.get(f"/servers/{lost}").body["server"].get("status") == "ACTIVE", 40)


def test_a_cell_without_its_database_shows_what_is_known_elsewhere(
    cloud: Site, demo: Caller, admin: Caller, cells: dict[str, str]
) -> None:
    here = {uuid for uuid, cell in cells.items() if cell == "cell1"}
    lost = set(cells) - here
    one = min(lost)
    with without_cell2(cloud, demo, cells):
        for path in ("/servers", "/servers/detail"):
            assert {server["id"] for server in demo.get(path, BEFORE).body["servers"]} == here
            new = {server["id"]: server for server in demo.get(path, SINCE).body["servers"]}
            assert set(new) == here | lost
            assert {new[uuid]["status"] for uuid in lost} == {"UNKNOWN"}
        assert {new[uuid]["status"] for uuid in here} == {"ACTIVE"}

        shown = demo.get(f"/servers/{one}", SINCE).body["server"]
        assert (shown["id"], shown["status"]) == (one, "UNKNOWN")
        assert shown["tenant_id"] == cloud.keystone.projects["demo"]
        assert {"created", "links"} <= set(shown)
        assert demo.get(f"/servers/{one}", BEFORE).status >= 500
        assert demo.act(one, "os-stop").status >= 500

        services = admin.get("/os-services?binary=nova-compute", SINCE).body["services"]
        unknown = [service["host"] for service in services if service["status"] == "UNKNOWN"]
        assert sorted(unknown) == ["cell2-host-1", "cell2-host-2"]
        old = admin.get("/os-services?binary=nova-compute", BEFORE).body["services"]
        assert {service["host"] for service in old} == {"cell1-host-1", "cell1-host-2"}
    assert {server["status"] for server in pages(demo, "", 100) if server["id"] in cells} == {"ACTIVE"}


def test_servers_come_to_be_while_a_cell_has_no_database(
    cloud: Site, demo: Caller, admin: Caller, cells: dict[str, str]
) -> None:
    with without_cell2(cloud, demo, cells):
        made = [boot(cloud, demo, f"during-{number}") for number in range(3)]
        assert {admin_host(admin, uuid).partition("-host")[0] for uuid in made} == {"cell1"}
    lost = next(uuid for uuid, cell in cells.items() if cell == "cell2")
    assert demo.act(lost, "os-stop").status == 202
    demo.settled(lost, "SHUTOFF", 40)
    for uuid in made:
        assert demo.delete(f"/servers/{uuid}").status == 204
        demo.gone(uuid)
