"""Hosts by their address."""

from __future__ import annotations

import ipaddress

from compute_service.scheduler.ask import Ask, HostView, Test


def simple_cidr_affinity(ask: Ask) -> Test | None:
    """Pass hosts whose address is in the network of the hints `build_near_host_ip` and `cidr` (/24)."""
    near = ask.request.hints.get("build_near_host_ip")
    if not near:
        return None
    mask = str(ask.request.hints.get("cidr") or "/24")
    try:
        network = ipaddress.ip_network(f"{near}{mask}", strict=False)
    except ValueError:
        return lambda view: f"the hints build_near_host_ip and cidr, {near}{mask}, name no network"

    def test(view: HostView) -> str | None:
        address = view.host.record.host_ip
        if address is not None and ipaddress.ip_address(address) in network:
            return None
        return f"is not in {network}"

    return test
