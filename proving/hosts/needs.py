"""What hosts have installed from the start."""

from __future__ import annotations

import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCE = "/opt/stratus"
"""Where hosts see the checkout."""
COMPUTE_PACKAGES = (
    *("libvirt-daemon-system", "libvirt-clients", "qemu-system-x86", "qemu-utils", "python3-libvirt"),
    *("qemu-system-modules-spice", "genisoimage", "dosfstools", "mtools", "dnsmasq-base"),
)


def requirements() -> tuple[str, ...]:
    """Return the Python packages that nova-compute with libvirt needs; libvirt's own is Debian's."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    more = (
        one for one in project["optional-dependencies"]["libvirt"] if not one.startswith("libvirt-python")
    )
    return (*project["dependencies"], *more)
