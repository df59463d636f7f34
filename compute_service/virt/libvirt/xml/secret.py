"""Secrets that libvirt keeps. Source: libvirt documentation, "Secret XML format"."""

from __future__ import annotations

from compute_service.virt.libvirt.xml.element import Element, at


class Secret(Element, tag="secret"):
    """A secret's description; its value is set apart and never written into a document.

    `usage` is vtpm or ceph with `usage_name`, or volume with `usage_volume`.
    """

    ephemeral: bool = at("@ephemeral", default=False)
    private: bool = at("@private", default=True)
    uuid: str | None = at("uuid", default=None)
    description: str | None = at("description", default=None)
    usage: str = at("usage/@type")
    usage_name: str | None = at("usage/name", default=None)
    usage_volume: str | None = at("usage/volume", default=None)
