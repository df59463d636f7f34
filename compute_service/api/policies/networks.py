"""Permissions of networks and floating addresses."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:os-"
_ADDRESSES, _ADDRESS = "/os-floating-ips", "/os-floating-ips/{id}"
_ACTION = "POST /servers/{server_id}/action"

LIST = Rule(f"{_P}networks:list", Grant.READER, "List networks.", ("GET /os-networks",))
SHOW = Rule(f"{_P}networks:show", Grant.READER, "Show a network.", ("GET /os-networks/{network_id}",))
LIST_LABELS = Rule(
    f"{_P}tenant-networks:list", Grant.READER, "List networks by name.", ("GET /os-tenant-networks",)
)
SHOW_LABEL = Rule(
    f"{_P}tenant-networks:show",
    Grant.READER,
    "Show a network's name.",
    ("GET /os-tenant-networks/{network_id}",),
)
POOLS = Rule(
    f"{_P}floating-ip-pools", Grant.ANY, "List pools of floating addresses.", ("GET /os-floating-ip-pools",)
)
ADDRESSES = Rule(f"{_P}floating-ips:list", Grant.READER, "List floating addresses.", (f"GET {_ADDRESSES}",))
ADDRESS = Rule(f"{_P}floating-ips:show", Grant.READER, "Show a floating address.", (f"GET {_ADDRESS}",))
TAKE = Rule(f"{_P}floating-ips:create", Grant.MEMBER, "Take a floating address.", (f"POST {_ADDRESSES}",))
GIVE_BACK = Rule(
    f"{_P}floating-ips:delete", Grant.MEMBER, "Give a floating address back.", (f"DELETE {_ADDRESS}",)
)
ADD = Rule(
    f"{_P}floating-ips:add",
    Grant.MEMBER,
    "Lead a floating address to a server.",
    (f"{_ACTION} (addFloatingIp)",),
)
REMOVE = Rule(
    f"{_P}floating-ips:remove",
    Grant.MEMBER,
    "Lead a floating address away from a server.",
    (f"{_ACTION} (removeFloatingIp)",),
)

RULES = rules_in(globals())
