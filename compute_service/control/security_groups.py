"""Security groups as the network service has them, asked for as the user, and those of servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compute_service.clients.http import part
from compute_service.control.find import change_row
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Invalid, NotFound
from compute_service.domain.instance import Instance
from compute_service.store.database import Tx
from compute_service.store.instances import instance_update
from compute_service.store.servers import Located

Row = dict[str, Any]
"""A group or a rule as the network service shows it."""
_GROUPS, _RULES, _PORTS = "/v2.0/security-groups", "/v2.0/security-group-rules", "/v2.0/ports"
_IDS_A_CALL = 50


def list_groups(ctx: Context, svc: Services, every: bool) -> list[Row]:
    """Return the groups of the user's project, or all that the user sees."""
    query = [] if every else [("project_id", ctx.project_id)]
    return _listed(ctx, svc, _GROUPS, query)


def get_group(ctx: Context, svc: Services, group_id: str) -> Row:
    """Return one group. Raises NotFound."""
    return _one(svc.network_api.ask(ctx, "GET", f"{_GROUPS}/{part(group_id)}"))


def create_group(ctx: Context, svc: Services, name: str, description: str) -> Row:
    """Create a group in the user's project. Raises Invalid, OverQuota."""
    body = {"security_group": {"name": name, "description": description}}
    return _asked(ctx, svc, "POST", _GROUPS, body)


def update_group(ctx: Context, svc: Services, group_id: str, name: str, description: str) -> Row:
    """Change a group's name and description. Raises NotFound, Invalid."""
    body = {"security_group": {"name": name, "description": description}}
    return _asked(ctx, svc, "PUT", f"{_GROUPS}/{part(group_id)}", body)


def delete_group(ctx: Context, svc: Services, group_id: str) -> None:
    """Delete a group. Raises NotFound, Invalid (it is in use, or the project's default one)."""
    _asked(ctx, svc, "DELETE", f"{_GROUPS}/{part(group_id)}")


def create_rule(ctx: Context, svc: Services, rule: Row) -> Row:
    """Add a rule to a group. Raises NotFound, Invalid (also for one that is there already), OverQuota."""
    return _asked(ctx, svc, "POST", _RULES, {"security_group_rule": rule})


def delete_rule(ctx: Context, svc: Services, rule_id: str) -> None:
    """Remove a rule. Raises NotFound."""
    _asked(ctx, svc, "DELETE", f"{_RULES}/{part(rule_id)}")


def sources_of(ctx: Context, svc: Services, rules: Sequence[Row]) -> dict[str, Row]:
    """Return the groups that rules let in, by identifier; one that the user does not see is left out."""
    wanted = sorted({rule["remote_group_id"] for rule in rules if rule.get("remote_group_id")})
    return {group["id"]: group for group in _by_ids(ctx, svc, wanted)}


def groups_of_server(ctx: Context, svc: Services, server: Located) -> list[Row]:
    """Return the groups that a server's ports are in."""
    ports = _ports(ctx, svc, server)
    return _by_ids(ctx, svc, sorted({group for port in ports for group in port["security_groups"]}))


def add_group(ctx: Context, svc: Services, server: Located, name: str) -> None:
    """Put all ports of a server into a group, named or given by its identifier.

    Raises NotFound, Conflict (several have the name), Invalid (a port's security is off).
    """
    group = _find(ctx, svc, name)
    for port in _ports(ctx, svc, server):
        if not port.get("port_security_enabled", True):
            raise Invalid(f"Security group {name} cannot be applied: port {port['id']} has no security.")
        if group["id"] not in port["security_groups"]:
            _set_groups(ctx, svc, port, [*port["security_groups"], group["id"]])
    _note_groups(ctx, svc, server, {group["name"]}, frozenset())


def remove_group(ctx: Context, svc: Services, server: Located, name: str) -> None:
    """Take all ports of a server out of a group. Raises NotFound, Conflict."""
    group = _find(ctx, svc, name)
    ports = [port for port in _ports(ctx, svc, server) if group["id"] in port["security_groups"]]
    if not ports:
        raise NotFound(
            f"Security group {group['id']} not associated with the instance {server.instance.uuid}"
        )
    for port in ports:
        _set_groups(ctx, svc, port, [one for one in port["security_groups"] if one != group["id"]])
    _note_groups(ctx, svc, server, frozenset(), {group["name"]})


def _find(ctx: Context, svc: Services, name: str) -> Row:
    groups = list_groups(ctx, svc, every=False)
    found = [g for g in groups if g["id"] == name] or [g for g in groups if g["name"] == name]
    if not found:
        raise NotFound(f"Security group {name} not found for project {ctx.project_id}.")
    if len(found) > 1:
        raise Conflict(f"Several security groups are named {name}; name one by its ID.")
    return found[0]


def _set_groups(ctx: Context, svc: Services, port: Row, groups: list[str]) -> None:
    svc.network_api.ask(ctx, "PUT", f"{_PORTS}/{port['id']}", body={"port": {"security_groups": groups}})


def _note_groups(
    ctx: Context,
    svc: Services,
    server: Located,
    more: set[str] | frozenset[str],
    less: set[str] | frozenset[str],
) -> None:
    """Keep the names that the server shows."""

    def change(tx: Tx, now: Instance) -> Instance:
        kept = [name for name in now.security_groups if name not in less]
        names = tuple(dict.fromkeys([*kept, *sorted(more)]))
        return now if names == now.security_groups else instance_update(tx, now, security_groups=names)

    change_row(ctx, svc, server, change)


def _ports(ctx: Context, svc: Services, server: Located) -> list[Row]:
    return _listed(ctx, svc, _PORTS, [("device_id", server.instance.uuid)])


def _by_ids(ctx: Context, svc: Services, wanted: Sequence[str]) -> list[Row]:
    found: list[Row] = []
    for begin in range(0, len(wanted), _IDS_A_CALL):
        query = [("id", one) for one in wanted[begin : begin + _IDS_A_CALL]]
        found += _listed(ctx, svc, _GROUPS, query)
    return found


def _listed(ctx: Context, svc: Services, path: str, query: Sequence[tuple[str, str]]) -> list[Row]:
    (rows,) = svc.network_api.ask(ctx, "GET", path, query=query).values()
    return list(rows)


def _asked(ctx: Context, svc: Services, method: str, path: str, body: object = None) -> Row:
    """Change something; what conflicts there is a bad request here."""
    try:
        return _one(svc.network_api.ask(ctx, method, path, body=body))
    except Conflict as error:
        raise Invalid(error.message) from error


def _one(answer: Any) -> Row:
    found: Row = next(iter(answer.values())) if answer else {}
    return found
