"""Where a guest's console is found: what the hypervisor says, at the addresses that the options name."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.settings import Settings
from compute_service.domain.console import KINDS, Console
from compute_service.domain.errors import Invalid
from compute_service.ports.hypervisor import HasConsoles, Hypervisor


@dataclass(frozen=True, slots=True)
class Offer:
    """One type of console as a host offers it."""

    enabled: bool
    host: str
    """Where the proxy reaches this host."""
    url: str
    """Where users reach the proxy."""


class Consoles:
    """The consoles of one host's guests."""

    def __init__(self, driver: Hypervisor, settings: Settings) -> None:
        self._driver = driver
        self._offers = offers(settings)

    def find(self, uuid: str, kind: str) -> Console:
        """Return a guest's console of a type (of `KINDS`).

        Raises Invalid (not offered here), NotFound (no such guest), NotReady (the guest is not running).
        """
        offer = self._offers.get(kind)
        if offer is None or not offer.enabled or not isinstance(self._driver, HasConsoles):
            raise unavailable(kind)
        there = self._driver.console(uuid, KINDS[kind])
        port = there.port if there.port is not None else there.tls_port
        if port is None:
            raise unavailable(kind)
        return Console(
            type=kind, host=offer.host, port=port, tls_port=there.tls_port, path=there.path, url=offer.url
        )


def offers(settings: Settings) -> dict[str, Offer]:
    """Return the types of console with what the options say of them."""
    vnc, spice, serial = settings.vnc, settings.spice, settings.serial_console
    host = spice.server_proxyclient_address
    return {
        "novnc": Offer(vnc.enabled, vnc.server_proxyclient_address, vnc.novncproxy_base_url),
        "spice-html5": Offer(spice.enabled, host, spice.html5proxy_base_url),
        "spice-direct": Offer(spice.enabled, host, spice.spice_direct_proxy_base_url),
        "serial": Offer(serial.enabled, serial.proxyclient_address, serial.base_url),
    }


def unavailable(kind: str) -> Invalid:
    """Return the refusal of a type of console that there is not."""
    return Invalid(f"Unavailable console type {kind}.")
