from __future__ import annotations

from datetime import timedelta

import pytest

from compute_service.cmd.allinone import AllInOne
from compute_service.cmd.presence import Presence
from compute_service.domain.host import CELL0, Service
from compute_service.store.engine import Store, StoreUrls
from compute_service.store.schema.upgrade import sync_database
from compute_service.store.services import service_delete, service_find
from tests.fakes.clock import ManualClock


def row(site: AllInOne, binary: str = "nova-test") -> Service | None:
    """Return the daemon's row."""
    with site.store.database(CELL0).read() as tx:
        return service_find(tx, site.settings.default.host, binary)


def test_a_daemon_shows_and_stays_up(all_in_one: AllInOne) -> None:
    presence = Presence(all_in_one.parts.svc, "nova-test", "test", 3)
    presence.beat()
    first = row(all_in_one)
    assert first is not None
    assert (first.topic, first.version, first.report_count) == ("test", 3, 0)
    presence.beat()
    second = row(all_in_one)
    assert second is not None
    assert second.uuid == first.uuid
    assert second.report_count == 1


def test_a_deleted_row_comes_back(all_in_one: AllInOne) -> None:
    presence = Presence(all_in_one.parts.svc, "nova-back", "test", 1)
    presence.beat()
    found = row(all_in_one, "nova-back")
    assert found is not None
    with all_in_one.store.database(CELL0).write() as tx:
        service_delete(tx, found.uuid)
    presence.beat()
    assert row(all_in_one, "nova-back") is not None


def test_without_cell0_the_operator_is_told_what_to_do(
    all_in_one: AllInOne, caplog: pytest.LogCaptureFixture
) -> None:
    import dataclasses

    bare = Store(StoreUrls(api="sqlite://"))
    sync_database(bare.api, "api")
    svc = dataclasses.replace(all_in_one.parts.svc, store=bare, clock=ManualClock())
    Presence(svc, "nova-test", "test", 1).beat()
    assert "nova-manage cell_v2 map_cell0" in caplog.text
    bare.close()


def test_the_daemons_of_a_site_are_in_the_list(all_in_one: AllInOne) -> None:
    for binary in ("nova-conductor", "nova-scheduler"):
        found = row(all_in_one, binary)
        assert found is not None
        assert found.last_seen_up is not None
        assert all_in_one.parts.svc.clock.now() - found.last_seen_up < timedelta(seconds=30)
