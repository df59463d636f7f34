"""The other devices: consoles, screens, and what stands beside them.

Source: libvirt documentation, "Domain XML format", devices.
"""

from __future__ import annotations

from compute_service.virt.libvirt.xml.element import Element, at


class Serial(Element, tag="serial"):
    """A serial port; `type` pty, or tcp with a source that is listened on."""

    type: str = at("@type")
    source_mode: str | None = at("source/@mode", default=None)
    source_host: str | None = at("source/@host", default=None)
    source_service: int | None = at("source/@service", default=None)
    protocol: str | None = at("protocol/@type", default=None)
    log_file: str | None = at("log/@file", default=None)
    log_append: str | None = at("log/@append", default=None)
    target_port: int = at("target/@port", default=0)


class Console(Element, tag="console"):
    """A text console of a container or a paravirtual guest."""

    type: str = at("@type", default="pty")
    target_type: str | None = at("target/@type", default=None)
    target_port: int = at("target/@port", default=0)


class Channel(Element, tag="channel"):
    """A way between guest and host for an agent in the guest."""

    type: str = at("@type")
    target_type: str = at("target/@type", default="virtio")
    target_name: str = at("target/@name")
    state: str | None = at("target/@state", default=None)
    """Whether the agent listens, as libvirt tells of a running guest."""


class Graphics(Element, tag="graphics"):
    """A screen that is offered over the network: vnc or spice."""

    type: str = at("@type")
    port: int | None = at("@port", default=None)
    tls_port: int | None = at("@tlsPort", default=None)
    autoport: bool | None = at("@autoport", default=None)
    default_mode: str | None = at("@defaultMode", default=None)
    listen_type: str | None = at("listen/@type", default=None)
    listen_address: str | None = at("listen/@address", default=None)
    image_compression: str | None = at("image/@compression", default=None)
    jpeg_compression: str | None = at("jpeg/@compression", default=None)
    zlib_compression: str | None = at("zlib/@compression", default=None)
    playback_compression: str | None = at("playback/@compression", default=None)
    streaming_mode: str | None = at("streaming/@mode", default=None)


class Video(Element, tag="video"):
    """A video card; memory in KiB."""

    model: str = at("model/@type")
    vram: int | None = at("model/@vram", default=None)


class Rng(Element, tag="rng"):
    """A source of randomness; at most `rate_bytes` in each `rate_period` milliseconds."""

    model: str = at("@model", default="virtio")
    rate_bytes: int | None = at("rate/@bytes", default=None)
    rate_period: int | None = at("rate/@period", default=None)
    backend: str = at("backend/@model", default="random")
    source: str | None = at("backend", default=None)


class Watchdog(Element, tag="watchdog"):
    """A timer that acts when the guest hangs."""

    model: str = at("@model")
    action: str = at("@action")


class Tpm(Element, tag="tpm"):
    """An emulated TPM whose state is encrypted with a secret."""

    model: str = at("@model")
    backend: str = at("backend/@type", default="emulator")
    version: str | None = at("backend/@version", default=None)
    secret: str | None = at("backend/encryption/@secret", default=None)


class MemBalloon(Element, tag="memballoon"):
    """The memory balloon, which also gives memory figures each `period` seconds."""

    model: str = at("@model", default="virtio")
    period: int | None = at("stats/@period", default=None)


class Input(Element, tag="input"):
    """A pointer or keyboard."""

    type: str = at("@type")
    bus: str = at("@bus")


class Controller(Element, tag="controller"):
    """A bus that devices sit on."""

    type: str = at("@type")
    index: int | None = at("@index", default=None)
    model: str | None = at("@model", default=None)


class Sound(Element, tag="sound"):
    """A sound card."""

    model: str = at("@model")


class Hostdev(Element, tag="hostdev"):
    """A PCI device of the host, given to the guest; the address parts are hexadecimal (`0x00`)."""

    mode: str = at("@mode", default="subsystem")
    type: str = at("@type", default="pci")
    managed: bool = at("@managed", default=True)
    domain: str = at("source/address/@domain", default="0x0000")
    bus: str = at("source/address/@bus")
    slot: str = at("source/address/@slot")
    function: str = at("source/address/@function")
