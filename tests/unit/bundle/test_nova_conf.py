"""nova.conf as the playbooks put it together, against the options that the service knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from compute_service.config.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
LIBRARIES = {"keystone_authtoken", "oslo_concurrency", "oslo_messaging_rabbit"}
"""Sections that libraries read, whose options are theirs."""
BORROWED = {
    "auth_type", "auth_url", "project_domain_name", "user_domain_name", "project_name", "username",
    "password",
}  # fmt: skip
"""Options of keystoneauth in every section that signs in."""


def sections() -> dict[str, set[str]]:
    told = yaml.safe_load((ROOT / "playbooks/group_vars/all/compute.yml").read_text())
    found: dict[str, set[str]] = {}
    for name, config in told.items():
        if name.startswith("stratus_nova_config_"):
            for section, options in config.items():
                found.setdefault(section, set()).update(options if isinstance(options, dict) else ())
    return found


def test_every_option_is_one_that_the_service_reads() -> None:
    settings = Settings()
    unknown = []
    for section, options in sections().items():
        if section in LIBRARIES:
            continue
        known: Any = getattr(settings, section.lower(), None)
        assert known is not None, section
        unknown += [f"[{section}] {one}" for one in options - BORROWED if not hasattr(known, one)]
    assert unknown == []


def test_the_sections_a_site_cannot_do_without_are_there() -> None:
    assert sections().keys() >= {
        "DEFAULT", "api", "api_database", "database", "keystone_authtoken", "service_user", "neutron", "vnc",
        "spice", "glance", "oslo_concurrency", "placement", "libvirt",
    }  # fmt: skip
