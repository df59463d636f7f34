"""What our service writes into a guest's definition about the server it is.

An operator finds a server by it on a host, and the driver knows its own guests. libvirt keeps it as it is.
"""

from __future__ import annotations

from xml.etree import ElementTree

from compute_service.virt.libvirt.xml.element import Element, at

URN = "urn:stratus:server:1"
_NS = f"{{{URN}}}"

ElementTree.register_namespace("stratus", URN)


class Server(Element, tag=f"{_NS}server"):
    """The server behind a guest. Memory in MB, disks in GB."""

    name: str = at(f"{_NS}name")
    flavor: str = at(f"{_NS}flavor/@name")
    vcpus: int = at(f"{_NS}flavor/@vcpus")
    memory_mb: int = at(f"{_NS}flavor/@memory")
    disk_gb: int = at(f"{_NS}flavor/@disk")
    """Root, ephemeral and swap disks together."""
    project_id: str = at(f"{_NS}owner/@project")
    user_id: str = at(f"{_NS}owner/@user")
    image_id: str | None = at(f"{_NS}root/@image", default=None)
    config_drive: bool | None = at(f"{_NS}root/@config_drive", default=None)
    admin_user: str | None = at(f"{_NS}admin/@user", default=None)
    """The account of the administrator in the guest where it is not root."""
