"""The bodies of creating and changing servers. Source: Compute API reference, "Servers"."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.fields import (
    BOOLISH,
    HOST_NAME,
    IP,
    IPV4,
    IPV6,
    METADATA,
    NAME,
    SPARE_INT,
    TAG,
    UUID,
    Either,
    Field,
    Named,
    OneOf,
    Printable,
    Schema,
    Seq,
    Text,
    Whole,
    base64_text,
)
from compute_service.api.servers.views import named
from compute_service.api.shape import Body, Items, body_field, since

LABEL = Text(2, 63, "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$")
"""A hostname from 2.90."""
FULL_NAME = Text(1, 255, "^[a-zA-Z0-9-._]*$")
"""A hostname from 2.94: it may be a full domain name."""
DESCRIPTION = Printable(255)
DISK_CONFIG = OneOf("AUTO", "MANUAL")
CERTIFICATE = Text(1)
USER_DATA = base64_text(65_535)

DiskConfig = Annotated[str | UnsetType, DISK_CONFIG]
Hostname = Annotated[str | UnsetType, since("2.90", until="2.93", kind=LABEL), since("2.94", kind=FULL_NAME)]
Description = Annotated[str | UnsetType | None, DESCRIPTION, since("2.19")]
Certificates = Annotated[
    list[Annotated[str, CERTIFICATE]] | UnsetType | None, Items(1, 50, unique=True), since("2.63")
]


class File(Body):
    """A file put into a server: `contents` in base64. Until 2.56."""

    path: str
    contents: Annotated[str, base64_text()]


Personality = Annotated[list[File] | UnsetType, since("2.1", until="2.56")]


class NetworkEntry(Body):
    """One network, or one port, of a new server."""

    uuid: Annotated[str | UnsetType, since("2.1"), since("2.37", kind=UUID)] = UNSET
    port: Annotated[str | UnsetType | None, UUID] = UNSET
    fixed_ip: Annotated[str | UnsetType, IP] = UNSET
    tag: Annotated[str | UnsetType, TAG, since("2.32", until="2.36"), since("2.42")] = UNSET


class Disk(Body):
    """What both forms of a block device have."""

    virtual_name: Annotated[str | UnsetType, Text(0, 255)] = UNSET
    volume_id: Annotated[str | UnsetType, UUID] = UNSET
    snapshot_id: Annotated[str | UnsetType, UUID] = UNSET
    volume_size: Annotated[int | UnsetType, Whole(1, SPARE_INT)] = UNSET
    device_name: Annotated[str | UnsetType, Text(1, 255, "^[a-zA-Z0-9._/-]*$")] = UNSET
    delete_on_termination: Annotated[bool | UnsetType, BOOLISH] = UNSET
    no_device: Any = UNSET
    connection_info: Annotated[str | UnsetType, Text(0, 16_777_215)] = UNSET


class DiskV2(Disk):
    """A block device of a new server."""

    source_type: Literal["volume", "image", "snapshot", "blank"] | UnsetType = UNSET
    uuid: Annotated[str | UnsetType, Text(1, 255, "^[a-zA-Z0-9._-]*$")] = UNSET
    image_id: Annotated[str | UnsetType, UUID] = UNSET
    destination_type: Literal["local", "volume"] | UnsetType = UNSET
    guest_format: Annotated[str | UnsetType, Text(0, 255)] = UNSET
    device_type: Annotated[str | UnsetType, Text(0, 255)] = UNSET
    disk_bus: Annotated[str | UnsetType, Text(0, 255)] = UNSET
    boot_index: Annotated[int | UnsetType | None, Whole()] = UNSET
    tag: Annotated[str | UnsetType, TAG, since("2.32", until="2.32"), since("2.42")] = UNSET
    volume_type: Annotated[str | UnsetType | None, Text(0, 255), since("2.67")] = UNSET


class GroupName(Body):
    """A security group, by name or identifier."""

    name: Annotated[str | UnsetType, NAME] = UNSET


Uuids = Either((UUID, Seq(UUID)))


class Hints(Body):
    """The known hints for the scheduler; others pass as they are."""

    OPEN = True

    group: Annotated[str | UnsetType, UUID] = UNSET
    different_host: Annotated[Any, Uuids] = UNSET
    same_host: Annotated[Any, Uuids] = UNSET
    query: str | dict[str, Any] | UnsetType = UNSET
    target_cell: Annotated[str | UnsetType, NAME] = UNSET
    different_cell: str | list[str] | UnsetType = UNSET
    build_near_host_ip: Annotated[str | UnsetType, IP] = UNSET
    cidr: Annotated[str | UnsetType, Text(pattern="^/[0-9a-f.:]+$")] = UNSET


class HintsField(Field):
    """Hints are checked as `Hints` and kept as given."""

    def check(self, value: Any) -> dict[str, Any]:
        body_field(Hints, 1).check(value)
        return dict(value)

    def schema(self) -> Schema:
        return body_field(Hints, 1).schema()


HINTS = HintsField()


class ServerNew(Body):
    """The server of a POST /servers."""

    name: Annotated[str, NAME]
    flavor_ref: Annotated[str | int, Either((Text(1), Whole(0)))] = msgspec.field(name="flavorRef")
    image_ref: Annotated[str | UnsetType, Either((Text(0, 0), UUID))] = named("imageRef")
    admin_password: str | UnsetType = named("adminPass")
    metadata: Annotated[dict[str, str] | UnsetType, METADATA] = UNSET
    networks: Annotated[
        list[NetworkEntry] | Literal["none", "auto"] | UnsetType,
        since("2.1", kind=list[NetworkEntry]),
        since("2.37", kind=list[NetworkEntry] | Literal["none", "auto"], required=True),
    ] = UNSET
    disk_config: DiskConfig = named("OS-DCF:diskConfig")
    access_ip_v4: Annotated[str | UnsetType, IPV4] = named("accessIPv4")
    access_ip_v6: Annotated[str | UnsetType, IPV6] = named("accessIPv6")
    personality: Personality = UNSET
    availability_zone: Annotated[str | UnsetType, NAME] = UNSET
    block_device_mapping: list[Disk] | UnsetType = UNSET
    block_device_mapping_v2: list[DiskV2] | UnsetType = UNSET
    config_drive: Annotated[bool | UnsetType, BOOLISH] = UNSET
    key_name: Annotated[str | UnsetType, Named()] = UNSET
    min_count: Annotated[int | UnsetType, Whole(1)] = UNSET
    max_count: Annotated[int | UnsetType, Whole(1)] = UNSET
    return_reservation_id: Annotated[bool | UnsetType, BOOLISH] = UNSET
    security_groups: list[GroupName] | UnsetType = UNSET
    user_data: Annotated[str | UnsetType, USER_DATA] = UNSET
    description: Description = UNSET
    tags: Annotated[list[Annotated[str, TAG]] | UnsetType, Items(0, 50), since("2.52")] = UNSET
    trusted_image_certificates: Certificates = UNSET
    host: Annotated[str | UnsetType, HOST_NAME, since("2.74")] = UNSET
    hypervisor_hostname: Annotated[str | UnsetType, HOST_NAME, since("2.74")] = UNSET
    hostname: Hostname = UNSET


class ServerCreate(Body):
    """POST /servers. Hints are known by two names."""

    server: ServerNew
    hints: Annotated[dict[str, Any] | UnsetType, HINTS] = named("os:scheduler_hints")
    old_hints: Annotated[dict[str, Any] | UnsetType, HINTS] = named("OS-SCH-HNT:scheduler_hints")


class ServerChange(Body):
    """The server of a PUT."""

    name: Annotated[str | UnsetType, NAME] = UNSET
    disk_config: DiskConfig = named("OS-DCF:diskConfig")
    access_ip_v4: Annotated[str | UnsetType, IPV4] = named("accessIPv4")
    access_ip_v6: Annotated[str | UnsetType, IPV6] = named("accessIPv6")
    description: Description = UNSET
    hostname: Hostname = UNSET
    pinned_availability_zone: Annotated[str | UnsetType | None, Text(1, 255), since("2.104")] = UNSET


class ServerUpdate(Body):
    """PUT /servers/{server_id}."""

    server: ServerChange
