"""The service as a whole: what it remembers, the password, and databases that do not answer."""

from __future__ import annotations

import time

import pytest

from compute_service.config.settings import settings_of
from compute_service.control.guest_password import MOST_BYTES, guest_password
from compute_service.domain.errors import Unavailable
from compute_service.domain.instance import Instance
from compute_service.metadata.cache import Lately
from compute_service.metadata.servers import OneCell
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.servers import Located
from tests.fakes.clock import ManualClock
from tests.fixtures.stores import EAST, WEST, assert_queries
from tests.unit.metadata.conftest import SECRET, Site

META = "/openstack/latest/meta_data.json"
PASSWORD = "/openstack/latest/password"


def now(site: Site, server: Instance) -> Instance:
    with site.store.database(EAST).read() as tx:
        found = instance_get(tx, server.uuid)
    assert found is not None
    return found


def test_a_first_request_costs_a_look_at_the_mapping_and_one_at_the_server(
    site: Site, server: Instance
) -> None:
    site.store.cells()
    with assert_queries(site.store.api, at_most=1), assert_queries(site.store.database(EAST), at_most=2):
        assert site.ask(server, META).status == 200


def test_a_server_is_remembered_for_as_long_as_configured(site: Site, server: Instance) -> None:
    assert site.ask(server, META).status == 200
    with site.store.database(EAST).write() as tx:
        instance_update(tx, server, display_name="renamed")
    site.clock.advance(14)
    with assert_queries(site.store.api, site.store.database(EAST), at_most=0):
        first = site.ask(server, META)
        assert first.body == site.ask(server, META).body
        assert site.ask(server, "/latest/meta-data/hostname").status == 200
    site.clock.advance(2)
    assert b"renamed" in site.ask(server, META).body


def test_nothing_is_remembered_where_that_is_wished(site: Site, server: Instance) -> None:
    site.start(
        settings_of(
            {
                "api": {"metadata_cache_expiration": 0},
                "neutron": {"service_metadata_proxy": True, "metadata_proxy_shared_secret": SECRET},
            }
        )
    )
    first = site.ask(server, META)
    assert first.body != site.ask(server, META).body, "the seed is another each time"


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    clock = ManualClock()
    kept: Lately[int] = Lately(15, 2, clock.time)
    for number in range(3):
        kept.put(str(number), number)
    assert [kept.get(str(number)) for number in range(3)] == [None, 1, 2]
    assert len(kept) == 2
    kept.forget("1")
    assert kept.get("1") is None


def test_a_remembered_answer_costs_little(site: Site, server: Instance) -> None:
    site.ask(server, META)
    best = min(_cpu(lambda: site.ask(server, META)) for _ in range(200))
    assert best < 0.002


def _cpu(call: object) -> float:
    began = time.thread_time()
    call()  # type: ignore[operator]
    return time.thread_time() - began


def test_a_password_is_posted_once_and_read_back(site: Site, server: Instance) -> None:
    assert site.ask(server, PASSWORD).body == b""
    answer = site.ask(server, PASSWORD, method="POST", body=b"c2VjcmV0")
    assert (answer.status, answer.body) == (200, b"")
    assert site.ask(server, PASSWORD).text == "c2VjcmV0"
    assert site.ask(server, "/openstack/2013-04-04/password").text == "c2VjcmV0"
    assert guest_password(now(site, server)) == "c2VjcmV0"
    assert site.ask(server, PASSWORD, method="POST", body=b"other").status == 409
    assert site.ask(server, PASSWORD).text == "c2VjcmV0"


def test_a_password_can_be_posted_of_unknown_length(site: Site, server: Instance) -> None:
    answer = site.ask(server, PASSWORD, method="POST", body=b"c2VjcmV0", CONTENT_LENGTH="")
    assert answer.status == 200
    assert site.ask(server, PASSWORD).text == "c2VjcmV0"


@pytest.mark.parametrize(
    ("method", "body"),
    [("PUT", b"x"), ("DELETE", b""), ("POST", b"x" * (MOST_BYTES + 1)), ("POST", b"\xff")],
)
def test_what_is_no_password_is_a_bad_request(site: Site, server: Instance, method: str, body: bytes) -> None:
    assert site.ask(server, PASSWORD, method=method, body=body).status == 400
    assert site.ask(server, PASSWORD).body == b""


def test_a_password_is_the_servers_projects_alone(site: Site, server: Instance) -> None:
    stranger = server.replace(project_id="another")
    assert site.ask(stranger, PASSWORD).status == 404
    assert site.ask(stranger, PASSWORD, method="POST", body=b"x").status == 404
    assert guest_password(now(site, server)) == ""


class Down:
    """Servers of which none can be found just now."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def find(self, uuid: str) -> Located | None:
        raise self.error

    database = find

    def ping(self) -> None:
        raise self.error

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "status"), [(Unavailable("Database east does not answer."), 503), (ValueError("?!"), 500)]
)
def test_a_fault_is_said_and_no_word_of_what_it_was(
    site: Site, server: Instance, error: Exception, status: int
) -> None:
    site.start(servers=Down(error))  # type: ignore[arg-type]
    answer = site.ask(server, META)
    assert answer.status == status
    assert "?!" not in answer.text


def test_a_cells_own_service_knows_its_servers_alone(site: Site, server: Instance) -> None:
    other = site.add(WEST)
    site.start(servers=OneCell(site.store.database(EAST)))
    with assert_queries(site.store.api, at_most=0):
        assert site.ask(server, META).status == 200
        assert site.ask(server, PASSWORD, method="POST", body=b"c2VjcmV0").status == 200
        assert site.ask(other, META).status == 404
    assert guest_password(now(site, server)) == "c2VjcmV0"
