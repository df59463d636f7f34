"""Building a server's view from its record, fast: a page of a thousand takes some ten milliseconds.

A `Look` holds what is the same for all servers of a request: what its version and its requester may see.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from msgspec import UNSET, UnsetType

from compute_service.api.hosts import HostStatus
from compute_service.api.links import Link
from compute_service.api.policies import servers as policy
from compute_service.api.request import Request
from compute_service.api.servers.views import (
    Address,
    DownServerBrief,
    DownServerView,
    FaultView,
    FlavorInline,
    FlavorLink,
    ImageView,
    Named,
    RebuiltView,
    ServerBrief,
    ServerView,
    Volume,
)
from compute_service.api.times import stamp_or_none, zulu
from compute_service.api.versions import change
from compute_service.control.services import Services
from compute_service.domain.flavor import Flavor
from compute_service.domain.instance import Instance, instance_name
from compute_service.domain.states import status_of
from compute_service.domain.vif import Vif
from compute_service.store.mappings import Ordered
from compute_service.store.servers import DownServer, NamedServer

FLAVOR_INLINE = change("2.47")
HOSTNAME_FOR_ALL = change("2.90")
WHOLE_ANSWERS = change("2.75")
"""From here on, update and rebuild answer with all that show does."""

_WITH_PROGRESS = frozenset({"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"})
_WITH_FAULT = frozenset({"ERROR", "DELETED"})


@lru_cache(maxsize=65_536)
def host_id(project_id: str, host: str | None) -> str:
    """Return what a project may know of a host: equal for equal hosts, and no more."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ""


