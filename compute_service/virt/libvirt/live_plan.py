"""How a guest goes over, by the options of its source. Pure."""

from __future__ import annotations

from compute_service.config.libvirt import Libvirt
from compute_service.domain.errors import Invalid
from compute_service.domain.guest import LiveReady
from compute_service.virt.libvirt.domains import Departure
from compute_service.virt.libvirt.live_records import Arrival
from compute_service.virt.libvirt.xml.migration import landed

GIB = 1 << 30


def departure(
    options: Libvirt, ready: LiveReady, arrival: Arrival, documents: tuple[str, str], disks: tuple[str, ...]
) -> Departure:
    """Return how a guest goes. `documents` are its definitions as it runs and as it is kept; `disks` are what
    is to be copied, by the guest's names. Raises Invalid (options that exclude each other)."""
    block = arrival.copy != "none" and bool(disks)
    tunnelled, encrypted = options.live_migration_tunnelled, options.live_migration_with_native_tls
    if tunnelled and encrypted:
        raise Invalid("live_migration_tunnelled and live_migration_with_native_tls exclude each other.")
    if tunnelled and block:
        raise Invalid("live_migration_tunnelled carries no disks; use live_migration_with_native_tls.")
    many = options.live_migration_parallel_connections
    post_copy = options.live_migration_permit_post_copy
    definition, lasting = documents
    return Departure(
        uri=connection_uri(options, ready.address),
        data_uri=f"tcp://{bracketed(ready.address)}" if arrival.inbound and not tunnelled else None,
        definition=landed(definition, arrival.landing),
        lasting=landed(lasting, arrival.landing),
        copy=arrival.copy if block else "none",
        disks=disks if block else (),
        bandwidth=options.live_migration_bandwidth,
        connections=many if not tunnelled else 1,
        tunnelled=tunnelled,
        encrypted=encrypted,
        auto_converge=options.live_migration_permit_auto_converge and not post_copy,
        post_copy=post_copy,
    )


def connection_uri(options: Libvirt, address: str) -> str:
    """Return where the source's libvirt reaches the target's. Raises Invalid."""
    where = bracketed(address)
    if options.live_migration_uri:
        if options.live_migration_uri.count("%s") != 1:
            raise Invalid("The option live_migration_uri in [libvirt] needs %s once, for the target.")
        return options.live_migration_uri.replace("%s", where)
    if options.virt_type not in {"kvm", "qemu"}:
        raise Invalid(f"Guests of virt_type={options.virt_type} do not move while they run.")
    return f"qemu+{options.live_migration_scheme or 'tcp'}://{where}/system"


def bracketed(address: str) -> str:
    """Return an address as it stands in a URI."""
    return f"[{address}]" if ":" in address and not address.startswith("[") else address


def inbound_address(options: Libvirt, host: str) -> str | None:
    """Return the address at which a target takes guests; None is its name."""
    address = options.live_migration_inbound_addr
    return address.replace("%s", host) if address else None


def downtimes(options: Libvirt, gib: int) -> list[tuple[float, int]]:
    """Return after how many seconds a guest may stand still for how many milliseconds, the last the most.

    The limit is multiplied from step to step: small at first, for most guests need no more.
    """
    steps, most = options.live_migration_downtime_steps, options.live_migration_downtime
    delay = options.live_migration_downtime_delay * gib
    factor = steps ** (1 / steps)
    return [(float(delay * step), round(most / steps * factor**step)) for step in range(steps + 1)]


def size_gib(memory_mb: int, disk_bytes: int) -> int:
    """Return how many gigabytes, begun ones included, limits of time count for a guest; at least one."""
    return max(1, -(-memory_mb // 1024) + -(-disk_bytes // GIB))
