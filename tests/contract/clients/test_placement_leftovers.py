"""What the real placement service leaves behind when it dies in the middle of a claim."""

from __future__ import annotations

import sqlite3
from uuid import uuid4

import pytest

from compute_service.clients.placement import PlacementClient
from compute_service.clients.placement_inprocess import InProcessPlacement
from compute_service.domain.errors import Conflict
from compute_service.domain.host import ResourceInventory
from compute_service.ports.placement import ConsumerAllocations, Provider

ASKED = {"VCPU": 1}


@pytest.fixture
def host(in_process_placement: PlacementClient) -> str:
    made = Provider(
        uuid=str(uuid4()), name=str(uuid4()), inventories={"VCPU": ResourceInventory(total=8, max_unit=8)}
    )
    return in_process_placement.ensure_provider(made).uuid


def claim(consumer: str, host: str) -> ConsumerAllocations:
    return ConsumerAllocations(
        consumer=consumer, project_id=uuid4().hex, user_id=uuid4().hex, allocations={host: ASKED}
    )


def forget(service: InProcessPlacement, consumer: str) -> None:
    """Leave of a claim what is there before its allocations are."""
    with sqlite3.connect(service._path, timeout=10) as database:
        database.execute("DELETE FROM allocations WHERE consumer_id = ?", (consumer,))
        database.execute("UPDATE consumers SET generation = 0 WHERE uuid = ?", (consumer,))


def test_a_consumer_that_was_left_without_its_claim_can_claim(
    in_process: InProcessPlacement, in_process_placement: PlacementClient, host: str
) -> None:
    left, new = str(uuid4()), str(uuid4())
    in_process_placement.claim_many((claim(left, host),))
    forget(in_process, left)
    assert in_process_placement.allocations(left) is None
    in_process_placement.claim_many((claim(left, host), claim(new, host)))
    assert in_process_placement.allocations_of_provider(host) == {left: ASKED, new: ASKED}


def test_a_consumer_that_holds_something_cannot_claim_as_if_it_were_new(
    in_process_placement: PlacementClient, host: str
) -> None:
    consumer = str(uuid4())
    in_process_placement.claim_many((claim(consumer, host),))
    with pytest.raises(Conflict):
        in_process_placement.claim_many((claim(consumer, host),))
