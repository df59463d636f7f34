"""Security groups of the in-memory network service."""

from __future__ import annotations

from collections.abc import Iterable

from compute_service.clients.fake.network_tables import Tables
from compute_service.clients.neutron_api import InUse
from compute_service.clients.neutron_rows import SecurityGroupRow, SecurityGroupRuleRow
from compute_service.domain.errors import Conflict, Invalid

DEFAULT_GROUP = "default"


class SecurityGroups:
    """Groups and their rules; a project's `default` group comes into being when it is first needed."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def default(self, project_id: str) -> SecurityGroupRow:
        """Return a project's default group, which lets its members talk to each other."""
        with self.tables.lock:
            for group in self.of_project(project_id):
                if group.name == DEFAULT_GROUP:
                    return group
            made = self._insert(
                SecurityGroupRow(
                    project_id=project_id, name=DEFAULT_GROUP, description="Default security group"
                )
            )
            for ethertype in ("IPv4", "IPv6"):
                self.tables.insert(
                    self.tables.security_group_rules,
                    SecurityGroupRuleRow(
                        project_id=project_id,
                        security_group_id=made.id,
                        direction="ingress",
                        ethertype=ethertype,
                        remote_group_id=made.id,
                    ),
                )
            return made

    def create(self, row: SecurityGroupRow) -> SecurityGroupRow:
        """Make a group with rules that let everything out. Raises OverQuota, Conflict."""
        with self.tables.lock:
            self.default(row.project_id)
            if row.name == DEFAULT_GROUP:
                raise Conflict("Default security group already exists.")
            self.tables.check_quota("security_group", self.tables.security_groups, row.project_id)
            return self._insert(row)

    def delete(self, group_id: str, as_admin: bool = False) -> None:
        """Delete a group and its rules; a default one for an admin only. Raises NotFound, InUse, Conflict."""
        with self.tables.lock:
            group = self.tables.get(self.tables.security_groups, group_id, "Security group")
            if group.name == DEFAULT_GROUP and not as_admin:
                raise Conflict("Insufficient rights for removing default security group.")
            if any(group_id in port.security_groups for port in self.tables.ports.values()):
                raise InUse(f"Security Group {group_id} in use.")
            for rule in list(self.tables.security_group_rules.values()):
                if group_id in (rule.security_group_id, rule.remote_group_id):
                    del self.tables.security_group_rules[rule.id]
            del self.tables.security_groups[group_id]

    def add_rule(self, row: SecurityGroupRuleRow) -> SecurityGroupRuleRow:
        """Add a rule. Raises NotFound, Invalid, OverQuota, Conflict (the rule exists)."""
        with self.tables.lock:
            group = self.tables.get(self.tables.security_groups, row.security_group_id, "Security group")
            if row.remote_group_id:
                self.tables.get(self.tables.security_groups, row.remote_group_id, "Security group")
            low, high = row.port_range_min, row.port_range_max
            if low is not None and high is not None and row.protocol in ("tcp", "udp") and low > high:
                raise Invalid("For TCP/UDP protocols, port_range_min must be <= port_range_max")
            if any(_same_rule(rule, row) for rule in self.rules_of(group.id)):
                raise Conflict("Security group rule already exists.")
            rules = self.tables.security_group_rules
            self.tables.check_quota("security_group_rule", rules, group.project_id)
            return self.tables.insert(rules, row.replace(project_id=group.project_id))

    def delete_rule(self, rule_id: str) -> None:
        """Remove a rule. Raises NotFound."""
        with self.tables.lock:
            self.tables.get(self.tables.security_group_rules, rule_id, "Security group rule")
            del self.tables.security_group_rules[rule_id]

    def of_project(self, project_id: str) -> list[SecurityGroupRow]:
        """Return a project's groups."""
        with self.tables.lock:
            return [g for g in self.tables.security_groups.values() if g.project_id == project_id]

    def rules_of(self, group_id: str) -> list[SecurityGroupRuleRow]:
        """Return a group's rules."""
        with self.tables.lock:
            rules = self.tables.security_group_rules.values()
            return [rule for rule in rules if rule.security_group_id == group_id]

    def check(self, group_ids: Iterable[str]) -> None:
        """Refuse identifiers of groups that are not there. Raises NotFound."""
        for group_id in group_ids:
            self.tables.get(self.tables.security_groups, group_id, "Security group")

    def _insert(self, row: SecurityGroupRow) -> SecurityGroupRow:
        made = self.tables.insert(self.tables.security_groups, row)
        for ethertype in ("IPv4", "IPv6"):
            self.tables.insert(
                self.tables.security_group_rules,
                SecurityGroupRuleRow(
                    project_id=row.project_id,
                    security_group_id=made.id,
                    direction="egress",
                    ethertype=ethertype,
                ),
            )
        return made


def _same_rule(one: SecurityGroupRuleRow, other: SecurityGroupRuleRow) -> bool:
    fields = (
        "direction",
        "ethertype",
        "protocol",
        "port_range_min",
        "port_range_max",
        "remote_ip_prefix",
        "remote_group_id",
        "remote_address_group_id",
    )
    return all(getattr(one, field) == getattr(other, field) for field in fields)
