"""The collections of the networking twin: list, show, create, update and delete of each kind of row."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.fake.network_tables import Tables
from compute_service.clients.neutron_api import BULK_TAGS, SEVERAL_BINDINGS, visible
from compute_service.clients.neutron_rows import (
    BindingRow,
    FloatingIpRow,
    NetworkRow,
    PortRow,
    RouterRow,
    Row,
    SecurityGroupRow,
    SecurityGroupRuleRow,
    SubnetRow,
)
from compute_service.clients.twin.network_bodies import body_of, changes_of, new_row, selected
from compute_service.clients.twin.router import Answer, Request, Route
from compute_service.domain.context import Context
from compute_service.domain.errors import Forbidden, Invalid, NotFound

R = TypeVar("R", bound=Row)


class Collection(Generic[R]):
    """One kind of row under /v2.0. Subclasses say how rows are made, changed and removed."""

    noun: str
    plural: str
    kind: type[R]

    def __init__(self, network: FakeNetwork, table: dict[str, R]) -> None:
        self.network = network
        self.tables: Tables = network.tables
        self.table = table

    @property
    def path(self) -> str:
        """Where the collection is."""
        return f"/v2.0/{self.plural.replace('_', '-')}"

    def routes(self) -> list[Route]:
        """Return the table of routes."""
        one = f"{self.path}/{{row_id}}"
        return [
            Route("GET", self.path, self.index),
            Route("POST", self.path, self.create),
            Route("GET", one, self.show),
            Route("PUT", one, self.update),
            Route("DELETE", one, self.delete),
            Route("GET", f"{one}/tags", self.tags),
            Route("PUT", f"{one}/tags", self.set_tags),
            Route("DELETE", f"{one}/tags", self.clear_tags),
            Route("PUT", f"{one}/tags/{{tag}}", self.add_tag),
            Route("DELETE", f"{one}/tags/{{tag}}", self.remove_tag),
        ]

    def index(self, request: Request) -> Answer:
        """GET the rows that the user sees."""
        ctx = request.ctx
        with self.tables.lock:
            bodies = [self.body(row, ctx) for row in self.table.values() if self.sees(row, ctx)]
        return Answer({self.plural: selected(bodies, request)})

    def show(self, request: Request, row_id: str) -> Answer:
        """GET one row."""
        return Answer({self.noun: self.body(self.seen(row_id, request.ctx), request.ctx)})

    def create(self, request: Request) -> Answer:
        """POST one row, or several as a list under the plural."""
        ctx, given = request.ctx, request.json()
        if not isinstance(given, dict):
            raise Invalid("The body must be an object.")
        several = given.get(self.plural)
        entries = several if isinstance(several, list) else [given.get(self.noun)]
        wanted: list[dict[str, Any]] = [entry for entry in entries if isinstance(entry, dict)]
        if len(wanted) < len(entries):
            raise Invalid(f"The body must be an object with a '{self.noun}' in it.")
        self.check_bodies(wanted)
        made = self.make([self.check(new_row(self.kind, entry, ctx), ctx) for entry in wanted], wanted)
        bodies = [self.body(row, ctx) for row in made]
        return Answer({self.plural: bodies} if isinstance(several, list) else {self.noun: bodies[0]}, 201)

    def update(self, request: Request, row_id: str) -> Answer:
        """PUT fields of a row."""
        row = self.own(row_id, request.ctx)
        changes = changes_of(self.kind, request.member(self.noun), request.ctx)
        if changes.get("project_id", row.project_id) != row.project_id:
            raise Invalid("Cannot update read-only attribute project_id")
        return Answer({self.noun: self.body(self.change(row, changes, request), request.ctx)})

    def delete(self, request: Request, row_id: str) -> Answer:
        """DELETE a row."""
        self.remove(self.own(row_id, request.ctx).id)
        return Answer(None, 204)

    def tags(self, request: Request, row_id: str) -> Answer:
        """GET a row's tags."""
        return Answer({"tags": self.seen(row_id, request.ctx).tags})

    def set_tags(self, request: Request, row_id: str) -> Answer:
        """PUT a row's tags."""
        body = request.json()
        tags = body.get("tags") if isinstance(body, dict) else None
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise Invalid("Invalid tags body")
        return Answer({"tags": self._retag(request, row_id, tags)})

    def clear_tags(self, request: Request, row_id: str) -> Answer:
        """DELETE a row's tags."""
        self._retag(request, row_id, [])
        return Answer(None, 204)

    def add_tag(self, request: Request, row_id: str, tag: str) -> Answer:
        """PUT one tag."""
        self._retag(request, row_id, [*self.own(row_id, request.ctx).tags, tag])
        return Answer(None, 201)

    def remove_tag(self, request: Request, row_id: str, tag: str) -> Answer:
        """DELETE one tag."""
        tags = self.own(row_id, request.ctx).tags
        if tag not in tags:
            raise NotFound(f"Tag {tag} could not be found.")
        self._retag(request, row_id, [t for t in tags if t != tag])
        return Answer(None, 204)

    def body(self, row: R, ctx: Context) -> dict[str, Any]:
        """Return a row as a user sees it."""
        return body_of(row, ctx)

    def sees(self, row: R, ctx: Context) -> bool:
        """Tell whether a user sees a row."""
        return visible(row, ctx)

    def check(self, row: R, ctx: Context) -> R:
        """Refuse a new row that the user may not make there. Raises NotFound, Forbidden, Invalid."""
        return row

    def check_bodies(self, given: list[dict[str, Any]]) -> None:
        """Refuse bodies of new rows for what they say. Raises Invalid."""

    def make(self, rows: list[R], given: list[dict[str, Any]]) -> list[R]:
        """Store new rows; `given` are the bodies they came from."""
        raise NotImplementedError

    def change(self, row: R, changes: dict[str, Any], request: Request) -> R:
        """Store changed fields."""
        with self.tables.lock:
            return self.tables.update(self.table, self.table[row.id], changes)

    def remove(self, row_id: str) -> None:
        """Remove a row."""
        raise NotImplementedError

    def seen(self, row_id: str, ctx: Context) -> R:
        """Return a row that the user sees. Raises NotFound."""
        row = self.tables.get(self.table, row_id, self.noun.replace("_", " ").capitalize())
        if not self.sees(row, ctx):
            raise NotFound(f"{self.noun.replace('_', ' ').capitalize()} {row_id} could not be found.")
        return row

    def own(self, row_id: str, ctx: Context) -> R:
        """Return a row that the user may change. Raises NotFound, Forbidden."""
        row = self.seen(row_id, ctx)
        if row.project_id != ctx.project_id and not ctx.is_admin:
            raise Forbidden(f"This {self.noun} is another project's.")
        return row

    def _retag(self, request: Request, row_id: str, tags: list[str]) -> tuple[str, ...]:
        row = self.own(row_id, request.ctx)
        with self.tables.lock:
            made = self.tables.update(self.table, self.table[row.id], {"tags": tuple(dict.fromkeys(tags))})
        return made.tags


