"""Very many servers in a cell: one large project and two beside, as rows and without anything behind them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Table, insert

from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import FlowState
from compute_service.domain.instance import Instance
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.domain.vif import FixedIp, Vif
from compute_service.store.database import Database
from compute_service.store.engine import Store
from compute_service.store.instance_rows import row_of
from compute_service.store.tables.flows import flows
from compute_service.store.tables.hosts import compute_nodes, services
from compute_service.store.tables.instances import instances, tags
from compute_service.store.tables.mappings import cell_mappings, instance_mappings

LARGE, BESIDE, OTHER = "a" * 32, "b" * 32, "c" * 32
"""The project whose lists are looked at, and two others."""
_NAMESPACE = UUID("0f8b3f5e-9e0c-5d59-8f3b-6a1f0b6d7a10")
_BATCH = 2000
FLAVORS = tuple(
    Flavor(flavorid=str(n), name=f"m{n}", vcpus=n, memory_mb=512 * n, root_gb=1) for n in range(1, 6)
)


@dataclass(frozen=True)
class Crowd:
    """How many: living servers, those of them in the large project, deleted ones beside, and hosts."""

    servers: int = 100_000
    large: int = 10_000
    deleted: int = 5_000
    hosts: int = 200
    now: datetime = datetime(2026, 11, 1)

    def uuid(self, number: int) -> str:
        """Return the UUID of a server by its number; deleted ones come after the living."""
        return str(uuid5(_NAMESPACE, str(number)))


def fill(store: Store, cell: str, crowd: Crowd) -> None:
    """Write everything, and let the databases count their rows."""
    database, api = store.database(cell), store.api
    with api.read() as tx:
        cell_id = next(row[0] for row in tx.all(cell_mappings.select()) if row[1] == cell)
    made = list(_servers(crowd))
    _insert(database, instances, (row for row, _ in made))
    _insert(database, tags, ({"instance_uuid": row["uuid"], "tag": tag} for row, tag in made if tag))
    _insert(database, flows, (_flow(row) for row, _ in made))
    _insert(api, instance_mappings, (_mapping(row, cell_id) for row, _ in made))
    _hosts(database, crowd)
    for one, tables in ((database, (instances, tags, flows)), (api, (instance_mappings,))):
        _analyze(one, tables)


def _servers(crowd: Crowd) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Yield the row of each server, and its tag if it has one."""
    rng = random.Random(1)  # noqa: S311 - the same crowd each time
    patterns = {flavor.flavorid: row_of(_pattern(flavor, crowd)) for flavor in FLAVORS}
    for number in range(crowd.servers + crowd.deleted):
        row = dict(patterns[rng.choice(FLAVORS).flavorid])
        created = crowd.now - timedelta(seconds=60 * rng.randrange(crowd.servers))
        host = f"host-{rng.randrange(crowd.hosts)}"
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        share = number % max(crowd.servers // crowd.large, 1)
        row |= {
            "id": number + 1,
            "uuid": crowd.uuid(number),
            "project_id": LARGE if share == 0 else BESIDE if share % 2 else OTHER,
            "user_id": f"user-{number % 7}",
            "reservation_id": f"r-{number:08x}",
            "created_at": created,
            "updated_at": min(created + timedelta(minutes=rng.randrange(200)), crowd.now),
            "launched_at": created + timedelta(seconds=20),
            "display_name": f"web-{number:06}" if number % 3 else f"db-{number:06}",
            "hostname": f"web-{number:06}",
            "host": host,
            "node": host,
            "addresses_v4": address,
            "deleted": 0,
            "deleted_at": None,
            "terminated_at": None,
        }
        _vary(rng, row, number, crowd)
        yield row, rng.choice(("blue", "green", "red")) if rng.random() < 0.1 else None


def _vary(rng: random.Random, row: dict[str, Any], number: int, crowd: Crowd) -> None:
    if number >= crowd.servers:
        gone = crowd.now - timedelta(minutes=rng.randrange(100_000))
        row |= {"deleted": row["id"], "deleted_at": gone, "terminated_at": gone, "updated_at": gone}
        row |= {"vm_state": VmState.DELETED.value, "created_at": gone - timedelta(days=1)}
        row["launched_at"] = row["created_at"]
    elif rng.random() < 0.05:
        row |= {"vm_state": VmState.STOPPED.value, "power_state": int(PowerState.SHUTDOWN)}
    elif rng.random() < 0.02:
        row |= {"vm_state": VmState.ERROR.value, "host": None, "node": None, "launched_at": None}
    elif rng.random() < 0.01:
        row |= {"task_state": TaskState.REBOOTING.value}


def _pattern(flavor: Flavor, crowd: Crowd) -> Instance:
    vif = Vif(
        port_id=crowd.uuid(-1),
        network_id=crowd.uuid(-2),
        network_label="private",
        mac="fa:16:3e:00:00:01",
        fixed_ips=(FixedIp(address="10.0.0.5", subnet_id="s"),),
        vif_type="ovs",
        active=True,
    )
    return Instance(
        uuid=crowd.uuid(0),
        project_id=LARGE,
        user_id="user",
        reservation_id="r-",
        created_at=crowd.now,
        display_name="web",
        hostname="web",
        flavor=flavor,
        vm_state=VmState.ACTIVE,
        power_state=PowerState.RUNNING,
        image_ref=crowd.uuid(-3),
        availability_zone="nova",
        root_device_name="/dev/vda",
        metadata={"role": "web"},
        system_metadata={"image_base_image_ref": crowd.uuid(-3)},
        image_properties={"hw_disk_bus": "virtio"},
        security_groups=("default",),
        vifs=(vif,),
    )


def _flow(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"build-{row['uuid']}",
        "kind": "build",
        "state": FlowState.DONE.value,
        "params": "{}",
        "instance_uuid": row["uuid"],
        "action": "create",
        "request_id": f"req-{row['uuid']}",
        "started_at": row["created_at"],
        "updated_at": row["created_at"],
        "finished_at": row["created_at"],
    }


def _mapping(row: dict[str, Any], cell_id: int) -> dict[str, Any]:
    size = FLAVORS[int(row["flavorid"]) - 1]
    return {
        "uuid": row["uuid"],
        "cell_id": cell_id,
        "project_id": row["project_id"],
        "user_id": row["user_id"],
        "vcpus": size.vcpus,
        "memory_mb": size.memory_mb,
        "deleted": row["deleted"] != 0,
        "created_at": row["created_at"],
    }


def _hosts(database: Database, crowd: Crowd) -> None:
    facts = (
        '{"hypervisor_type":"fake","hypervisor_version":1,"hypervisor_hostname":"%s","vcpus":64,'
        '"memory_mb":262144,"local_gb":4096}'
    )
    _insert(
        database,
        services,
        (
            {
                "uuid": crowd.uuid(-1000 - n),
                "host": f"host-{n}",
                "binary": "nova-compute",
                "topic": "compute",
                "created_at": crowd.now,
                "last_seen_up": crowd.now,
            }
            for n in range(crowd.hosts)
        ),
    )
    _insert(
        database,
        compute_nodes,
        (
            {
                "uuid": crowd.uuid(-100_000 - n),
                "service_uuid": crowd.uuid(-1000 - n),
                "host": f"host-{n}",
                "hypervisor_hostname": f"host-{n}",
                "mapped": True,
                "cpu_allocation_ratio": 4.0,
                "ram_allocation_ratio": 1.0,
                "disk_allocation_ratio": 1.0,
                "facts": facts % f"host-{n}",
                "created_at": crowd.now,
            }
            for n in range(crowd.hosts)
        ),
    )


def _insert(database: Database, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while batch := list(islice(rows, _BATCH)):
        with database.write() as tx:
            tx.execute(insert(table), batch)


def _analyze(database: Database, tables: tuple[Table, ...]) -> None:
    words = {"mysql": "ANALYZE TABLE", "postgresql": "ANALYZE"}
    with database.connection() as connection:
        word = words.get(connection.dialect.name)
        for table in tables if word else ():
            connection.exec_driver_sql(f"{word} {table.name}")
