"""From a server's row to the document a host is sent."""

from __future__ import annotations

from compute_service.config.settings import Settings
from compute_service.control.images import image_of
from compute_service.control.sealing import unseal
from compute_service.control.server_facts import server_facts
from compute_service.domain.guest import GuestSpec
from compute_service.domain.instance import Instance, instance_name
from compute_service.domain.states import PowerState, VmState

ADMIN_PASSWORD = "admin_password"  # noqa: S105 - the name of a note, not a password
"""The note that holds a new server's password, sealed, until the guest has it; never shown."""

_STAY_OFF = frozenset({VmState.STOPPED})


def guest_spec(instance: Instance, settings: Settings, power: PowerState | None = None) -> GuestSpec:
    """Return the whole guest a server's row describes; its power is the row's unless given."""
    keypair = instance.keypair
    off = instance.vm_state in _STAY_OFF
    password = unseal(settings, instance.system_metadata.get(ADMIN_PASSWORD))
    drive = instance.config_drive
    return GuestSpec(
        uuid=instance.uuid,
        name=instance_name(instance, settings.default.instance_name_template),
        display_name=instance.display_name,
        hostname=instance.hostname,
        project_id=instance.project_id,
        user_id=instance.user_id,
        flavor=instance.flavor,
        image=image_of(instance),
        vifs=instance.vifs,
        block_devices=instance.block_devices,
        config_drive=drive,
        facts=server_facts(instance, settings).replace(admin_password=password) if drive else None,
        user_data=instance.user_data,
        metadata=instance.metadata,
        keypair_name=None if keypair is None else keypair.name,
        public_key=None if keypair is None else keypair.public_key,
        admin_password=password,
        injected_files=instance.injected_files,
        launch_index=instance.launch_index,
        availability_zone=instance.availability_zone,
        kernel_id=instance.kernel_id,
        ramdisk_id=instance.ramdisk_id,
        trusted_certs=instance.trusted_certs,
        power=power or (PowerState.SHUTDOWN if off else PowerState.RUNNING),
    )
