"""What security groups look like in an answer. Source: Compute API reference, "Security groups"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compute_service.api.shape import View

_ANY = {"IPv4": "0.0.0.0/0", "IPv6": "::/0"}
_ALL_PORTS = {"tcp": (1, 65535), "udp": (1, 65535)}


class RuleView(View):
    """A rule: what may come in."""

    id: str
    parent_group_id: str
    ip_protocol: str | None
    from_port: int | None
    to_port: int | None
    group: dict[str, str]
    """Name and project of the group whose servers are let in; empty where addresses are."""
    ip_range: dict[str, str]


class GroupView(View):
    """A group."""

    id: str
    name: str
    tenant_id: str
    description: str
    rules: list[RuleView]


class GroupList(View):
    """GET /os-security-groups and /servers/{server_id}/os-security-groups."""

    security_groups: list[GroupView]


class GroupShown(View):
    """One group."""

    security_group: GroupView


class RuleShown(View):
    """POST /os-security-group-rules."""

    security_group_rule: RuleView


def whole(group: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]) -> GroupView:
    """Return a group; `sources` are groups that rules may name. Rules of one that is gone are left out."""
    coming = [rule for rule in group["security_group_rules"] if rule["direction"] == "ingress"]
    shown = [rule for rule in coming if not rule.get("remote_group_id") or rule["remote_group_id"] in sources]
    return GroupView(
        id=group["id"],
        name=group["name"],
        tenant_id=group["project_id"],
        description=group.get("description") or "",
        rules=[of_rule(rule, sources) for rule in shown],
    )


def of_rule(rule: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]) -> RuleView:
    """Return a rule."""
    protocol, source = rule.get("protocol"), sources.get(rule.get("remote_group_id") or "")
    none = _ALL_PORTS.get(protocol or "", (-1, -1) if protocol else (None, None))
    low, high = rule.get("port_range_min"), rule.get("port_range_max")
    cidr = rule.get("remote_ip_prefix") or _ANY[rule["ethertype"]]
    return RuleView(
        id=rule["id"],
        parent_group_id=rule["security_group_id"],
        ip_protocol=protocol,
        from_port=none[0] if low is None else low,
        to_port=none[1] if high is None else high,
        group={"name": source["name"], "tenant_id": source["project_id"]} if source else {},
        ip_range={} if source else {"cidr": cidr},
    )
