"""[DEFAULT]: what a compute host offers and how it keeps disks."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class HostResources(Section):
    """Options of nova-compute about the host itself."""

    compute_driver: str | None = opt(
        None,
        "The hypervisor driver: libvirt.LibvirtDriver, or fake.FakeDriver for tests. nova-compute needs one.",
    )
    instances_path: str = opt(
        "$state_path/instances", "The directory of guests' disks and of the image cache."
    )
    cpu_allocation_ratio: float | None = opt(
        None,
        "Virtual CPUs offered for each host CPU. Unset keeps what placement has, beginning with "
        "initial_cpu_allocation_ratio.",
        min=0.0,
    )
    ram_allocation_ratio: float | None = opt(
        None,
        "Guest memory offered for each unit of host memory. Unset keeps what placement has, beginning with "
        "initial_ram_allocation_ratio.",
        min=0.0,
    )
    disk_allocation_ratio: float | None = opt(
        None,
        "Guest disk offered for each unit of host disk. Unset keeps what placement has, beginning with "
        "initial_disk_allocation_ratio.",
        min=0.0,
    )
    initial_cpu_allocation_ratio: float = opt(
        4.0, "The CPU ratio of a host that is new to placement.", min=0.0
    )
    initial_ram_allocation_ratio: float = opt(
        1.0, "The memory ratio of a host that is new to placement.", min=0.0
    )
    initial_disk_allocation_ratio: float = opt(
        1.0, "The disk ratio of a host that is new to placement.", min=0.0
    )
    reserved_host_cpus: int = opt(0, "CPUs kept for the host itself.", min=0)
    reserved_host_memory_mb: int = opt(512, "Megabytes of memory kept for the host itself.", min=0)
    reserved_host_disk_mb: int = opt(0, "Megabytes of disk kept for the host itself.", min=0)
    reserved_huge_pages: tuple[str, ...] = opt(
        (),
        "Huge pages kept for others than guests, one line for each NUMA node and size, as "
        "node:0,size:2048,count:64.",
        multi=True,
    )
    use_cow_images: bool = opt(True, "Whether root disks are overlays on the cached image.")
    force_raw_images: bool = opt(True, "Whether cached images are turned into raw format.")
    preallocate_images: str = opt(
        "none", "Whether a disk's space is taken when it is made.", choices=("none", "space")
    )
    default_ephemeral_format: str | None = opt(None, "The file system of ephemeral disks, such as ext4.")
    virt_mkfs: tuple[str, ...] = opt(
        (), "Commands that make file systems, one line for each os_type, as os_type=command.", multi=True
    )
    resize_fs_using_block_device: bool = opt(
        False, "Whether file systems inside disks are grown through a block device."
    )
    timeout_nbd: int = opt(10, "Seconds to wait for a network block device to appear.", min=0)
    force_config_drive: bool = opt(False, "Whether every server gets a config drive.")
    config_drive_format: str = opt(
        "iso9660", "The file system of config drives.", choices=("iso9660", "vfat")
    )
    mkisofs_cmd: str = opt("genisoimage", "The command that makes ISO images.")
    pointer_model: str | None = opt(
        "usbtablet",
        "The pointing device of guests that do not ask for one.",
        choices=("ps2mouse", "usbtablet", None),
    )
    rootwrap_config: str = opt(
        "/etc/nova/rootwrap.conf", "The file that says which commands may run as root."
    )
    use_rootwrap_daemon: bool = opt(False, "Whether commands as root go through one long-lived process.")
    resume_guests_state_on_host_boot: bool = opt(
        False, "Whether guests that ran before the host went down are started when it is back."
    )
    max_concurrent_builds: int = opt(10, "Guests a host builds at a time; 0 is unlimited.", min=0)
    max_concurrent_snapshots: int = opt(5, "Snapshots a host takes at a time; 0 is unlimited.", min=0)
    max_concurrent_live_migrations: int = opt(
        1, "Live migrations that leave a host at a time; 0 is unlimited.", min=0
    )
    sync_power_state_pool_size: int = opt(
        1000, "The most guests whose power state is compared at a time.", min=1
    )
    compute_monitors: tuple[str, ...] = opt(
        (), "Monitors whose figures a host reports, such as cpu.virt_driver."
    )
    vif_plugging_is_fatal: bool = opt(
        True, "Whether a build fails when the network does not say in time that its ports are up."
    )
    vif_plugging_timeout: int = opt(300, "Seconds to wait for ports to come up; 0 does not wait.", min=0)
    arq_binding_timeout: int = opt(300, "Seconds to wait for accelerators to be bound.", min=1)
    flat_injected: bool = opt(False, "Whether network settings are written into the guest's disk.")
    update_resources_interval: int = opt(
        0, "Seconds between two reports of a host's inventory; 0 means 60, below 0 never."
    )
    image_handlers: tuple[str, ...] = opt(
        (), "Ways to move image data, tried in turn; empty means all known."
    )
