"""Disks, and the trees of containers.

Source: libvirt documentation, "Domain XML format", hard drives and filesystems.
"""

from __future__ import annotations

from compute_service.virt.libvirt.xml.element import Element, at, child, children, present


class SourceHost(Element, tag="host"):
    """A server of a network disk."""

    name: str = at("@name")
    port: int | None = at("@port", default=None)


class DiskAuth(Element, tag="auth"):
    """Who reads a network disk, and the secret that proves it."""

    username: str = at("@username")
    secret_type: str = at("secret/@type")
    secret_uuid: str = at("secret/@uuid")


class IoTune(Element, tag="iotune"):
    """Limits of a disk, in bytes or requests a second; bursts last the given seconds."""

    total_bytes_sec: int | None = at("total_bytes_sec", default=None)
    read_bytes_sec: int | None = at("read_bytes_sec", default=None)
    write_bytes_sec: int | None = at("write_bytes_sec", default=None)
    total_iops_sec: int | None = at("total_iops_sec", default=None)
    read_iops_sec: int | None = at("read_iops_sec", default=None)
    write_iops_sec: int | None = at("write_iops_sec", default=None)
    total_bytes_sec_max: int | None = at("total_bytes_sec_max", default=None)
    read_bytes_sec_max: int | None = at("read_bytes_sec_max", default=None)
    write_bytes_sec_max: int | None = at("write_bytes_sec_max", default=None)
    total_iops_sec_max: int | None = at("total_iops_sec_max", default=None)
    read_iops_sec_max: int | None = at("read_iops_sec_max", default=None)
    write_iops_sec_max: int | None = at("write_iops_sec_max", default=None)
    total_bytes_sec_max_length: int | None = at("total_bytes_sec_max_length", default=None)
    read_bytes_sec_max_length: int | None = at("read_bytes_sec_max_length", default=None)
    write_bytes_sec_max_length: int | None = at("write_bytes_sec_max_length", default=None)
    total_iops_sec_max_length: int | None = at("total_iops_sec_max_length", default=None)
    read_iops_sec_max_length: int | None = at("read_iops_sec_max_length", default=None)
    write_iops_sec_max_length: int | None = at("write_iops_sec_max_length", default=None)


class Disk(Element, tag="disk"):
    """A disk; `type` says which of the sources it has: file, block or network."""

    type: str = at("@type")
    device: str = at("@device", default="disk")
    driver: str | None = at("driver/@name", default=None)
    format: str | None = at("driver/@type", default=None)
    cache: str | None = at("driver/@cache", default=None)
    io: str | None = at("driver/@io", default=None)
    discard: str | None = at("driver/@discard", default=None)
    file: str | None = at("source/@file", default=None)
    dev: str | None = at("source/@dev", default=None)
    protocol: str | None = at("source/@protocol", default=None)
    name: str | None = at("source/@name", default=None)
    hosts: tuple[SourceHost, ...] = children("source", default=())
    auth: DiskAuth | None = child(default=None)
    target: str = at("target/@dev")
    bus: str | None = at("target/@bus", default=None)
    iotune: IoTune | None = child(default=None)
    serial: str | None = at("serial", default=None)
    boot_order: int | None = at("boot/@order", default=None)
    readonly: bool = present("readonly", default=False)


class Filesystem(Element, tag="filesystem"):
    """A directory of the host that a container sees."""

    type: str = at("@type", default="mount")
    source: str = at("source/@dir")
    target: str = at("target/@dir")