class Networks(Collection[NetworkRow]):
    """Networks."""

    noun, plural, kind = "network", "networks", NetworkRow

    def make(self, rows: list[NetworkRow], given: list[dict[str, Any]]) -> list[NetworkRow]:
        """Store new networks."""
        return [self.network.plane.create_network(row) for row in rows]

    def remove(self, row_id: str) -> None:
        """Remove a network."""
        self.network.plane.delete_network(row_id)

    def body(self, row: NetworkRow, ctx: Context) -> dict[str, Any]:
        """Return a network as a user sees it; for admins it has a provider."""
        provider = {"provider:network_type": "geneve", "provider:physical_network": None}
        return body_of(row, ctx) | (provider if ctx.is_admin else {})


class Subnets(Collection[SubnetRow]):
    """Subnets, which are seen with their network."""

    noun, plural, kind = "subnet", "subnets", SubnetRow

    def sees(self, row: SubnetRow, ctx: Context) -> bool:
        """Tell whether a user sees a subnet."""
        network = self.tables.networks.get(row.network_id)
        return visible(row, ctx) or (network is not None and visible(network, ctx))

    def check(self, row: SubnetRow, ctx: Context) -> SubnetRow:
        """Refuse a subnet on another project's network."""
        Networks(self.network, self.tables.networks).own(row.network_id, ctx)
        return row

    def make(self, rows: list[SubnetRow], given: list[dict[str, Any]]) -> list[SubnetRow]:
        """Store new subnets; a `gateway_ip` of null is none."""
        create = self.network.plane.create_subnet
        return [create(row, "gateway_ip" in body) for row, body in zip(rows, given, strict=True)]

    def remove(self, row_id: str) -> None:
        """Remove a subnet."""
        self.network.plane.delete_subnet(row_id)


