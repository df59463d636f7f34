"""What a cloud has that tempest must know of; what it lacks for the tests is made."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Any

import openstack
from openstack.connection import Connection

MEMORY_MB, DISK_GB = 256, 1
"""Of the smaller of the two flavors, where the image does not ask for more."""
_PREFIX = "tempest"


@dataclass(frozen=True)
class Cloud:
    """What was found, as tempest.conf wants it."""

    auth: dict[str, str]
    """auth_url, username, password, project_name and the names of their domains."""
    region: str
    certificates: str
    """The file of authorities that sign the endpoints; empty for the system's."""
    images: tuple[str, str]
    flavors: tuple[str, str]
    network: str
    """The name of a network that all share, empty for none."""
    outer: str
    """The identifier of a network that leads out, empty for none."""
    services: frozenset[str]
    """The types of the catalog."""
    hosts: int
    """Compute services that are up."""
    hypervisor: str
    microversion: str
    """The newest that is served."""


def look_at(name: str) -> Cloud:
    """Look at a cloud of clouds.yaml, as its administrator, and make flavors and a second image.

    Raises ValueError for a cloud on which nothing can be tested, and what the SDK raises.
    """
    with openstack.connect(cloud=name, compute_api_version="2.1") as sdk:
        sdk.compute.default_microversion = "2.88"
        images = _images(sdk)
        hypervisors = list(sdk.compute.hypervisors(details=True))
        networks = list(sdk.network.networks())
        services = list(sdk.compute.services(binary="nova-compute"))
        auth = sdk.config.get_auth_args()
        return Cloud(
            auth={key: str(value) for key, value in auth.items() if value is not None},
            region=sdk.config.get_region_name() or "",
            certificates=str(sdk.config.config.get("cacert") or ""),
            images=(images[0].id, images[1].id),
            flavors=_flavors(sdk, images[0]),
            network=next((n.name for n in networks if n.is_shared and not n.is_router_external), ""),
            outer=next((n.id for n in networks if n.is_router_external), ""),
            services=frozenset(entry["type"] for entry in sdk.service_catalog),
            hosts=sum(1 for one in services if one.state == "up" and one.status == "enabled"),
            hypervisor=hypervisors[0].hypervisor_type if hypervisors else "",
            microversion=_newest(sdk),
        )


def _newest(sdk: Connection) -> str:
    """Return the newest microversion that is served."""
    told = sdk.compute.get_endpoint_data()
    if told is None or told.max_microversion is None:
        raise ValueError("the cloud does not tell its microversions")
    return ".".join(str(part) for part in told.max_microversion)


def _images(sdk: Connection) -> list[Any]:
    """Return the smallest image that boots, and another like it, which is made.

    The projects of the tests must see them: where that image is not public, it is copied, too.
    """
    found = [one for one in sdk.image.images(status="active") if one.disk_format in ("raw", "qcow2")]
    own = {one.name: one for one in found if one.name.startswith(_PREFIX)}
    others = [one for one in found if one.name not in own]
    if not others:
        raise ValueError("the cloud has no image that is active, raw or qcow2")
    public = [one for one in others if one.visibility == "public"]
    best = min(public or others, key=lambda one: one.size)

    def copied(name: str) -> Any:
        return own.get(name) or _copy(sdk, best, name)

    return [best if public else copied(f"{_PREFIX}-image"), copied(f"{_PREFIX}-other")]


def _copy(sdk: Connection, image: Any, name: str) -> Any:
    with tempfile.NamedTemporaryFile() as file:
        for chunk in sdk.image.download_image(image, stream=True).iter_content(1 << 20):
            file.write(chunk)
        file.flush()
        return sdk.image.create_image(
            name,
            filename=file.name,
            disk_format=image.disk_format,
            container_format="bare",
            visibility="public",
            min_disk=image.min_disk,
            min_ram=image.min_ram,
            disable_vendor_agent=False,
        )


def _flavors(sdk: Connection, image: Any) -> tuple[str, str]:
    """Return two flavors that the image boots with, made where they are missing."""
    memory, disk = max(MEMORY_MB, image.min_ram or 0), max(DISK_GB, image.min_disk or 0)
    made = []
    for number in (1, 2):
        name = f"{_PREFIX}-{number}"
        flavor = sdk.compute.find_flavor(name) or sdk.compute.create_flavor(
            name=name, vcpus=1, ram=memory * number, disk=disk * number
        )
        made.append(flavor.id)
    return made[0], made[1]
