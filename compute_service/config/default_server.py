"""[DEFAULT]: how servers live: limits of time, what becomes of them, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class ServerLife(Section):
    """Options about servers, read by the API, the conductor and nova-compute."""

    allow_resize_to_same_host: bool = opt(
        False, "Whether a resize may stay on the server's own host. One-host clouds need it."
    )
    block_device_allocate_retries: int = opt(
        60, "How often a volume that is being made is looked at before a build fails.", min=0
    )
    block_device_allocate_retries_interval: int = opt(3, "Seconds between two such looks.", min=0)
    network_allocate_retries: int = opt(0, "How often making a server's ports is tried again.", min=0)
    shutdown_timeout: int = opt(
        60, "Seconds a guest has to shut down before its power is cut; images may say otherwise.", min=0
    )
    reclaim_instance_interval: int = opt(
        0, "Seconds a deleted server is kept before it is removed for good; 0 removes at once.", mutable=True
    )
    instance_build_timeout: int = opt(
        0, "Seconds a build may take before it counts as failed; 0 is unlimited."
    )
    rescue_timeout: int = opt(0, "Seconds after which a rescued server is put back; 0 never.")
    reboot_timeout: int = opt(0, "Seconds after which a reboot that hangs becomes a hard one; 0 never.")
    resize_confirm_window: int = opt(
        0, "Seconds after which a resize nobody confirmed confirms itself; 0 never.", mutable=True
    )
    shelved_offload_time: int = opt(
        0, "Seconds a shelved server stays on its host; 0 leaves at once, -1 stays.", mutable=True
    )
    shelved_poll_interval: int = opt(3600, "Seconds between two looks for shelved servers to offload.")
    sync_power_state_interval: int = opt(
        600, "Seconds between two comparisons of power states; 0 means 60, below 0 never."
    )
    heal_instance_info_cache_interval: int = opt(
        -1, "Seconds between two refreshes of one server's addresses; 0 means 60, below 0 never."
    )
    instance_delete_interval: int = opt(300, "Seconds between two tries to remove what deletes left behind.")
    maximum_instance_delete_attempts: int = opt(5, "How often removing a guest's files is tried.", min=1)
    running_deleted_instance_action: str = opt(
        "reap",
        "What to do with a guest whose server was deleted: remove it, tell of it, stop it, or nothing.",
        choices=("reap", "log", "shutdown", "noop"),
    )
    running_deleted_instance_poll_interval: int = opt(1800, "Seconds between two looks for such guests.")
    running_deleted_instance_timeout: int = opt(
        0, "Seconds that must have passed since the delete before such a guest is touched.", min=0
    )
    scheduler_instance_sync_interval: int = opt(
        120, "Accepted and unused: schedulers read hosts' servers from the database."
    )
    volume_usage_poll_interval: int = opt(0, "Seconds between two measurements of volume traffic; 0 never.")
    instance_usage_audit: bool = opt(False, "Whether the use of each server is notified for each period.")
    instance_usage_audit_period: str = opt(
        "month", "The period of usage audits: hour, day, month or year, with @offset for its start."
    )
    bandwidth_poll_interval: int = opt(
        600, "Seconds between two measurements of network traffic, where supported."
    )
    default_availability_zone: str = opt(
        "nova", "The zone of hosts that belong to none. Changing it later does not move servers."
    )
    default_schedule_zone: str | None = opt(None, "The zone of servers that ask for none; unset is any zone.")
    internal_service_availability_zone: str = opt(
        "internal", "The zone shown for daemons that host no servers."
    )
    enable_new_services: bool = opt(True, "Whether a new compute host may take servers at once.")
    instance_name_template: str = opt(
        "instance-%08x", "The hypervisor's name for a guest, from the server's number or from %(uuid)s."
    )
    osapi_compute_unique_server_name_scope: str = opt(
        "",
        "Where a server's name must be unique: nowhere, in its project, or everywhere.",
        choices=("", "project", "global"),
    )
    migrate_max_retries: int = opt(
        -1,
        "How many more hosts a live migration tries when one refuses; -1: as many as the scheduler names.",
        min=-1,
    )
    max_local_block_devices: int = opt(3, "Local disks a server may have; 0 allows none, -1 is unlimited.")
    non_inheritable_image_properties: tuple[str, ...] = opt(
        ("cache_in_nova", "bittorrent"), "Image properties that snapshots do not take over."
    )
    password_length: int = opt(12, "The length of administrator passwords made for servers.", min=0)
