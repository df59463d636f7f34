"""A cloud with real guests: a site of this machine, and lab hosts with libvirt, QEMU and nova-compute.

    with guest_site(folder, GuestPlan(computes=2)) as cloud:
        cloud.site.compute_url, cloud.computes["c1"]

Control plane and network service are the machine's, on 127.0.0.1; each host reaches them on its own
127.0.0.1, through ssh. Guests are on one segment that all hosts share; the host `net` gives them addresses
and metadata.
"""

from __future__ import annotations

from proving.hosts.cloud import GuestCloud, GuestPlan, guest_site

__all__ = ["GuestCloud", "GuestPlan", "guest_site"]
