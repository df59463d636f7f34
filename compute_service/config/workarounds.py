"""[workarounds]: switches for special cases."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Workarounds(Section):
    """Options of the section [workarounds]."""

    disable_rootwrap: bool = opt(False, "Whether commands as root go through sudo alone.")
    handle_virt_lifecycle_events: bool = opt(
        True, "Whether a guest stopped behind our back changes its server."
    )
    disable_group_policy_check_upcall: bool = opt(
        False, "Whether hosts leave out the late check of server group rules."
    )
    enable_numa_live_migration: bool = opt(
        False, "Whether pinned guests move even to hosts that cannot adapt them."
    )
    ensure_libvirt_rbd_instance_dir_cleanup: bool = opt(
        False, "Whether the directory of a guest on Ceph is removed with it."
    )
    disable_fallback_pcpu_query: bool = opt(
        False, "Whether pinned guests avoid hosts that do not report PCPU."
    )
    never_download_image_if_on_rbd: bool = opt(False, "Whether images on Ceph may only be cloned there.")
    reserve_disk_resource_for_image_cache: bool = opt(
        False, "Whether the image cache's space counts as reserved."
    )
    wait_for_vif_plugged_event_during_hard_reboot: tuple[str, ...] = opt(
        (), "VNIC types for which a hard reboot waits until the port is up."
    )
    enable_qemu_monitor_announce_self: bool = opt(False, "Whether a moved guest announces itself once more.")
    qemu_monitor_announce_self_count: int = opt(3, "How often it does.", min=1)
    qemu_monitor_announce_self_interval: int = opt(1, "Seconds between two such announcements.", min=1)
    disable_compute_service_check_for_ffu: bool = opt(
        False, "Whether daemons start in spite of compute hosts that are too old."
    )
    unified_limits_count_pcpu_as_vcpu: bool = opt(
        False, "Whether pinned CPUs count against the limit of VCPUs."
    )
    skip_cpu_compare_on_dest: bool = opt(
        False, "Whether a live migration leaves out the target's look at the CPU."
    )
    skip_cpu_compare_at_startup: bool = opt(False, "Whether nova-compute starts without checking cpu_models.")
    skip_hypervisor_version_check_on_lm: bool = opt(False, "Whether live migrations go to older hypervisors.")
    skip_reserve_in_use_ironic_nodes: bool = opt(False, "Accepted and unused: there is no bare metal driver.")
    disable_deep_image_inspection: bool = opt(
        False, "Whether images are used without looking into them. Unsafe."
    )
    libvirt_disable_apic: bool = opt(False, "Whether guests are made without an APIC.")
