"""The whole: a lab and a site, joined."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import cast
from urllib.parse import urlsplit

from proving.guest import guest_image
from proving.hosts.compute import ComputeHost
from proving.hosts.needs import CHECKOUT, COMPUTE_PACKAGES, SOURCE, requirements
from proving.hosts.segment import BRIDGE, LINK, Segment
from proving.hosts.tunnel import tunnel
from proving.infrastructure.glance import Glance
from proving.lab import Lab, LabPlan, lab
from proving.lab.plan import numbered_hosts
from proving.plan import Plan
from proving.ports import free_port
from proving.process import Process
from proving.site import Site, site

IMAGE = "5d0b47a6-6f6c-4c39-9d0b-0d57a1a57e01"
"""The identifier of the tiny guest's image in Glance."""
NETWORK_HOST = "net"


@dataclass(frozen=True)
class GuestPlan:
    """What the cloud should be like."""

    computes: int = 1
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """More options of all nova.conf, by section."""
    prefix: str = "c"
    """What the names of compute hosts begin with."""

    @property
    def compute_names(self) -> tuple[str, ...]:
        """The names of the compute hosts: c1, c2, ... with the usual prefix."""
        return tuple(f"{self.prefix}{name[1:]}" for name in numbered_hosts(self.computes))


class GuestCloud:
    """One cloud with real guests. Made by `guest_site`."""

    def __init__(self, site: Site, lab: Lab, computes: Mapping[str, ComputeHost]) -> None:
        self.site, self.lab = site, lab
        self.computes = computes
        """By their names, which are those of the lab's hosts and of the compute services."""
        self.ways: dict[str, Process] = {}
        """What leads each host to the machine's servers, by the host's name."""

    @property
    def network_host(self) -> str:
        """Where guests can be reached from: a host that is on their segment."""
        return NETWORK_HOST

    def power_up(self, name: str) -> None:
        """Start a compute host that was cut off, and nova-compute there. Raises Failed or NotReady."""
        compute = self.computes[name]
        compute.host.start()
        compute.host.ready()
        self.ways[name].restart(SIGKILL)
        compute.start()

    def logs(self) -> str:
        """Return the ends of all logs."""
        own = (f"--- {name}\n{compute.log()}" for name, compute in self.computes.items())
        return "\n".join([self.site.logs(), *own])


@contextlib.contextmanager
def guest_site(folder: Path, plan: GuestPlan | None = None) -> Iterator[GuestCloud]:
    """Run a cloud with real guests for as long as the block lasts. `folder` is empty, or made; it stays.

    Raises Unable where labs cannot be, Missing for what is not installed, Failed, NotReady or RuntimeError
    for what does not come up.
    """
    plan = plan or GuestPlan()
    image = guest_image()
    metadata_port = free_port()
    secret = secrets.token_hex(16)
    base = Plan(hosts=0, options=_control_options(metadata_port, secret, plan.options))
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        making = pool.submit(stack.enter_context, lab(f"g{secrets.token_hex(4)}", _lab_plan(plan)))
        made = stack.enter_context(site(folder, base))
        cloud = GuestCloud(made, making.result(), {})
        computes = {name: ComputeHost(cloud.lab.hosts[name]) for name in plan.compute_names}
        cloud = GuestCloud(made, cloud.lab, computes)
        _join(stack, cloud, metadata_port, secret, plan)
        _add_image(made, image)
        yield cloud


def _lab_plan(plan: GuestPlan) -> LabPlan:
    return LabPlan(
        hosts=(NETWORK_HOST, *plan.compute_names),
        packages=COMPUTE_PACKAGES,
        requirements=requirements(),
        links=(LINK,),
        binds=((str(CHECKOUT), SOURCE),),
    )


def _control_options(
    port: int, secret: str, more: Mapping[str, Mapping[str, object]]
) -> dict[str, dict[str, object]]:
    own: dict[str, dict[str, object]] = {
        "DEFAULT": {"metadata_listen": "127.0.0.1", "metadata_listen_port": port, "metadata_workers": 1},
        "neutron": {"service_metadata_proxy": True, "metadata_proxy_shared_secret": secret},
    }
    for section, words in more.items():
        own.setdefault(section, {}).update(words)
    return own


def _join(stack: ExitStack, cloud: GuestCloud, metadata_port: int, secret: str, plan: GuestPlan) -> None:
    """Start what stands between site and hosts, and nova-compute on each."""
    made = cloud.site
    made.network.plane.vif_type = "bridge"
    made.network.plane.vif_details = {"port_filter": False, "bridge_name": BRIDGE}
    made.add_daemon("nova-api-metadata", "nova-api-metadata", made.nova_conf).ready()
    segment = Segment(cloud.lab.hosts[NETWORK_HOST], made.network, metadata_port, secret)
    stack.callback(segment.close)
    urls = (
        made.identity_url,
        made.placement_url,
        made.image_url,
        made.network_url,
        made.broker_urls["cell1"],
    )
    ports = {port for url in urls if (port := urlsplit(url).port)}
    led = {name: tunnel(one.host, ports, made.folder) for name, one in cloud.computes.items()}
    cloud.ways |= led | {NETWORK_HOST: tunnel(cloud.lab.hosts[NETWORK_HOST], [metadata_port], made.folder)}
    for way in cloud.ways.values():
        stack.callback(way.close)
        way.start()
    for way in cloud.ways.values():
        way.ready()
    segment.start()
    own = Plan(hosts=0, options=plan.options)
    broker, credentials = made.broker_urls["cell1"], made.keystone.credentials()
    with ThreadPoolExecutor(4) as pool:
        computes = cloud.computes.values()
        list(pool.map(lambda one: one.configure(made.folder, own, broker, credentials), computes))
        list(pool.map(ComputeHost.start, computes))
    made.discover()


def _add_image(made: Site, image: Path) -> None:
    told = {
        "id": IMAGE,
        "name": "guest",
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "public",
    }
    cast(Glance, made.infrastructure["glance"]).add_image(made.token(), told, image.read_bytes())
