"""What an all-in-one site has from the start: users, an image, networks and flavors. Fixed identifiers, so
that scripts and repeated starts find the same things.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

from compute_service.clients.fake.identity import FakeIdentity
from compute_service.clients.fake.images import FakeImages
from compute_service.clients.fake.network import FakeNetwork
from compute_service.domain.flavor import Flavor
from compute_service.domain.image import Image
from compute_service.store.engine import Store
from compute_service.store.flavors import flavor_get, flavor_insert

PASSWORD = "secret"  # noqa: S105 - of a site that lives on this machine's loopback address alone
ROLES = ("admin", "manager", "member", "reader", "service")
ADMIN_PROJECT = "00000000000000000000000000000ad0"
DEMO_PROJECT = "0000000000000000000000000000de00"
IMAGE = "c1110500-0000-4000-8000-000000000001"
_NAMESPACE = UUID("5b8f3c0e-5d0f-5a3e-9b55-0d4b7d0f7a11")
_IMPLIED = {"admin": ROLES[:4], "manager": ROLES[1:4], "member": ROLES[2:4]}


@dataclass(frozen=True, slots=True)
class Person:
    """A user with a role in a project, and the roles that this one brings."""

    name: str
    project: str
    role: str


PEOPLE: tuple[Person, ...] = (
    Person("admin", "admin", "admin"),
    Person("demo", "demo", "member"),
    Person("demo-manager", "demo", "manager"),
    Person("demo-reader", "demo", "reader"),
    Person("nova", "service", "service"),
)

SIZES: tuple[tuple[str, str, int, int, int], ...] = (
    ("1", "m1.tiny", 1, 512, 1),
    ("2", "m1.small", 1, 2048, 20),
    ("3", "m1.medium", 2, 4096, 40),
    ("4", "m1.large", 4, 8192, 80),
    ("42", "m1.nano", 1, 192, 1),
)
"""Flavors: identifier, name, processors, megabytes of memory, gigabytes of disk."""


def seed_identity(identity: FakeIdentity) -> None:
    """Make the domain, roles, projects and users."""
    identity.add_domain("Default", "default")
    for role in ROLES:
        identity.add_role(role)
    projects = {
        "admin": identity.add_project("admin", project_id=ADMIN_PROJECT),
        "demo": identity.add_project("demo", project_id=DEMO_PROJECT),
        "service": identity.add_project("service"),
    }
    for person in PEOPLE:
        user = identity.add_user(person.name, PASSWORD, user_id=uuid5(_NAMESPACE, person.name).hex)
        for role in _IMPLIED.get(person.role, (person.role,)):
            identity.grant(user, role, projects[person.project])
        if person.role == "admin":
            identity.grant(user, "admin")


def seed_images(images: FakeImages) -> None:
    """Make one small image that everybody sees."""
    image = Image(
        id=IMAGE, name="cirros", disk_format="qcow2", visibility="public", owner=ADMIN_PROJECT, min_disk_gb=1
    )
    images.add(image, b"QFI\xfb" + bytes(4092))


def seed_network(network: FakeNetwork) -> None:
    """Make one network that all share, so that servers need not name theirs, and one that leads out."""
    network.add_network("private", "10.1.0.0/16", ADMIN_PROJECT, shared=True)
    network.add_network("public", "203.0.113.0/24", ADMIN_PROJECT, external=True)


def seed_flavors(store: Store) -> None:
    """Make the usual flavors where they are not there yet."""
    with store.api.write() as tx:
        for flavorid, name, vcpus, memory_mb, root_gb in SIZES:
            if flavor_get(tx, flavorid) is None:
                flavor_insert(
                    tx,
                    Flavor(flavorid=flavorid, name=name, vcpus=vcpus, memory_mb=memory_mb, root_gb=root_gb),
                )
