"""What users do: order servers and act on them, whatever state they are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import cast

from sqlalchemy import select

from compute_service.clients.fake.network import FakeNetwork
from compute_service.control import (
    delete,
    evacuate,
    interfaces,
    live_migrate,
    power,
    rebuild,
    rescue,
    reset,
    resize,
    shelve,
    snapshot,
)
from compute_service.control.create import create_servers
from compute_service.control.find import find_server
from compute_service.control.services import Services
from compute_service.domain.actions import ACTIONS
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, NotFound
from compute_service.domain.order import (
    BackupOrder,
    EvacuationOrder,
    LiveMigrationOrder,
    RebuildOrder,
    ServerOrder,
    UnshelveOrder,
)
from compute_service.domain.states import VmState
from compute_service.domain.vif import NetworkRequest, RequestedNetworks
from compute_service.flows.kinds.live_migrate import UNDER_WAY
from compute_service.store.migrations import migration_of_instance
from compute_service.store.servers import Located
from compute_service.store.tables.mappings import instance_mappings
from tests.simulation.faults import Crash
from tests.simulation.servers.world import FLAVORS, IMAGE, World

USER = Context(request_id="req-1", user_id="user", project_id="project", is_admin=True)

Act = Callable[[Context, Services, Located], object]


def _resize(ctx: Context, svc: Services, server: Located) -> object:
    other = next(f for f in FLAVORS if f.flavorid != server.instance.flavor.flavorid)
    return resize.resize(ctx, svc, server, other.flavorid)


def _rebuild(ctx: Context, svc: Services, server: Located) -> object:
    return rebuild.rebuild(ctx, svc, server, RebuildOrder(image_ref=IMAGE))


def _attach(ctx: Context, svc: Services, server: Located) -> object:
    return interfaces.attach_interface(ctx, svc, server, NetworkRequest(tag="more"))


def migrate_live(ctx: Context, svc: Services, server: Located) -> object:
    """Have a server go to another host while it runs."""
    return live_migrate.live_migrate(ctx, svc, server, LiveMigrationOrder())


def _end_live(ctx: Context, svc: Services, server: Located, force: bool) -> object:
    """Have the live migration that is under way abort, or come to its end."""
    with svc.store.database(server.database).read() as tx:
        move = migration_of_instance(tx, server.instance.uuid, UNDER_WAY)
    if move is None or move.id is None:
        raise NotFound("It does not move.")
    if force:
        return live_migrate.force_complete(ctx, svc, server, move.id)
    return live_migrate.abort(ctx, svc, server, move.id, queued=True)


def attach_port(ctx: Context, svc: Services, server: Located) -> object:
    """Make a port as users do, and have a server given it."""
    network = cast(FakeNetwork, svc.network)
    port = network.add_port(next(iter(network.networks)), ctx.project_id)
    return interfaces.attach_interface(ctx, svc, server, NetworkRequest(port_id=port))


def _detach(ctx: Context, svc: Services, server: Located) -> object:
    """Have a server's last interface taken, but for its first."""
    if len(server.instance.vifs) < 2:
        raise NotFound("It has but one.")
    return interfaces.detach_interface(ctx, svc, server, server.instance.vifs[-1].port_id)


BACKUP = BackupOrder(name="backup", backup_type="daily", rotation=1)
_DYING, _PLACES = 0.1, 4
"""Of the requests: those that die, at one of so many places at which they may."""