class Ports(Collection[PortRow]):
    """Ports."""

    noun, plural, kind = "port", "ports", PortRow

    def routes(self) -> list[Route]:
        """Return the table of routes, with those of further bindings."""
        every = f"{self.path}/{{row_id}}/bindings"
        return [
            *super().routes(),
            Route("GET", every, self.bindings),
            Route("POST", every, self.create_binding),
            Route("DELETE", f"{every}/{{host}}", self.delete_binding),
            Route("PUT", f"{every}/{{host}}/activate", self.activate_binding),
        ]

    def bindings(self, request: Request, row_id: str) -> Answer:
        """GET a port's bindings."""
        self._check_bindings(request, row_id)
        rows = self.network.bindings.all(row_id)
        return Answer({"bindings": [msgspec.to_builtins(row) for row in rows]})

    def create_binding(self, request: Request, row_id: str) -> Answer:
        """POST one more binding of a port."""
        self._check_bindings(request, row_id)
        try:
            wanted = msgspec.convert(request.member("binding"), BindingRow)
        except msgspec.ValidationError as error:
            raise Invalid(f"Invalid input for binding. Reason: {error}.") from error
        made = self.network.bindings.create(row_id, wanted)
        return Answer({"binding": msgspec.to_builtins(made)}, 201)

    def delete_binding(self, request: Request, row_id: str, host: str) -> Answer:
        """DELETE a port's binding to a host."""
        self._check_bindings(request, row_id)
        self.network.bindings.delete(row_id, host)
        return Answer(None, 204)

    def activate_binding(self, request: Request, row_id: str, host: str) -> Answer:
        """PUT a port's binding into effect."""
        self._check_bindings(request, row_id)
        made = self.network.bindings.activate(row_id, host)
        return Answer({"binding": msgspec.to_builtins(made)})

    def _check_bindings(self, request: Request, row_id: str) -> None:
        if SEVERAL_BINDINGS not in self.network.extensions:
            raise NotFound("The resource could not be found.")
        self.own(row_id, request.ctx)
        if not request.ctx.is_admin:
            raise Forbidden("Only admins may do this.")

    def check_bodies(self, given: list[dict[str, Any]]) -> None:
        """Tags of new ports need an extension."""
        if BULK_TAGS not in self.network.extensions and any("tags" in body for body in given):
            raise Invalid("Unrecognized attribute(s) 'tags'")

    def check(self, row: PortRow, ctx: Context) -> PortRow:
        """Refuse a port on a network that the user does not see."""
        Networks(self.network, self.tables.networks).seen(row.network_id, ctx)
        return row

    def make(self, rows: list[PortRow], given: list[dict[str, Any]]) -> list[PortRow]:
        """Store new ports, all or none."""
        return self.network.plane.create_ports(rows)

    def change(self, row: PortRow, changes: dict[str, Any], request: Request) -> PortRow:
        """Store changed fields, under the condition of If-Match."""
        condition = request.header("If-Match").removeprefix("revision_number=")
        revision = int(condition) if condition.isdigit() else None
        return self.network.plane.update_port(row.id, changes, revision)

    def remove(self, row_id: str) -> None:
        """Remove a port."""
        self.network.plane.delete_port(row_id)


