"""What a site has from the start: users, flavors and an image."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import requests

from compute_service.cmd.allinone_seed import IMAGE, PEOPLE, SIZES
from proving.infrastructure.glance import Glance
from proving.infrastructure.keystone import REGION, Keystone

SERVICES = {"compute": "nova", "placement": "placement", "image": "glance", "network": "neutron"}
"""Service type → name, which is also the name of the service's user."""
CLOUD_USERS = {
    **{person.name: person.project for person in PEOPLE},
    **dict.fromkeys(SERVICES.values(), "service"),
}
"""User → the project that it belongs to."""
_TIMEOUT = 30.0


def invent_passwords(keystone: Keystone) -> None:
    """Choose the passwords of all users, so that configuration can be written before there are any."""
    for name in CLOUD_USERS:
        keystone.passwords.setdefault(name, secrets.token_hex(16))


def seed_users(keystone: Keystone) -> None:
    """Make projects and users; the services' users may do everything, as installers have it."""
    for person in PEOPLE:
        if person.name not in SERVICES.values():
            keystone.add_user(person.name, person.project, [person.role])
    for name in SERVICES.values():
        keystone.add_user(name, "service", ["admin", "service"])


def seed_flavors(compute_url: str, token: str) -> None:
    """Make the usual flavors."""
    headers = {"X-Auth-Token": token}
    for flavorid, name, vcpus, memory_mb, root_gb in SIZES:
        flavor: Any = {"id": flavorid, "name": name, "vcpus": vcpus, "ram": memory_mb, "disk": root_gb}
        answer = requests.post(
            f"{compute_url}/flavors", json={"flavor": flavor}, headers=headers, timeout=_TIMEOUT
        )
        answer.raise_for_status()


def seed_image(glance: Glance, token: str) -> None:
    """Make one small image that everybody sees."""
    image = {
        "id": IMAGE,
        "name": "cirros",
        "disk_format": "raw",
        "container_format": "bare",
        "visibility": "public",
        "min_disk": 1,
    }
    glance.add_image(token, image, bytes(4096))


def clouds_text(keystone: Keystone, clouds: Mapping[str, str]) -> str:
    """Return a clouds.yaml; `clouds` is the name of a cloud → its user."""
    return "clouds:\n" + "".join(
        f"  {cloud}:\n    region_name: {REGION}\n    auth:\n      auth_url: {keystone.url}/v3\n"
        f"      username: {user}\n      password: {keystone.passwords[user]}\n"
        f"      project_name: {CLOUD_USERS[user]}\n"
        "      user_domain_id: default\n      project_domain_id: default\n"
        for cloud, user in clouds.items()
    )
