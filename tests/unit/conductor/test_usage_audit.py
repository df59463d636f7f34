from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from compute_service.clients.notify import MemoryNotifier
from compute_service.conductor.reconcilers.usage_audit import UsageAudit
from compute_service.config.settings import Settings, settings_of
from compute_service.domain.errors import Invalid
from compute_service.domain.notices.notice import Form
from compute_service.domain.states import VmState
from compute_service.store.instances import instance_delete
from tests.fixtures.records import an_instance
from tests.unit.conductor.conftest import CELL, Site

DAY = timedelta(days=1)


@pytest.fixture
def settings() -> Settings:
    return settings_of({"DEFAULT": {"instance_usage_audit": True, "instance_usage_audit_period": "day"}})


@pytest.fixture
def audited(site: Site, settings: Settings) -> Site:
    """A site at noon, with notifications and audits of each day."""
    site.svc = dataclasses.replace(site.svc, notify=MemoryNotifier(tuple(Form)), settings=settings)
    site.clock.advance((12 - site.clock.now().hour) % 24 * 3600)
    return site


def sent(site: Site) -> list[dict[str, object]]:
    """Return the fields of what was told with versions since the last look."""
    queue = site.svc.notify.sent  # type: ignore[attr-defined]
    found = [one.payload["nova_object.data"] for one in queue if one.event_type == "instance.exists"]
    queue.clear()
    return found


def test_each_server_of_the_last_period_is_told_once(audited: Site) -> None:
    noon = audited.clock.now()
    living = audited.add(an_instance(host="h1", vm_state=VmState.ACTIVE, launched_at=noon - 3 * DAY))
    gone = audited.add(an_instance(host="h1", vm_state=VmState.ACTIVE, launched_at=noon - 3 * DAY))
    long_gone = audited.add(an_instance(host="h1", vm_state=VmState.ACTIVE, launched_at=noon - 9 * DAY))
    audited.add(an_instance(host="h1", vm_state=VmState.ACTIVE, launched_at=noon))
    audited.add(an_instance(vm_state=VmState.BUILDING))
    with audited.store.database(CELL).write() as tx:
        instance_delete(tx, gone, noon - DAY)
        instance_delete(tx, long_gone, noon - 3 * DAY)
    first, second = UsageAudit(audited.svc), UsageAudit(audited.svc)
    assert (first.run(), second.run(), first.run()) == (2, 0, 0)
    told = sent(audited)
    assert {one["uuid"] for one in told} == {living.uuid, gone.uuid}
    today = noon.replace(hour=0, minute=0, second=0, microsecond=0)
    period = told[0]["audit_period"]["nova_object.data"]  # type: ignore[index]
    assert period == {
        "audit_period_beginning": (today - DAY).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "audit_period_ending": today.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert "fault" not in told[0]


def test_the_next_period_is_told_when_it_is_over(audited: Site) -> None:
    audited.add(an_instance(host="h1", vm_state=VmState.ACTIVE, launched_at=audited.clock.now() - 3 * DAY))
    audit = UsageAudit(audited.svc)
    assert audit.run() == 1
    audited.clock.advance(11 * 3600)
    assert audit.run() == 0
    audited.clock.advance(2 * 3600)
    assert audit.run() == 1


def test_many_servers_are_told_in_pages(audited: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UsageAudit, "PAGE", 2)
    for _ in range(5):
        audited.add(
            an_instance(host="h1", vm_state=VmState.ACTIVE, launched_at=audited.clock.now() - 3 * DAY)
        )
    assert UsageAudit(audited.svc).run() == 5
    assert len({one["uuid"] for one in sent(audited)}) == 5


def test_it_rests_where_it_is_not_wanted_or_nobody_listens(audited: Site) -> None:
    assert UsageAudit(audited.svc).interval == 60.0
    assert UsageAudit(dataclasses.replace(audited.svc, settings=Settings())).interval == 0.0
    assert UsageAudit(dataclasses.replace(audited.svc, notify=MemoryNotifier())).interval == 0.0


def test_a_period_that_is_none_keeps_the_conductor_from_starting(audited: Site) -> None:
    wrong = settings_of({"DEFAULT": {"instance_usage_audit_period": "week"}})
    with pytest.raises(Invalid, match="week"):
        UsageAudit(dataclasses.replace(audited.svc, settings=wrong))
