"""The definition that a guest takes along when it moves to another host.

It is libvirt's own text with only what differs at the target changed: everything else, addresses of devices
above all, must stay, or the guest would not be the same machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

from compute_service.virt.libvirt.xml.element import MalformedXml


@dataclass(frozen=True, kw_only=True)
class Landing:
    """What is different at the target.

    `interfaces`: MAC → (bridge, device); `disks`: the guest's device → path.
    """

    vnc_listen: str | None = None
    spice_listen: str | None = None
    serial_listen: str | None = None
    serial_ports: tuple[int, ...] = ()
    interfaces: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    disks: Mapping[str, str] = field(default_factory=dict)
    console_log: str | None = None


def landed(xml: str, landing: Landing) -> str:
    """Return the definition as it has to be at the target. Raises MalformedXml."""
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 - libvirt on this host wrote it
    except ElementTree.ParseError as error:
        raise MalformedXml(f"Not XML: {error}.") from None
    _screens(root, landing)
    _serials(root, landing)
    _interfaces(root, landing)
    _disks(root, landing)
    return ElementTree.tostring(root, "unicode")


def _screens(root: ElementTree.Element, landing: Landing) -> None:
    listens = {"vnc": landing.vnc_listen, "spice": landing.spice_listen}
    for graphics in root.findall("devices/graphics"):
        address = listens.get(graphics.get("type", ""))
        if address is None:
            continue
        if graphics.get("listen") is not None:
            graphics.set("listen", address)
        for listen in graphics.findall("listen[@type='address']"):
            listen.set("address", address)


def _serials(root: ElementTree.Element, landing: Landing) -> None:
    if landing.console_log is not None:
        for log in (*root.findall("devices/serial/log"), *root.findall("devices/console/log")):
            log.set("file", landing.console_log)
    if landing.serial_listen is None:
        return
    consoles = root.findall("devices/console[@type='tcp']")
    for tag in (root.findall("devices/serial[@type='tcp']"), consoles):
        for n, device in enumerate(tag):
            source = device.find("source")
            if source is None:
                continue
            source.set("host", landing.serial_listen)
            if n < len(landing.serial_ports):
                source.set("service", str(landing.serial_ports[n]))


def _interfaces(root: ElementTree.Element, landing: Landing) -> None:
    for interface in root.findall("devices/interface"):
        mac = interface.find("mac")
        found = landing.interfaces.get(mac.get("address", "")) if mac is not None else None
        if found is None:
            continue
        bridge, device = found
        source, target = interface.find("source"), interface.find("target")
        if bridge is not None and source is not None:
            source.set("bridge", bridge)
        if target is not None:
            target.set("dev", device)


def _disks(root: ElementTree.Element, landing: Landing) -> None:
    for disk in root.findall("devices/disk"):
        target, source = disk.find("target"), disk.find("source")
        path = landing.disks.get(target.get("dev", "")) if target is not None else None
        if path is None or source is None:
            continue
        for name in ("file", "dev"):
            if source.get(name) is not None:
                source.set(name, path)
