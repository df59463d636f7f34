"""What requests about security groups hold. Source: Compute API reference, "Security groups", "Security group
rules"."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from compute_service.api.fields import Text
from compute_service.api.forms import read_uuid
from compute_service.api.query import Limit, Query
from compute_service.api.shape import Body, given
from compute_service.api.versions import minor
from compute_service.domain.errors import Invalid

_TEXT = Text(0, 255)
_PROTOCOLS = ("tcp", "udp", "icmp")


class GroupName(Body):
    """The group of addSecurityGroup and removeSecurityGroup."""

    name: Annotated[str, Text(1, 255)]


class GroupNew(Body):
    """A group of a POST or PUT."""

    name: Annotated[str, Text(1, 255)]
    description: Annotated[str | UnsetType | None, _TEXT] = UNSET


class GroupOrder(Body):
    """POST /os-security-groups and PUT /os-security-groups/{id}."""

    security_group: GroupNew


class RuleNew(Body):
    """A rule of a POST."""

    parent_group_id: str | UnsetType | None = UNSET
    ip_protocol: str | UnsetType | None = UNSET
    from_port: int | str | UnsetType | None = UNSET
    to_port: int | str | UnsetType | None = UNSET
    cidr: str | UnsetType | None = UNSET
    group_id: str | UnsetType | None = UNSET


class RuleOrder(Body):
    """POST /os-security-group-rules."""

    security_group_rule: RuleNew


class GroupsQuery(Query):
    """GET /os-security-groups."""

    STRICT = minor("2.75")

    limit: Limit = UNSET
    offset: Limit = UNSET
    all_tenants: str | UnsetType = UNSET


def rule_of(new: RuleNew) -> dict[str, Any]:
    """Return a rule as the network service wants it. Raises Invalid."""
    protocol = (given(new.ip_protocol, None) or "").lower() or None
    if protocol is not None and protocol not in _PROTOCOLS:
        raise Invalid(f"Invalid IP protocol {new.ip_protocol}.")
    low, high = _port(new.from_port), _port(new.to_port)
    if protocol is not None:
        _check_ports(protocol, low, high)
    source = given(new.group_id, None)
    prefix = None if source else _prefix(given(new.cidr, None) or "0.0.0.0/0")
    rule: dict[str, Any] = {
        "security_group_id": _uuid(given(new.parent_group_id, None)),
        "direction": "ingress",
        "ethertype": "IPv6" if prefix and ":" in prefix else "IPv4",
        "protocol": protocol,
    }
    if protocol is not None and low != -1:
        rule |= {"port_range_min": low, "port_range_max": None if high == -1 else high}
    return rule | ({"remote_group_id": _uuid(source)} if source else {"remote_ip_prefix": prefix})


def _port(value: int | str | UnsetType | None) -> int | None:
    try:
        return None if value is None or isinstance(value, UnsetType) else int(value)
    except ValueError:
        raise Invalid(f"Invalid port {value}.") from None


def _check_ports(protocol: str, low: int | None, high: int | None) -> None:
    bad = Invalid(f"Invalid port range {low}:{high}. Valid {protocol} ports should be a range of numbers.")
    if low is None or high is None:
        raise bad
    if protocol == "icmp":
        if not (-1 <= low <= 255 and -1 <= high <= 255):
            raise bad
    elif not 1 <= low <= high <= 65535:
        raise bad


def _prefix(cidr: str) -> str:
    try:
        return str(ip_interface(cidr))
    except ValueError:
        raise Invalid(f"Invalid cidr {cidr}.") from None


def _uuid(value: str | None) -> str:
    try:
        return read_uuid(value or "")
    except ValueError:
        raise Invalid("Security group id should be uuid") from None