class Look:
    """What one request sees of servers."""

    def __init__(self, svc: Services, req: Request) -> None:
        self._svc, self._links = svc, req.links
        self._names = svc.settings.default.instance_name_template
        self._zone = svc.settings.default.default_availability_zone
        self._is_admin = req.ctx.is_admin
        self._inline = req.at_least(FLAVOR_INLINE)
        self._specs = self._inline and req.allows(policy.SHOW_EXTRA_SPECS)
        self._attributes = req.allows(policy.EXTENDED_ATTRIBUTES)
        self._hostname = self._attributes or req.at_least(HOSTNAME_FOR_ALL)
        self._images: dict[str, list[Link]] = {}
        self._statuses: dict[str, HostStatus] | None = None
        self._only_unknown = False
        if req.shows(ServerView, "host_status"):
            shown = req.allows(policy.SHOW_HOST_STATUS)
            self._only_unknown = not shown
            if shown or req.allows(policy.SHOW_UNKNOWN_HOST_STATUS):
                self._statuses = req.hosts.known(svc)

    def brief(self, server: NamedServer) -> ServerBrief:
        """Return a server for a list."""
        return ServerBrief(id=server.uuid, name=server.name, links=self._links.of(f"servers/{server.uuid}"))

    def down_brief(self, server: DownServer) -> DownServerBrief:
        """Return a server of a cell that does not answer, for a list."""
        return DownServerBrief(
            id=server.uuid, status="UNKNOWN", links=self._links.of(f"servers/{server.uuid}")
        )

    def down_whole(self, server: DownServer, ordered: Ordered | None, groups: list[str]) -> DownServerView:
        """Return a server of a cell that does not answer, for itself, as what it was ordered."""
        view = self.down(server)
        view.user_id, view.power_state, view.server_groups = server.user_id, 0, groups
        view.availability_zone = "UNKNOWN"
        if ordered is not None:
            view.availability_zone = ordered.pinned_availability_zone or "UNKNOWN"
            view.flavor = self._inlined(ordered.flavor)
            view.image = self._image(ordered.image_ref, UNSET)
        return view

    def down(self, server: DownServer) -> DownServerView:
        """Return a server of a cell that does not answer, for a list."""
        return DownServerView(
            id=server.uuid,
            status="UNKNOWN",
            tenant_id=server.project_id,
            created=zulu(server.created_at),
            links=self._links.of(f"servers/{server.uuid}"),
        )

    def whole(self, server: Instance, shown: bool = False) -> ServerView:
        """Return a server with its details; `shown`: for itself, not in a list."""
        return ServerView(
            **self._core(server, extended=True),
            **self._extended(server),
            **self._where(server),
            server_groups=_groups(server) if shown else UNSET,
        )

    def core(self, server: Instance) -> ServerView:
        """Return a server as update answers below 2.75: without where and how it runs."""
        return ServerView(**self._core(server, extended=False), server_groups=_groups(server))

    def rebuilt(self, server: Instance, whole: bool) -> RebuiltView:
        """Return a server as rebuild answers: from 2.75 on with where and how it runs."""
        more = {**self._extended(server), **self._where(server)} if whole else {}
        found = {**self._core(server, extended=whole), **more, "key_name": server.key_name}
        found.pop("attached_user_data", None)
        return RebuiltView(**found, user_data=server.user_data, server_groups=_groups(server))

    def _core(self, server: Instance, extended: bool) -> dict[str, Any]:
        status = status_of(server.vm_state, server.task_state)
        certificates = server.trusted_certs
        return {
            "id": server.uuid,
            "name": server.display_name,
            "status": status,
            "tenant_id": server.project_id,
            "user_id": server.user_id,
            "created": zulu(server.created_at),
            "updated": zulu(server.updated_at or server.created_at),
            "host_id": host_id(server.project_id, server.host),
            "metadata": server.metadata,
            "image": self._image(server.image_ref, server.image_properties),
            "flavor": self._flavor(server.flavor),
            "addresses": addresses_of(server.vifs, extended),
            "links": self._links.of(f"servers/{server.uuid}"),
            "access_ip_v4": server.access_ip_v4 or "",
            "access_ip_v6": server.access_ip_v6 or "",
            "disk_config": "AUTO" if server.auto_disk_config else "MANUAL",
            "progress": server.progress if status in _WITH_PROGRESS else UNSET,
            "fault": self._fault(server) if server.fault is not None and status in _WITH_FAULT else UNSET,
            "locked": server.locked_by is not None,
            "description": server.display_description,
            "tags": list(server.tags),
            "trusted_image_certificates": None if certificates is None else list(certificates),
            "locked_reason": server.locked_reason,
            "pinned_availability_zone": server.pinned_availability_zone,
            "scheduler_hints": server.scheduler_hints,
        }

    def _extended(self, server: Instance) -> dict[str, Any]:
        groups = server.security_groups
        return {
            "key_name": server.key_name,
            "config_drive": "True" if server.config_drive else "",
            "security_groups": [Named(name=name) for name in groups] if groups else UNSET,
            "availability_zone": self._zone_of(server),
            "power_state": int(server.power_state),
            "task_state": server.task_state,
            "vm_state": server.vm_state,
            "launched_at": stamp_or_none(server.launched_at),
            "terminated_at": stamp_or_none(server.terminated_at),
            "volumes": [
                Volume(id=disk.volume_id, delete_on_termination=disk.delete_on_termination)
                for disk in server.block_devices
                if disk.volume_id is not None
            ],
        }

    def _where(self, server: Instance) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._statuses is not None:
            status = self._statuses.get(server.host, "") if server.host else ""
            if not self._only_unknown or status == "UNKNOWN":
                found["host_status"] = status
        if self._hostname:
            found["hostname"] = server.hostname
        if self._attributes:
            found |= {
                "host": server.host,
                "node": server.node,
                "instance_name": instance_name(server, self._names),
                "reservation_id": server.reservation_id,
                "launch_index": server.launch_index,
                "kernel_id": server.kernel_id,
                "ramdisk_id": server.ramdisk_id,
                "root_device_name": server.root_device_name,
                "attached_user_data": server.user_data,
            }
        return found

    def _zone_of(self, server: Instance) -> str:
        if server.host is None:
            return server.availability_zone or server.pinned_availability_zone or ""
        return server.availability_zone or self._zone

    def _image(self, ref: str, properties: dict[str, str] | UnsetType) -> ImageView | str:
        if not ref:
            return ""
        links = self._images.get(ref)
        if links is None:
            links = [Link(rel="bookmark", href=f"{self._links.bookmark}/images/{ref}")]
            self._images[ref] = links
        return ImageView(id=ref, links=links, properties=properties)

    def _flavor(self, flavor: Flavor) -> FlavorInline | FlavorLink:
        if not self._inline:
            link = Link(rel="bookmark", href=f"{self._links.bookmark}/flavors/{flavor.flavorid}")
            return FlavorLink(id=flavor.flavorid, links=[link])
        return self._inlined(flavor)

    def _inlined(self, flavor: Flavor) -> FlavorInline:
        return FlavorInline(
            vcpus=flavor.vcpus,
            ram=flavor.memory_mb,
            disk=flavor.root_gb,
            ephemeral=flavor.ephemeral_gb,
            swap=flavor.swap_mb,
            original_name=flavor.name,
            extra_specs=flavor.extra_specs if self._specs else UNSET,
        )

    def _fault(self, server: Instance) -> FaultView | UnsetType:
        fault = server.fault
        if fault is None:
            return UNSET
        shown = fault.details and (self._is_admin or fault.code != 500)
        return FaultView(
            code=fault.code,
            created=zulu(fault.created),
            message=fault.message,
            details=fault.details if shown else UNSET,
        )


def _groups(server: Instance) -> list[str]:
    return [server.group_uuid] if server.group_uuid else []


def addresses_of(vifs: tuple[Vif, ...], extended: bool) -> dict[str, list[Address]]:
    """Return a server's addresses by network; `extended` adds their kind and the interface's address."""
    found: dict[str, list[Address]] = {}
    for vif in vifs:
        listed = found.setdefault(vif.network_label, [])
        mac = vif.mac if extended else UNSET
        for ip in vif.fixed_ips:
            listed.append(
                Address(version=ip.version, addr=ip.address, type="fixed" if extended else UNSET, mac=mac)
            )
            listed += [
                Address(version=4, addr=floating, type="floating" if extended else UNSET, mac=mac)
                for floating in ip.floating
            ]
    return found
