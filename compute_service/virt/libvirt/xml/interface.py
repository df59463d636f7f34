"""Network interfaces. Source: libvirt documentation, "Domain XML format", network interfaces."""

from __future__ import annotations

from compute_service.virt.libvirt.xml.element import Element, at, switch


class Interface(Element, tag="interface"):
    """A network interface. Bandwidths in KiB a second, bursts in KiB."""

    type: str = at("@type")
    mac: str = at("mac/@address")
    model: str | None = at("model/@type", default=None)
    bridge: str | None = at("source/@bridge", default=None)
    target: str | None = at("target/@dev", default=None)
    virtualport: str | None = at("virtualport/@type", default=None)
    interface_id: str | None = at("virtualport/parameters/@interfaceid", default=None)
    driver: str | None = at("driver/@name", default=None)
    queues: int | None = at("driver/@queues", default=None)
    rx_queue_size: int | None = at("driver/@rx_queue_size", default=None)
    tx_queue_size: int | None = at("driver/@tx_queue_size", default=None)
    packed: bool | None = switch("driver/@packed", default=None)
    mtu: int | None = at("mtu/@size", default=None)
    inbound_average: int | None = at("bandwidth/inbound/@average", default=None)
    inbound_peak: int | None = at("bandwidth/inbound/@peak", default=None)
    inbound_burst: int | None = at("bandwidth/inbound/@burst", default=None)
    outbound_average: int | None = at("bandwidth/outbound/@average", default=None)
    outbound_peak: int | None = at("bandwidth/outbound/@peak", default=None)
    outbound_burst: int | None = at("bandwidth/outbound/@burst", default=None)
