"""Routes of former releases: every request to them is answered 410, at any version.

Source: Compute API reference, "Obsolete APIs".
"""

from __future__ import annotations

from compute_service.api.table import Route, gone

GONE: tuple[Route, ...] = (
    *gone("/os-agents", "GET", "POST"),
    *gone("/os-agents/{id}", "PUT", "DELETE"),
    *gone("/os-cells", "GET", "POST"),
    *gone("/os-cells/capacities", "GET"),
    *gone("/os-cells/detail", "GET"),
    *gone("/os-cells/info", "GET"),
    *gone("/os-cells/sync_instances", "POST"),
    *gone("/os-cells/{id}", "GET", "PUT", "DELETE"),
    *gone("/os-cells/{id}/capacities", "GET"),
    *gone("/os-certificates", "POST"),
    *gone("/os-certificates/{id}", "GET"),
    *gone("/os-cloudpipe", "GET", "POST"),
    *gone("/os-cloudpipe/{id}", "PUT"),
    *gone("/os-fixed-ips/{id}", "GET", actions=("reserve", "unreserve")),
    *gone("/os-floating-ip-dns", "GET"),
    *gone("/os-floating-ip-dns/{id}", "PUT", "DELETE"),
    *gone("/os-floating-ip-dns/{domain_id}/entries/{id}", "GET", "PUT", "DELETE"),
    *gone("/os-floating-ips-bulk", "GET", "POST"),
    *gone("/os-floating-ips-bulk/{id}", "GET", "PUT"),
    *gone("/os-fping", "GET"),
    *gone("/os-fping/{id}", "GET"),
    *gone("/os-networks", "POST"),
    *gone("/os-networks/add", "POST"),
    *gone(
        "/os-networks/{network_id}",
        "DELETE",
        actions=("disassociate", "disassociate_host", "disassociate_project", "associate_host"),
    ),
    *gone("/os-security-group-default-rules", "GET", "POST"),
    *gone("/os-security-group-default-rules/{id}", "GET", "DELETE"),
    *gone("/os-tenant-networks", "POST"),
    *gone("/os-tenant-networks/{network_id}", "DELETE"),
    *gone("/servers/{server_id}", actions=("resetNetwork", "os-getRDPConsole")),
    *gone("/servers/{server_id}/consoles", "GET", "POST"),
    *gone("/servers/{server_id}/consoles/{id}", "GET", "DELETE"),
    *gone("/servers/{server_id}/os-virtual-interfaces", "GET"),
)
"""The rows that answer 410."""
