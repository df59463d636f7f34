"""From a server's row to what its guest may know of it."""

from __future__ import annotations

from string import ascii_lowercase

from compute_service.config.settings import Settings
from compute_service.domain.instance import Instance
from compute_service.domain.metadata.facts import ServerFacts, TaggedDevice, VendorData
from compute_service.ports.vendor_data import VendorDataSource

BOOT_ROLES = "boot_roles"
"""The note that holds the roles of who ordered the server, joined by commas."""


def server_facts(instance: Instance, settings: Settings) -> ServerFacts:
    """Return the facts of a server, vendor data and the administrator's password apart."""
    domain = settings.api.dhcp_domain
    return ServerFacts(
        uuid=instance.uuid,
        number=instance.id,
        reservation_id=instance.reservation_id,
        project_id=instance.project_id,
        name=instance.display_name,
        hostname=f"{instance.hostname}.{domain}" if domain else instance.hostname,
        short_hostname=instance.hostname,
        instance_type=instance.flavor.name,
        launch_index=instance.launch_index,
        availability_zone=instance.availability_zone,
        image_id=instance.image_ref,
        kernel_id=instance.kernel_id,
        ramdisk_id=instance.ramdisk_id,
        keypair=instance.keypair,
        metadata=instance.metadata,
        user_data=instance.user_data,
        boot_roles=instance.system_metadata.get(BOOT_ROLES, ""),
        security_groups=instance.security_groups,
        root_device_name=instance.root_device_name,
        block_devices=_block_devices(instance),
        vifs=instance.vifs,
        disks=tuple(
            TaggedDevice(tags=(disk.tag,), serial=disk.volume_id, path=disk.device_name)
            for disk in instance.block_devices
            if disk.tag is not None
        ),
        files=instance.injected_files,
    )


def with_vendor_data(facts: ServerFacts, source: VendorDataSource | None) -> ServerFacts:
    """Return the facts with what the operator adds. Raises Unavailable as the source does."""
    if source is None:
        return facts
    return facts.replace(vendor=VendorData(static=source.static(), dynamic=source.dynamic(facts)))


def _block_devices(instance: Instance) -> dict[str, str]:
    """Name the disks beside the root disk as drivers do: ephemeral ones, then swap, each the next letter."""
    prefix = (instance.root_device_name or "/dev/vda").rstrip("0123456789")[:-1]
    blank = [d for d in instance.block_devices if d.source_type == "blank" and d.destination_type == "local"]
    ephemeral = [disk.device_name for disk in blank if disk.guest_format != "swap"]
    swap = [disk.device_name for disk in blank if disk.guest_format == "swap"]
    if not ephemeral and instance.flavor.ephemeral_gb:
        ephemeral = [None]
    if not swap and instance.flavor.swap_mb:
        swap = [None]
    letters = iter(ascii_lowercase[1:])
    names = {f"ephemeral{n}": name or prefix + next(letters) for n, name in enumerate(ephemeral)}
    if swap:
        names["swap"] = swap[0] or prefix + next(letters)
    volumes = [disk.device_name for disk in instance.block_devices if disk.destination_type == "volume"]
    return names | {f"ebs{n}": name for n, name in enumerate(volumes) if name is not None}
