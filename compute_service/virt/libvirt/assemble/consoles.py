"""What people see of a guest: serial consoles, screens, video card, pointer."""

from __future__ import annotations

from compute_service.config.settings import Settings
from compute_service.domain.errors import BuildAborted, HostRejected
from compute_service.virt.libvirt.assemble.machine import ARM, QEMU
from compute_service.virt.libvirt.assemble.place import Host, Place
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.xml.devices import Channel, Console, Graphics, Input, Serial, Video

AGENT = "org.qemu.guest_agent.0"
SPICE_AGENT = "com.redhat.spice.0"
VIDEO = {"kvm": ("virtio", "vga", "cirrus"), "qemu": ("virtio", "vga", "cirrus"), "xen": ("vga", "cirrus")}
"""Video cards where nobody chose one, the best first."""
MODELS = {
    "kvm": frozenset({"bochs", "cirrus", "gop", "none", "qxl", "vga", "virtio", "vmvga"}),
    "qemu": frozenset({"bochs", "cirrus", "gop", "none", "qxl", "vga", "virtio", "vmvga"}),
    "xen": frozenset({"cirrus", "none", "vga", "xen"}),
}
MOST_PORTS = 4
"""Serial ports that a PC has."""


def serial_count(wishes: Wishes) -> int:
    """Return how many serial consoles the guest has."""
    return max(1, wishes.number("serial_ports") or 1)


def assemble_serials(wishes: Wishes, host: Host, place: Place, settings: Settings) -> tuple[Serial, ...]:
    """Return the serial ports; what the first one says is kept in the console log by virtlogd."""
    if host.virt_type == "lxc":
        return ()
    if not settings.serial_console.enabled:
        return (Serial(type="pty", log_file=place.console_log, log_append=_append(place)),)
    count = serial_count(wishes)
    if count > MOST_PORTS:
        raise BuildAborted(f"A guest can have {MOST_PORTS} serial consoles, not {count}.")
    if len(place.serial_ports) < count:
        raise HostRejected("This host has no port left for the guest's serial consoles.")
    return tuple(
        Serial(
            type="tcp",
            source_mode="bind",
            source_host=settings.serial_console.proxyclient_address,
            source_service=place.serial_ports[n],
            protocol="raw",
            log_file=place.console_log if n == 0 else None,
            log_append=_append(place) if n == 0 else None,
            target_port=n,
        )
        for n in range(count)
    )


def _append(place: Place) -> str | None:
    return "on" if place.console_log else None


def assemble_consoles(host: Host) -> tuple[Console, ...]:
    """Return a container's console; machines have theirs on the first serial port."""
    return (Console(type="pty", target_type="lxc"),) if host.virt_type == "lxc" else ()


def assemble_graphics(host: Host, settings: Settings) -> tuple[Graphics, ...]:
    """Return the screens that are offered."""
    if host.virt_type == "lxc":
        return ()
    screens = []
    if settings.vnc.enabled:
        listen = settings.vnc.server_listen
        screens.append(
            Graphics(type="vnc", port=-1, autoport=True, listen_type="address", listen_address=listen)
        )
    if settings.spice.enabled and host.virt_type in QEMU:
        screens.append(_spice(settings))
    return tuple(screens)


def _spice(settings: Settings) -> Graphics:
    spice = settings.spice
    playback = spice.playback_compression
    return Graphics(
        type="spice",
        autoport=True,
        default_mode="secure" if spice.require_secure else None,
        listen_type="address",
        listen_address=spice.server_listen,
        image_compression=spice.image_compression,
        jpeg_compression=spice.jpeg_compression,
        zlib_compression=spice.zlib_compression,
        playback_compression=None if playback is None else "on" if playback else "off",
        streaming_mode=spice.streaming_mode,
    )


def assemble_video(wishes: Wishes, host: Host, settings: Settings) -> Video | None:
    """Return the video card; without a screen there is none unless the image asks. Raises BuildAborted."""
    if host.virt_type == "lxc":
        return None
    asked = wishes.text("video_model")
    if asked is None and not assemble_graphics(host, settings):
        return None
    if asked is not None and asked not in MODELS.get(host.virt_type, ()):
        raise BuildAborted(f"Guests of type {host.virt_type} have no video card {asked}.")
    if asked is not None and not host.domains.offers("video", "modelType", asked):
        raise HostRejected(f"This host has no video card {asked}.")
    model = asked or _default_video(host, settings)
    ram = wishes.number("video_ram")
    if ram is not None and asked is None:
        raise BuildAborted("The image property hw_video_ram needs hw_video_model.")
    return Video(model=model, vram=ram * 1024 if ram is not None and model != "none" else None)


def _default_video(host: Host, settings: Settings) -> str:
    best: tuple[str, ...] = VIDEO[host.virt_type]
    if settings.spice.enabled and host.virt_type in QEMU:
        best = ("qxl", *best)
    return next((model for model in best if host.domains.offers("video", "modelType", model)), best[-1])


def assemble_inputs(wishes: Wishes, host: Host, settings: Settings) -> tuple[Input, ...]:
    """Return pointer and keyboard beyond what the machine has of its own."""
    if host.virt_type not in QEMU or not assemble_graphics(host, settings):
        return ()
    pointer = wishes.text("pointer") or settings.default.pointer_model
    bus = wishes.text("input_bus") or "usb"
    inputs = [Input(type="tablet", bus=bus)] if pointer == "usbtablet" else []
    if wishes.text("input_bus") or host.domains.arch in ARM:
        inputs.append(Input(type="keyboard", bus=bus))
    return tuple(inputs)


def assemble_channels(wishes: Wishes, host: Host, settings: Settings) -> tuple[Channel, ...]:
    """Return the channels of agents in the guest."""
    if host.virt_type not in QEMU:
        return ()
    channels = []
    if wishes.truth("guest_agent"):
        channels.append(Channel(type="unix", target_name=AGENT))
    if settings.spice.enabled and settings.spice.agent_enabled:
        channels.append(Channel(type="spicevmc", target_name=SPICE_AGENT))
    return tuple(channels)