ACTS: dict[str, tuple[float, Act]] = {
    "stop": (3, power.stop),
    "start": (3, power.start),
    "reboot_soft": (1, lambda ctx, svc, server: power.reboot(ctx, svc, server, hard=False)),
    "reboot_hard": (1, lambda ctx, svc, server: power.reboot(ctx, svc, server, hard=True)),
    "pause": (2, power.pause),
    "unpause": (2, power.unpause),
    "suspend": (2, power.suspend),
    "resume": (2, power.resume),
    "delete": (1, delete.delete),
    "force_delete": (1, delete.force_delete),
    "restore": (3, delete.restore),
    "resize": (4, _resize),
    "migrate": (3, resize.migrate),
    "confirm_resize": (3, resize.confirm_resize),
    "revert_resize": (3, resize.revert_resize),
    "rebuild": (2, _rebuild),
    "create_backup": (2, lambda ctx, svc, server: snapshot.create_backup(ctx, svc, server, BACKUP)),
    "shelve": (3, shelve.shelve),
    "shelve_offload": (3, shelve.shelve_offload),
    "unshelve": (6, lambda ctx, svc, server: shelve.unshelve(ctx, svc, server, UnshelveOrder())),
    "evacuate": (6, lambda ctx, svc, server: evacuate.evacuate(ctx, svc, server, EvacuationOrder())),
    "reset_state": (0.2, lambda ctx, svc, server: reset.reset_state(ctx, svc, server, VmState.ERROR)),
    "rescue": (1, lambda ctx, svc, server: rescue.rescue(ctx, svc, server, None, None)),
    "unrescue": (2, rescue.unrescue),
    "attach_interface": (3, _attach),
    "detach_interface": (3, _detach),
    "live_migrate": (4, migrate_live),
    "abort": (6, lambda ctx, svc, server: _end_live(ctx, svc, server, force=False)),
    "force_complete": (6, lambda ctx, svc, server: _end_live(ctx, svc, server, force=True)),
    "create_image": (2, lambda ctx, svc, server: snapshot.create_image(ctx, svc, server, "copy")),
}
"""What can be done to a server, by its key in the table of actions, and how often it is."""


def _is_allowed(key: str, server: Located) -> bool:
    try:
        ACTIONS[key].check(server.instance, USER.is_admin)
    except ComputeError:
        return False
    return True


class Users:
    """They do what comes to their mind and take no for an answer."""

    def __init__(self, world: World, orders: int) -> None:
        self._world, self._orders = world, orders
        self.servers: list[str] = []
        self.accepted: Counter[str] = Counter()

    def maybe(self) -> None:
        """Do something now and then."""
        rnd = self._world.rnd
        if len(self.servers) < self._orders and rnd.random() < 0.05:
            self._quietly(self.order)
        if self.servers and rnd.random() < 0.08:
            self._quietly(lambda: self.act(rnd.choice(self.servers)))

    def order(self, host: str | None = None) -> None:
        """Order one or two servers; or a small one for a host."""
        rnd = self._world.rnd
        number = 1 if host else rnd.choice((1, 1, 1, 2))
        created = create_servers(
            USER,
            self._world.users,
            ServerOrder(
                name="server",
                flavor_ref=(FLAVORS[0] if host else rnd.choice(FLAVORS)).flavorid,
                image_ref=IMAGE,
                min_count=number,
                max_count=number,
                networks=RequestedNetworks(mode="auto"),
                host=host,
            ),
        )
        self.servers += [one.uuid for one in created.servers]
        self.accepted["create"] += 1

    def act(self, uuid: str) -> None:
        """Act on a server, mostly as its state allows."""
        svc, rnd = self._world.users, self._world.rnd
        server = find_server(USER, svc, uuid)
        names = list(ACTS) if rnd.random() < 0.1 else [n for n in ACTS if _is_allowed(n, server)]
        what = rnd.choices(names, [ACTS[name][0] for name in names])[0]
        if "delete" in what and rnd.random() < 0.75:
            return
        ACTS[what][1](USER, svc, server)
        self.accepted[what] += 1

    def _quietly(self, work: Callable[[], None]) -> None:
        """Do something in a request, which may die in the middle but meets no other trouble than that."""
        faults = self._world.faults
        calm, faults.calm = faults.calm, True
        dies_in = faults.rnd.randint(1, _PLACES) if faults.rnd.random() < _DYING else 0
        try:
            with faults.dying(dies_in):
                work()
        except ComputeError:
            return
        except Crash:
            faults.seen["requests that died"] += 1
        finally:
            faults.calm = calm
            self._find()

    def _find(self) -> None:
        """Know of all servers that there are, those too that no answer told of."""
        if self._world.faults.away:
            return
        with self._world.store.api.read() as tx:
            found = [row[0] for row in tx.all(select(instance_mappings.c.uuid))]
        self.servers += sorted(set(found) - set(self.servers))
