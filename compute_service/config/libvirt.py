"""[libvirt]: the libvirt driver."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class LibvirtGuests(Section):
    """What guests are made of."""

    virt_type: str = opt("kvm", "The kind of virtualization.", choices=("kvm", "lxc", "qemu", "parallels"))
    connection_uri: str = opt("", "The libvirt connection; empty means virt_type's own.")
    cpu_mode: str | None = opt(
        None,
        "The CPU guests see; unset is host-model with kvm and qemu.",
        choices=("host-model", "host-passthrough", "custom", "none", None),
    )
    cpu_models: tuple[str, ...] = opt((), "CPU models for the mode `custom`, the plainest first.")
    cpu_model_extra_flags: tuple[str, ...] = opt(
        (), "CPU features to add, or with a minus sign to take away."
    )
    hw_machine_type: tuple[str, ...] | None = opt(None, "Machine types, as architecture=type.")
    sysinfo_serial: str = opt(
        "unique",
        "Where the serial number that guests see comes from.",
        choices=("none", "os", "hardware", "auto", "unique"),
    )
    num_pcie_ports: int = opt(0, "PCIe ports for hot plugging; 0 is libvirt's default.", min=0, max=28)
    rx_queue_size: int | None = opt(None, "The receive queue of virtio interfaces.", choices=(256, 512, 1024))
    tx_queue_size: int | None = opt(None, "The send queue of virtio interfaces.", choices=(256, 512, 1024))
    max_queues: int | None = opt(None, "The most queues of a multi-queue interface.", min=1)
    swtpm_enabled: bool = opt(False, "Whether guests may have an emulated TPM.")
    swtpm_user: str = opt("tss", "The user of the TPM emulator.")
    swtpm_group: str = opt("tss", "The group of the TPM emulator.")
    mem_stats_period_seconds: int = opt(
        10, "Seconds between two memory figures of a guest; 0 or less gives none."
    )
    use_virtio_for_bridges: bool = opt(True, "Whether interfaces on bridges are virtio.")
    disk_prefix: str | None = opt(None, "The prefix of disk device names; unset depends on the bus.")
    uid_maps: tuple[str, ...] = opt((), "User ID ranges of containers, as guest:host:count.")
    gid_maps: tuple[str, ...] = opt((), "Group ID ranges of containers, as guest:host:count.")
    file_backed_memory: int = opt(0, "Megabytes of guest memory kept in files; 0 for none.", min=0)
    num_memory_encrypted_guests: int | None = opt(
        None, "Guests with encrypted memory that fit this host.", min=0
    )
    inject_password: bool = opt(False, "Whether the administrator password is written into the disk.")
    inject_key: bool = opt(False, "Whether the public key is written into the disk.")
    inject_partition: int = opt(
        -2, "The partition for that: -2 never, -1 by inspection, 0 unpartitioned.", min=-2
    )
    enabled_perf_events: tuple[str, ...] = opt((), "Performance events counted for guests.")


@dataclass(frozen=True, kw_only=True)
class LibvirtDisks(Section):
    """Where disks are and how they are reached."""

    images_type: str = opt(
        "default",
        "What local disks are made of; the default follows use_cow_images.",
        choices=("raw", "flat", "qcow2", "lvm", "rbd", "ploop", "default"),
    )
    images_volume_group: str | None = opt(None, "The LVM volume group of disks.")
    sparse_logical_volumes: bool = opt(False, "Whether logical volumes are sparse.")
    images_rbd_pool: str = opt("rbd", "The Ceph pool of disks.")
    images_rbd_ceph_conf: str = opt("", "The Ceph configuration file.")
    images_rbd_glance_store_name: str = opt("", "The image service's store in the same Ceph cluster.")
    images_rbd_glance_copy_poll_interval: int = opt(
        15, "Seconds between two looks at an image being copied.", min=1
    )
    images_rbd_glance_copy_timeout: int = opt(600, "Seconds such a copy may take.", min=0)
    rbd_user: str | None = opt(None, "The Ceph user.")
    rbd_secret_uuid: str | None = opt(None, "The libvirt secret of the Ceph user's key.")
    rbd_connect_timeout: int = opt(5, "Seconds to wait for Ceph.")
    rbd_destroy_volume_retry_interval: int = opt(5, "Seconds between two tries to remove a Ceph disk.", min=0)
    rbd_destroy_volume_retries: int = opt(12, "How often removing a Ceph disk is tried.", min=0)
    disk_cachemodes: tuple[str, ...] = opt((), "Cache modes by kind of disk, as file=mode.")
    hw_disk_discard: str | None = opt(
        None, "Whether discards reach the disk.", choices=("ignore", "unmap", None)
    )
    snapshots_directory: str = opt("$instances_path/snapshots", "The directory in which snapshots are made.")
    snapshot_image_format: str | None = opt(
        None,
        "The format of snapshots; unset is the disk's own.",
        choices=("raw", "qcow2", "vmdk", "vdi", None),
    )
    snapshot_compression: bool = opt(False, "Whether qcow2 snapshots are compressed.")
    rescue_image_id: str | None = opt(None, "The image that rescues boot when none is named.")
    rescue_kernel_id: str | None = opt(None, "The kernel of the rescue image.")
    rescue_ramdisk_id: str | None = opt(None, "The ramdisk of the rescue image.")
    volume_clear: str = opt(
        "zero", "How removed logical volumes are wiped.", choices=("zero", "shred", "none")
    )
    volume_clear_size: int = opt(0, "Megabytes that are wiped from the start; 0 is all.", min=0)
    volume_use_multipath: bool = opt(False, "Whether volumes are connected over several paths.")
    volume_enforce_multipath: bool = opt(False, "Whether a volume without several paths is an error.")
    num_volume_scan_tries: int = opt(5, "How often a volume's device is looked for.", min=1)
    num_iser_scan_tries: int = opt(5, "How often an iSER volume's device is looked for.", min=1)
    num_nvme_discover_tries: int = opt(5, "How often an NVMe volume's device is looked for.", min=1)
    iscsi_iface: str | None = opt(None, "The iSCSI transport interface.")
    nfs_mount_point_base: str = opt("$state_path/mnt", "The directory under which NFS shares are mounted.")
    nfs_mount_options: str | None = opt(None, "Options of those mounts.")
    device_detach_attempts: int = opt(8, "How often a guest is asked to let go of a device.", min=1)
    device_detach_timeout: int = opt(20, "Seconds it has to do so each time.", min=1)


@dataclass(frozen=True, kw_only=True)
class LibvirtMoves(Section):
    """How guests move and restart."""

    live_migration_inbound_addr: str | None = opt(
        None, "The address at which this host takes live migrations; unset is the host's name."
    )
    live_migration_uri: str | None = opt(None, "The target's libvirt connection; %s is the host.")
    live_migration_scheme: str | None = opt(None, "The transport of that connection, such as ssh or tls.")
    live_migration_permit_auto_converge: bool = opt(
        False, "Whether a busy guest is slowed down so that a move ends."
    )
    live_migration_permit_post_copy: bool = opt(
        False, "Whether a move may go on after the guest switched over."
    )
    live_migration_completion_timeout: int = opt(
        800,
        "Seconds per gigabyte of memory and disk that a move may take; 0 is unlimited.",
        min=0,
        mutable=True,
    )
    live_migration_timeout_action: str = opt(
        "abort",
        "What happens when that time is over.",
        choices=("abort", "force_complete"),
        mutable=True,
    )
    live_migration_downtime: int = opt(500, "Milliseconds a guest may stand still at the switch.", min=100)
    live_migration_downtime_steps: int = opt(10, "In how many steps that limit is reached.", min=3)
    live_migration_downtime_delay: int = opt(75, "Seconds per gigabyte between two steps.", min=3)
    live_migration_bandwidth: int = opt(0, "Mebibytes a second that a move may use; 0 is unlimited.")
    live_migration_parallel_connections: int = opt(1, "Connections that a move uses.", min=1)
    live_migration_with_native_tls: bool = opt(False, "Whether guests' memory and disks move encrypted.")
    live_migration_tunnelled: bool = opt(False, "Whether data goes through libvirt's own connection.")
    remote_filesystem_transport: str = opt(
        "ssh", "How files are copied to another host.", choices=("ssh", "rsync")
    )
    wait_soft_reboot_seconds: int = opt(120, "Seconds a guest has for a soft reboot before it becomes hard.")
    cpu_power_management: bool = opt(False, "Whether dedicated CPUs that no guest uses are put to rest.")
    cpu_power_management_strategy: str = opt(
        "cpu_state",
        "How they rest: switched off, or with the slow governor.",
        choices=("cpu_state", "governor"),
    )
    cpu_power_governor_low: str = opt("powersave", "The governor of CPUs at rest.")
    cpu_power_governor_high: str = opt("performance", "The governor of CPUs in use.")
    realtime_scheduler_priority: int = opt(1, "The priority of real-time guests' CPUs.", min=0)


@dataclass(frozen=True, kw_only=True)
class Libvirt(LibvirtMoves, LibvirtDisks, LibvirtGuests):
    """Options of the section [libvirt]."""
