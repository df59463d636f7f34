"""The bodies of actions: what stands under the action's name.

Source: Compute API reference, "Servers - run an action".
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.fields import (
    BOOLISH,
    HOST_NAME,
    IPV4,
    IPV6,
    METADATA,
    NAME,
    UUID,
    Either,
    OneOf,
    Text,
    Whole,
)
from compute_service.api.servers.bodies import (
    DESCRIPTION,
    USER_DATA,
    Certificates,
    DiskConfig,
    Hostname,
    Personality,
)
from compute_service.api.servers.views import named
from compute_service.api.shape import Body, View, since

BOOLISH_OR_AUTO = Either((BOOLISH, OneOf("auto")))
"""Whether disks are copied; `auto` leaves it to the hosts."""


class Reboot(Body):
    """reboot."""

    type: Literal["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]


class Resize(Body):
    """resize."""

    flavor_ref: Annotated[str | int, Either((Text(1), Whole(0)))] = msgspec.field(name="flavorRef")
    disk_config: DiskConfig = named("OS-DCF:diskConfig")


class Rebuild(Body):
    """rebuild."""

    image_ref: Annotated[str, UUID] = msgspec.field(name="imageRef")
    name: Annotated[str | UnsetType, NAME] = UNSET
    admin_password: str | UnsetType = named("adminPass")
    metadata: Annotated[dict[str, str] | UnsetType, METADATA] = UNSET
    preserve_ephemeral: Annotated[bool | UnsetType, BOOLISH] = UNSET
    disk_config: DiskConfig = named("OS-DCF:diskConfig")
    access_ip_v4: Annotated[str | UnsetType, IPV4] = named("accessIPv4")
    access_ip_v6: Annotated[str | UnsetType, IPV6] = named("accessIPv6")
    personality: Personality = UNSET
    description: Annotated[str | UnsetType | None, DESCRIPTION, since("2.19")] = UNSET
    key_name: Annotated[str | UnsetType | None, Text(1, 255), since("2.54")] = UNSET
    user_data: Annotated[str | UnsetType | None, USER_DATA, since("2.57")] = UNSET
    trusted_image_certificates: Certificates = UNSET
    hostname: Hostname = UNSET


class CreateImage(Body):
    """createImage."""

    name: Annotated[str, NAME]
    metadata: Annotated[dict[str, str] | UnsetType, METADATA] = UNSET


class CreateBackup(Body):
    """createBackup."""

    name: Annotated[str, NAME]
    backup_type: str
    rotation: Annotated[int, Whole(0)]
    metadata: Annotated[dict[str, str] | UnsetType, METADATA] = UNSET


class ImageCreated(View):
    """The answer to createImage and createBackup from 2.45 on; null when no image is made."""

    image_id: str | None


class Evacuate(Body):
    """evacuate. Whether disks are shared is found out, and told only where that was asked for."""

    host: Annotated[str | UnsetType, HOST_NAME] = UNSET
    admin_password: str | UnsetType = named("adminPass")
    on_shared_storage: Annotated[bool | UnsetType, BOOLISH, since("2.1", until="2.13", required=True)] = (
        named("onSharedStorage")
    )
    force: Annotated[bool | UnsetType, BOOLISH, since("2.29", until="2.67")] = UNSET


class EvacuatedPassword(View):
    """The answer to evacuate below 2.14."""

    admin_password: str | UnsetType = named("adminPass")


class Unshelve(Body):
    """unshelve, from 2.77 on: where a server that is on no host is to go."""

    availability_zone: Annotated[
        str | UnsetType | None,
        since("2.77", until="2.90", kind=Annotated[str, NAME], required=True),
        since("2.91", kind=Annotated[str | None, NAME]),
    ] = UNSET
    host: Annotated[str | UnsetType, Text(1, 255), since("2.91")] = UNSET


class ResetState(Body):
    """os-resetState."""

    state: Literal["active", "error"]


class ConsoleOutput(Body):
    """os-getConsoleOutput: the last `length` lines, or all."""

    length: Annotated[int | UnsetType | None, Whole(-1)] = UNSET


class ConsoleText(View):
    """The answer to os-getConsoleOutput."""

    output: str


class Rescue(Body):
    """rescue; null stands for one without any of it."""

    admin_password: str | UnsetType = named("adminPass")
    rescue_image_ref: Annotated[str | UnsetType, UUID] = UNSET


class RescueBegun(View):
    """The answer to rescue."""

    admin_password: str | UnsetType = named("adminPass")


class ChangePassword(Body):
    """changePassword."""

    admin_password: str = msgspec.field(name="adminPass")


class Lock(Body):
    """lock, from 2.73 on."""

    locked_reason: Annotated[str | UnsetType, Text(1, 255)] = UNSET


class Migrate(Body):
    """migrate, from 2.56 on."""

    host: Annotated[str | UnsetType | None, HOST_NAME] = UNSET


class MigrateLive(Body):
    """os-migrateLive."""

    host: Annotated[str | None, HOST_NAME]
    block_migration: Annotated[
        bool | str,
        since("2.1", until="2.24", kind=Annotated[bool, BOOLISH]),
        since("2.25", kind=Annotated[bool | str, BOOLISH_OR_AUTO]),
    ]
    disk_over_commit: Annotated[bool | UnsetType, BOOLISH, since("2.1", until="2.24", required=True)] = UNSET
    force: Annotated[bool | UnsetType, BOOLISH, since("2.30", until="2.67")] = UNSET
