"""How far long steps are, as servers and migrations show it."""

from __future__ import annotations

from compute_service.conductor.progress import ProgressNotes
from compute_service.domain.flow import StepKey, StepPhase
from compute_service.domain.instance import Instance
from compute_service.domain.migration import Migration
from compute_service.domain.states import TaskState
from compute_service.store.flows import flow_insert
from compute_service.store.migrations import migration_get, migration_insert
from tests.fixtures.records import a_flow, a_migration, an_instance, new_uuid
from tests.unit.conductor.conftest import CELL, Site

LEFT = {"memory_total": 100, "memory_processed": 60, "memory_remaining": 40, "of_nobody": 7}


def moving(site: Site, task_state: TaskState | None) -> tuple[Instance, tuple[Migration, Migration], StepKey]:
    """Return a server that is being moved, its migration, one of an earlier move, and the step."""
    server = site.add(an_instance(task_state=task_state))
    flow = a_flow(kind="live_migrate", instance_uuid=server.uuid)
    row, other = (a_migration(server.uuid, flow_id=flow_id) for flow_id in (flow.id, new_uuid()))
    with site.store.database(CELL).write() as tx:
        flow_insert(tx, flow)
        migration_insert(tx, row)
        migration_insert(tx, other)
    return server, (row, other), StepKey(database=CELL, flow_id=flow.id, seq=4, phase=StepPhase.DO, attempt=0)


def told(site: Site, key: StepKey) -> None:
    notes = ProgressNotes(site.svc)
    notes.note(key, 0.1, {})
    site.clock.advance(notes.SPACING)
    notes.note(key, 0.6, LEFT)


def rows(site: Site, made: tuple[Migration, ...]) -> list[Migration]:
    with site.store.database(CELL).read() as tx:
        return [found for row in made if (found := migration_get(tx, row.uuid)) is not None]


def test_what_is_left_is_written_into_the_migration_of_that_flow_alone(site: Site) -> None:
    server, made, key = moving(site, TaskState.MIGRATING)
    told(site, key)
    mine, other = rows(site, made)
    assert (mine.memory_total, mine.memory_processed, mine.memory_remaining) == (100, 60, 40)
    assert (other.memory_total, other.memory_processed) == (None, None)
    assert site.server(server.uuid).progress == 60


def test_a_word_that_comes_after_the_end_changes_nothing(site: Site) -> None:
    server, made, key = moving(site, None)
    told(site, key)
    assert rows(site, made)[0].memory_total is None
    assert site.server(server.uuid).progress == 0
