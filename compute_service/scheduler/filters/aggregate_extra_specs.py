"""What a flavor asks of the aggregates of a host."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test
from compute_service.scheduler.operators import matches

_SCOPE = "aggregate_instance_extra_specs"
_OTHERS = frozenset({"group_policy", "hide_hypervisor_id"})
"""Unscoped extra specs that mean something else."""


def aggregate_instance_extra_specs(ask: Ask) -> Test | None:
    """Pass hosts in aggregates whose metadata satisfies the flavor's `aggregate_instance_extra_specs:*`.

    A key without any scope counts too.
    """
    wanted: list[tuple[str, str]] = []
    for key, requirement in ask.request.flavor.extra_specs.items():
        scope, colon, name = key.partition(":")
        if not colon and key not in _OTHERS:
            wanted.append((key, requirement))
        elif scope == _SCOPE and name:
            wanted.append((name, requirement))
    if not wanted:
        return None

    def test(view: HostView) -> str | None:
        for key, requirement in wanted:
            values = view.host.values.get(key, frozenset()) | view.host.words(key)
            if not any(matches(value, requirement) for value in values):
                return f"no aggregate has {key} {requirement}"
        return None

    return test
