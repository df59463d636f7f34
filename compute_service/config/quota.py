"""[quota]: what a project may have where nothing else is set."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Quota(Section):
    """Options of the section [quota]. -1 is unlimited."""

    instances: int = opt(10, "Servers of a project.", min=-1)
    cores: int = opt(20, "Virtual CPUs of a project's servers.", min=-1)
    ram: int = opt(51200, "Megabytes of memory of a project's servers.", min=-1)
    metadata_items: int = opt(128, "Metadata items of a server.", min=-1)
    injected_files: int = opt(5, "Files injected into a server.", min=-1)
    injected_file_content_bytes: int = opt(10240, "Bytes of an injected file.", min=-1)
    injected_file_path_length: int = opt(255, "Bytes of an injected file's path.", min=-1)
    key_pairs: int = opt(100, "Key pairs of a user.", min=-1)
    server_groups: int = opt(10, "Server groups of a project.", min=-1)
    server_group_members: int = opt(10, "Servers of a group.", min=-1)
    driver: str = opt(
        "nova.quota.DbQuotaDriver",
        "Where limits come from: this service's database, or nowhere (all is unlimited). The identity "
        "service's unified limits are not supported: no daemon starts with that driver.",
        choices=("nova.quota.DbQuotaDriver", "nova.quota.NoopQuotaDriver"),
    )
    recheck_quota: bool = opt(
        True, "Accepted and unused: quota is checked in the transaction that records the servers."
    )
    count_usage_from_placement: bool = opt(False, "Whether CPUs and memory in use are counted by placement.")
    unified_limits_resource_strategy: str = opt(
        "require",
        "Accepted and unused, as unified limits are not supported.",
        choices=("require", "ignore"),
    )
    unified_limits_resource_list: tuple[str, ...] = opt(
        ("servers",), "Accepted and unused, as unified limits are not supported."
    )
