"""tempest.conf for a cloud: what the cloud is, and truthfully what it can."""

from __future__ import annotations

import configparser
import io
from collections.abc import Mapping
from pathlib import Path

from proving.tempest.cloud import Cloud

FILTERS = (
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
    "DifferentHostFilter",
    "SameHostFilter",
)
"""What a scheduler must ask, or the tests of hints are skipped."""
_CATALOG = {
    "nova": "compute",
    "glance": "image",
    "neutron": "network",
    "cinder": "block-storage",
    "swift": "object-store",
    "horizon": "dashboard",
}
_OLD_NAMES = {"block-storage": "volumev3"}
Sections = dict[str, dict[str, object]]


def conf_text(cloud: Cloud, folder: Path, more: Mapping[str, Mapping[str, object]] | None = None) -> str:
    """Return the file. It holds the administrator's password. Locks and logs go into `folder`.

    `more` are options by section which go before those that are found.
    """
    sections: Sections = {
        "DEFAULT": {"log_dir": folder, "log_file": "tempest.log", "use_stderr": False},
        "oslo_concurrency": {"lock_path": folder / "locks"},
        **_identity(cloud),
        "compute": _compute(cloud),
        "compute-feature-enabled": _features(cloud),
        "enforce_scope": {"nova": True},
        "network": {"public_network_id": cloud.outer},
        "network-feature-enabled": {"floating_ips": bool(cloud.outer), "port_security": True},
        "service_available": {name: _has(cloud, kind) for name, kind in _CATALOG.items()},
        "validation": {"run_validation": False},
    }
    for name, options in (more or {}).items():
        sections.setdefault(name, {}).update(options)
    parser = configparser.RawConfigParser(default_section="", interpolation=None)
    for name, values in sections.items():
        parser[name] = {key: _word(value) for key, value in values.items() if value != ""}
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def _identity(cloud: Cloud) -> Sections:
    auth = cloud.auth
    url = auth["auth_url"].rstrip("/").removesuffix("/v3") + "/v3"
    return {
        "auth": {
            "use_dynamic_credentials": True,
            "admin_username": auth["username"],
            "admin_password": auth["password"],
            "admin_project_name": auth["project_name"],
            "admin_domain_name": "Default",
            "create_isolated_networks": not cloud.network,
        },
        "identity": {
            "uri_v3": url,
            "region": cloud.region,
            "auth_version": "v3",
            "ca_certificates_file": cloud.certificates,
        },
    }


def _compute(cloud: Cloud) -> dict[str, object]:
    return {
        "image_ref": cloud.images[0],
        "image_ref_alt": cloud.images[1],
        "flavor_ref": cloud.flavors[0],
        "flavor_ref_alt": cloud.flavors[1],
        "fixed_network_name": cloud.network,
        "min_compute_nodes": cloud.hosts,
        "hypervisor_type": cloud.hypervisor,
        "min_microversion": "2.1",
        "max_microversion": "latest",
        "build_timeout": 120,
    }


def _features(cloud: Cloud) -> dict[str, object]:
    several = cloud.hosts > 1
    return {
        "resize": True,
        "cold_migration": several,
        "live_migration": several,
        "block_migration_for_live_migration": several,
        "live_migrate_back_and_forth": several,
        "volume_backed_live_migration": False,
        "vtpm_live_migration": False,
        "personality": True,
        "stable_rescue": True,
        "hostname_fqdn_sanitization": True,
        # An agent in the guest sets it, which the images that clouds have seldom hold.
        "change_password": False,
        "swap_volume": False,
        "volume_multiattach": False,
        "attach_encrypted_volume": False,
        # Limits live in the compute service's own database.
        "unified_limits": False,
        "nova_policy_roles": ("admin", "manager", "member", "reader"),
        "scheduler_enabled_filters": FILTERS,
    }


def _has(cloud: Cloud, kind: str) -> bool:
    return kind in cloud.services or _OLD_NAMES.get(kind) in cloud.services


def _word(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
