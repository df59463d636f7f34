"""What a call needs, and the calls of what other services keep: images, networks, addresses, and of hosts."""

from __future__ import annotations

from typing import Any, NamedTuple

LATEST = "2.104"
_C = "os_compute_api:"
_ACT = "/servers/{server_id}/action"
_NONE = "8c19174f-4220-44f0-824a-cd1eeef10288"
_IMAGE, _META = f"/images/{_NONE}", f"/images/{_NONE}/metadata"
_GROUPS = "/os-security-groups"
_GROUP = f"{_GROUPS}/{_NONE}"
_NEW_GROUP = {"security_group": {"name": "perm", "description": "d"}}
_RULE = {"parent_group_id": _NONE, "ip_protocol": "tcp", "from_port": 1, "to_port": 2}
_ADDRESSES = "/os-floating-ips"
_HOST = "/os-hosts/{host}"
_AUDIT = "/os-instance_usage_audit_log"
_IMAGES_REFUSED = "You are not authorized to complete get_images action."
"""The image service's own words: it asks its own permissions."""


class Row(NamedTuple):
    """One call. `status` is what those get whom the permission lets through."""

    rule: str | None
    least: str
    method: str
    path: str
    status: int
    body: Any = None
    version: str = LATEST
    query: str = ""
    fresh: bool = False
    """The call uses a server up: each who may gets one of their own."""
    first: str | None = None
    """A permission that is asked before."""
    says: str | None = None
    """How a refusal begins that is not told in the words of a permission."""


ELSEWHERE = (
    Row(None, "reader", "GET", "/images", 200, version="2.35", says=_IMAGES_REFUSED),
    Row(None, "reader", "GET", "/images/detail", 200, version="2.35", says=_IMAGES_REFUSED),
    Row(None, "any", "GET", _IMAGE, 404, version="2.35"),
    Row(None, "any", "DELETE", _IMAGE, 404, version="2.35"),
    Row(None, "any", "GET", _META, 404, version="2.38"),
    Row(None, "any", "POST", _META, 404, {"metadata": {"a": "b"}}, version="2.38"),
    Row(None, "any", "PUT", _META, 404, {"metadata": {"a": "b"}}, version="2.38"),
    Row(None, "any", "GET", f"{_META}/a", 404, version="2.38"),
    Row(None, "any", "PUT", f"{_META}/a", 404, {"meta": {"a": "b"}}, version="2.38"),
    Row(None, "any", "DELETE", f"{_META}/a", 404, version="2.38"),
    Row(f"{_C}os-security-groups:get", "reader", "GET", _GROUPS, 200, version="2.35"),
    Row(f"{_C}os-security-groups:create", "member", "POST", _GROUPS, 200, _NEW_GROUP, version="2.35"),
    Row(f"{_C}os-security-groups:show", "reader", "GET", _GROUP, 404, version="2.35"),
    Row(f"{_C}os-security-groups:update", "member", "PUT", _GROUP, 404, _NEW_GROUP, version="2.35"),
    Row(f"{_C}os-security-groups:delete", "member", "DELETE", _GROUP, 404, version="2.35"),
    Row(f"{_C}os-security-groups:rule:create", "member", "POST", "/os-security-group-rules", 404,
        {"security_group_rule": _RULE}, version="2.35"),
    Row(f"{_C}os-security-groups:rule:delete", "member", "DELETE", f"/os-security-group-rules/{_NONE}", 404,
        version="2.35"),
    Row(f"{_C}os-security-groups:list", "reader", "GET", "/servers/{server_id}/os-security-groups", 200),
    Row(f"{_C}os-security-groups:add", "member", "POST", _ACT, 404, {"addSecurityGroup": {"name": "none"}}),
    Row(f"{_C}os-security-groups:remove", "member", "POST", _ACT, 404,
        {"removeSecurityGroup": {"name": "none"}}),
    Row(f"{_C}os-networks:list", "reader", "GET", "/os-networks", 200, version="2.35"),
    Row(f"{_C}os-networks:show", "reader", "GET", f"/os-networks/{_NONE}", 404, version="2.35"),
    Row(f"{_C}os-tenant-networks:list", "reader", "GET", "/os-tenant-networks", 200, version="2.35"),
    Row(f"{_C}os-tenant-networks:show", "reader", "GET", f"/os-tenant-networks/{_NONE}", 404, version="2.35"),
    Row(f"{_C}os-floating-ip-pools", "any", "GET", "/os-floating-ip-pools", 200, version="2.35"),
    Row(f"{_C}os-floating-ips:list", "reader", "GET", _ADDRESSES, 200, version="2.35"),
    Row(f"{_C}os-floating-ips:create", "member", "POST", _ADDRESSES, 404, {"pool": "none"}, version="2.35"),
    Row(f"{_C}os-floating-ips:show", "reader", "GET", f"{_ADDRESSES}/{_NONE}", 404, version="2.35"),
    Row(f"{_C}os-floating-ips:delete", "member", "DELETE", f"{_ADDRESSES}/{_NONE}", 404, version="2.35"),
    Row(f"{_C}os-floating-ips:add", "member", "POST", _ACT, 404,
        {"addFloatingIp": {"address": "203.0.113.250"}}, version="2.43"),
    Row(f"{_C}os-floating-ips:remove", "member", "POST", _ACT, 404,
        {"removeFloatingIp": {"address": "203.0.113.250"}}, version="2.43"),
    Row(f"{_C}os-hosts:list", "admin", "GET", "/os-hosts", 200, version="2.42"),
    Row(f"{_C}os-hosts:show", "admin", "GET", _HOST, 200, version="2.42"),
    Row(f"{_C}os-hosts:update", "admin", "PUT", _HOST, 501, {"status": "enable"}, version="2.42"),
    Row(f"{_C}os-hosts:start", "admin", "GET", f"{_HOST}/startup", 501, version="2.42"),
    Row(f"{_C}os-hosts:shutdown", "admin", "GET", f"{_HOST}/shutdown", 501, version="2.42"),
    Row(f"{_C}os-hosts:reboot", "admin", "GET", f"{_HOST}/reboot", 501, version="2.42"),
    Row(f"{_C}os-instance-usage-audit-log:list", "admin", "GET", _AUDIT, 200),
    Row(f"{_C}os-instance-usage-audit-log:show", "admin", "GET", f"{_AUDIT}/2012-07-05%2010:00:00", 200),
)  # fmt: skip
"""Calls of routes that ask other services, and of hosts."""