class SecurityGroups(Collection[SecurityGroupRow]):
    """Security groups; a project's default one is there as soon as someone looks."""

    noun, plural, kind = "security_group", "security_groups", SecurityGroupRow

    def index(self, request: Request) -> Answer:
        """GET the groups that the user sees."""
        self.network.groups.default(request.ctx.project_id)
        return super().index(request)

    def body(self, row: SecurityGroupRow, ctx: Context) -> dict[str, Any]:
        """Return a group with its rules."""
        rules = [body_of(rule, ctx) for rule in self.network.groups.rules_of(row.id)]
        return body_of(row, ctx) | {"security_group_rules": rules}

    def make(self, rows: list[SecurityGroupRow], given: list[dict[str, Any]]) -> list[SecurityGroupRow]:
        """Store new groups."""
        return [self.network.groups.create(row) for row in rows]

    def delete(self, request: Request, row_id: str) -> Answer:
        """DELETE a group, the default one too for an admin."""
        group = self.own(row_id, request.ctx)
        self.network.groups.delete(group.id, as_admin=request.ctx.is_admin)
        return Answer(None, 204)


class SecurityGroupRules(Collection[SecurityGroupRuleRow]):
    """Rules of security groups."""

    noun, plural, kind = "security_group_rule", "security_group_rules", SecurityGroupRuleRow

    def check(self, row: SecurityGroupRuleRow, ctx: Context) -> SecurityGroupRuleRow:
        """Refuse a rule in another project's group."""
        SecurityGroups(self.network, self.tables.security_groups).own(row.security_group_id, ctx)
        return row

    def make(
        self, rows: list[SecurityGroupRuleRow], given: list[dict[str, Any]]
    ) -> list[SecurityGroupRuleRow]:
        """Store new rules."""
        return [self.network.groups.add_rule(row) for row in rows]

    def remove(self, row_id: str) -> None:
        """Remove a rule."""
        self.network.groups.delete_rule(row_id)


class FloatingIps(Collection[FloatingIpRow]):
    """Floating addresses."""

    noun, plural, kind = "floatingip", "floatingips", FloatingIpRow

    def check(self, row: FloatingIpRow, ctx: Context) -> FloatingIpRow:
        """Refuse an address for another project's port."""
        if row.port_id is not None:
            Ports(self.network, self.tables.ports).own(row.port_id, ctx)
        return row

    def make(self, rows: list[FloatingIpRow], given: list[dict[str, Any]]) -> list[FloatingIpRow]:
        """Take new addresses."""
        return [self.network.floating.create(row) for row in rows]

    def change(self, row: FloatingIpRow, changes: dict[str, Any], request: Request) -> FloatingIpRow:
        """Lead an address elsewhere when `port_id` is named; store the other fields."""
        to = {name: changes.pop(name, None) for name in ("port_id", "fixed_ip_address") if name in changes}
        made = super().change(row, changes, request) if changes else row
        if "port_id" not in to:
            return made
        if to["port_id"] is not None:
            Ports(self.network, self.tables.ports).own(to["port_id"], request.ctx)
        return self.network.floating.associate(row.id, to["port_id"], to.get("fixed_ip_address"))

    def remove(self, row_id: str) -> None:
        """Give an address back."""
        self.network.floating.delete(row_id)


class Routers(Collection[RouterRow]):
    """Routers, which do nothing."""

    noun, plural, kind = "router", "routers", RouterRow

    def make(self, rows: list[RouterRow], given: list[dict[str, Any]]) -> list[RouterRow]:
        """Store new routers."""
        return [self.network.floating.create_router(row) for row in rows]

    def remove(self, row_id: str) -> None:
        """Remove a router."""
        self.network.floating.delete_router(row_id)


def collections_of(network: FakeNetwork) -> list[Collection[Any]]:
    """Return all collections."""
    tables = network.tables
    return [
        Networks(network, tables.networks),
        Subnets(network, tables.subnets),
        Ports(network, tables.ports),
        SecurityGroups(network, tables.security_groups),
        SecurityGroupRules(network, tables.security_group_rules),
        FloatingIps(network, tables.floating_ips),
        Routers(network, tables.routers),
    ]
