"""What is asked of placement for a request."""

from __future__ import annotations

from compute_service.config.settings import Settings
from compute_service.domain.request import PlacementRequest
from compute_service.ports.placement import CandidateQuery
from compute_service.scheduler.extra_specs import Group, policy_of, resource_overrides, trait_wishes
from compute_service.scheduler.fleet import Fleet, Host
from compute_service.scheduler.prefilters import PREFILTERS, Draft
from compute_service.scheduler.reasons import Unplaceable

OWNER = "OWNER_NOVA"
"""The trait of hosts that are compute hosts and nothing else."""


def build_query(
    request: PlacementRequest, settings: Settings, fleet: Fleet, require_owner: bool = False
) -> CandidateQuery:
    """Return the query for one server of a request.

    With `require_owner` only providers with the trait OWNER_NOVA count, which every host must report then.
    Raises Unplaceable when the request rules out every host.
    """
    specs = request.flavor.extra_specs
    groups = {"": Group(resources=_flavor_resources(request))}
    resource_overrides(specs, groups)
    trait_wishes(specs, groups)
    if request.image is not None:
        trait_wishes(_traits(request.image.properties), groups)
    draft = Draft(request, settings, fleet, groups[""])
    for prefilter in PREFILTERS:
        prefilter(draft)
    if require_owner:
        draft.main.required.add(OWNER)
    if not any(group.resources for group in groups.values()):
        raise Unplaceable("The flavor asks for no resources.")
    for suffix, group in groups.items():
        both = group.required & group.forbidden
        if both:
            raise Unplaceable(
                f"Trait {min(both)} is both required and forbidden{suffix and f' in {suffix}'}."
            )
    return _query(groups[""]).replace(
        member_of=tuple(draft.member_of),
        forbidden_aggregates=tuple(sorted(draft.outside)),
        in_tree=_one_tree(request, fleet),
        groups={suffix: _query(group) for suffix, group in groups.items() if suffix},
        group_policy=policy_of(specs, groups),
        limit=settings.scheduler.max_placement_results,
    )


def named_hosts(request: PlacementRequest, fleet: Fleet) -> tuple[Host, ...] | None:
    """Return the hosts that a request names, or None when any host may be taken."""
    host = request.force_host or request.requested_host
    node = request.force_node or request.requested_node
    return None if host is None and node is None else fleet.find(host, node)


def amounts_of(query: CandidateQuery) -> dict[str, int]:
    """Return what one server takes in all, by resource class."""
    total = dict(query.resources)
    for group in query.groups.values():
        for name, amount in group.resources.items():
            total[name] = total.get(name, 0) + amount
    return total


def shown(query: CandidateQuery) -> str:
    """Return a query in words, for the message that it found nothing."""
    text = ", ".join(f"{name} {amount}" for name, amount in amounts_of(query).items())
    required = {trait for part in (query, *query.groups.values()) for trait in part.required}
    forbidden = {trait for part in (query, *query.groups.values()) for trait in part.forbidden}
    if required:
        text += f", with {', '.join(sorted(required))}"
    if forbidden:
        text += f", without {', '.join(sorted(forbidden))}"
    if query.member_of or query.forbidden_aggregates:
        text += ", within the allowed aggregates"
    return text


def _flavor_resources(request: PlacementRequest) -> dict[str, int]:
    flavor = request.flavor
    disk = flavor.disk_gb - (flavor.root_gb if request.boot_from_volume else 0)
    wanted = {"VCPU": flavor.vcpus, "MEMORY_MB": flavor.memory_mb, "DISK_GB": disk}
    return {name: amount for name, amount in wanted.items() if amount}


def _traits(properties: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in properties.items() if key.startswith("trait:")}


def _query(group: Group) -> CandidateQuery:
    return CandidateQuery(
        resources=group.resources,
        required=tuple(sorted(group.required)),
        forbidden=tuple(sorted(group.forbidden)),
    )


def _one_tree(request: PlacementRequest, fleet: Fleet) -> str | None:
    named = named_hosts(request, fleet)
    if named is None:
        return None
    if not named:
        host = request.force_host or request.requested_host or request.force_node or request.requested_node
        raise Unplaceable(f"Host {host} is not known, or not mapped to an enabled cell.")
    return named[0].uuid if len(named) == 1 else None
