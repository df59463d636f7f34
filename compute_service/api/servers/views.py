"""What a server looks like in an answer. Source: Compute API reference, "Servers"."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.links import Link
from compute_service.api.shape import View, since


def named(name: str) -> Any:
    """Return the default of a field that may be missing and whose JSON key is no Python name."""
    return msgspec.field(default=UNSET, name=name)


class ServerBrief(View):
    """A server in a list."""

    id: str
    name: str
    links: list[Link]


class DownServerBrief(View):
    """A server in a list, whose cell does not answer (2.69)."""

    id: str
    status: str
    links: list[Link]


class ServerList(View):
    """GET /servers."""

    servers: list[ServerBrief | DownServerBrief]
    servers_links: list[Link] | UnsetType = UNSET


class Address(View):
    """One address of a server on a network."""

    version: int
    addr: str
    type: str | UnsetType = named("OS-EXT-IPS:type")
    mac: str | UnsetType = named("OS-EXT-IPS-MAC:mac_addr")


class ImageView(View):
    """The image a server was made from."""

    id: str
    links: list[Link]
    properties: Annotated[dict[str, str] | UnsetType, since("2.98")] = UNSET


class FlavorLink(View):
    """A server's flavor below 2.47."""

    id: str
    links: list[Link]


class FlavorInline(View):
    """A server's flavor from 2.47 on, as it was when the server got it. Sizes in MB (ram, swap) and GB."""

    vcpus: int
    ram: int
    disk: int
    ephemeral: int
    swap: int
    original_name: str
    extra_specs: dict[str, str] | UnsetType = UNSET


class FaultView(View):
    """Why a server is in error."""

    code: int
    created: str
    message: str
    details: str | UnsetType = UNSET


class Volume(View):
    """A volume of a server."""

    id: str
    delete_on_termination: Annotated[bool | UnsetType, since("2.3")] = UNSET


class Named(View):
    """A thing shown by its name."""

    name: str


class ServerView(View):
    """A server with its details. What only some may see is left unset for others."""

    id: str
    name: str
    status: str
    tenant_id: str
    user_id: str
    created: str
    updated: str
    host_id: str = msgspec.field(name="hostId")
    metadata: dict[str, str]
    image: ImageView | str
    flavor: FlavorLink | FlavorInline
    addresses: dict[str, list[Address]]
    links: list[Link]
    access_ip_v4: str = msgspec.field(name="accessIPv4")
    access_ip_v6: str = msgspec.field(name="accessIPv6")
    disk_config: str = msgspec.field(name="OS-DCF:diskConfig")
    progress: int | UnsetType = UNSET
    fault: FaultView | UnsetType = UNSET
    key_name: str | UnsetType | None = UNSET
    config_drive: str | UnsetType = UNSET
    security_groups: list[Named] | UnsetType = UNSET
    availability_zone: str | UnsetType = named("OS-EXT-AZ:availability_zone")
    power_state: int | UnsetType = named("OS-EXT-STS:power_state")
    task_state: str | UnsetType | None = named("OS-EXT-STS:task_state")
    vm_state: str | UnsetType = named("OS-EXT-STS:vm_state")
    launched_at: str | UnsetType | None = named("OS-SRV-USG:launched_at")
    terminated_at: str | UnsetType | None = named("OS-SRV-USG:terminated_at")
    volumes: list[Volume] | UnsetType = named("os-extended-volumes:volumes_attached")
    host: str | UnsetType | None = named("OS-EXT-SRV-ATTR:host")
    node: str | UnsetType | None = named("OS-EXT-SRV-ATTR:hypervisor_hostname")
    instance_name: str | UnsetType = named("OS-EXT-SRV-ATTR:instance_name")
    hostname: Annotated[str | UnsetType, since("2.3")] = named("OS-EXT-SRV-ATTR:hostname")
    reservation_id: Annotated[str | UnsetType, since("2.3")] = named("OS-EXT-SRV-ATTR:reservation_id")
    launch_index: Annotated[int | UnsetType, since("2.3")] = named("OS-EXT-SRV-ATTR:launch_index")
    kernel_id: Annotated[str | UnsetType, since("2.3")] = named("OS-EXT-SRV-ATTR:kernel_id")
    ramdisk_id: Annotated[str | UnsetType, since("2.3")] = named("OS-EXT-SRV-ATTR:ramdisk_id")
    root_device_name: Annotated[str | UnsetType | None, since("2.3")] = named(
        "OS-EXT-SRV-ATTR:root_device_name"
    )
    attached_user_data: Annotated[str | UnsetType | None, since("2.3")] = named("OS-EXT-SRV-ATTR:user_data")
    locked: Annotated[bool | UnsetType, since("2.9")] = UNSET
    host_status: Annotated[str | UnsetType, since("2.16")] = UNSET
    description: Annotated[str | UnsetType | None, since("2.19")] = UNSET
    tags: Annotated[list[str] | UnsetType, since("2.26")] = UNSET
    trusted_image_certificates: Annotated[list[str] | UnsetType | None, since("2.63")] = UNSET
    server_groups: Annotated[list[str] | UnsetType, since("2.71")] = UNSET
    locked_reason: Annotated[str | UnsetType | None, since("2.73")] = UNSET
    pinned_availability_zone: Annotated[str | UnsetType | None, since("2.96")] = UNSET
    scheduler_hints: Annotated[dict[str, Any] | UnsetType, since("2.100")] = UNSET


class DownServerView(View):
    """What is known of a server whose cell does not answer (2.69)."""

    id: str
    status: str
    tenant_id: str
    created: str
    links: list[Link]
    user_id: str | UnsetType = UNSET
    power_state: int | UnsetType = named("OS-EXT-STS:power_state")
    availability_zone: str | UnsetType = named("OS-EXT-AZ:availability_zone")
    flavor: FlavorInline | UnsetType = UNSET
    image: ImageView | str | UnsetType = UNSET
    server_groups: Annotated[list[str] | UnsetType, since("2.71")] = UNSET


class ServerDetails(View):
    """GET /servers/detail."""

    servers: list[ServerView | DownServerView]
    servers_links: list[Link] | UnsetType = UNSET


class ServerShown(View):
    """GET and PUT /servers/{server_id}."""

    server: ServerView | DownServerView


class RebuiltView(ServerView):
    """A server that is being rebuilt."""

    admin_password: str | UnsetType = named("adminPass")
    key_name: Annotated[str | UnsetType | None, since("2.54")] = UNSET
    user_data: Annotated[str | UnsetType | None, since("2.57")] = UNSET


class Rebuilt(View):
    """The answer to the action rebuild."""

    server: RebuiltView


class NewServer(View):
    """A server just accepted."""

    id: str
    links: list[Link]
    disk_config: str = msgspec.field(name="OS-DCF:diskConfig")
    security_groups: list[Named]
    admin_password: str | UnsetType = named("adminPass")


class ServerCreated(View):
    """The answer to POST /servers: a server, or the reservation when that was asked for."""

    server: NewServer | UnsetType = UNSET
    reservation_id: str | UnsetType = UNSET
