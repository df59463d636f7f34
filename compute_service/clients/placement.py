"""The placement service over HTTP.

Source: Placement API reference. Calls are made at microversion 1.36; those that name a consumer's type at
1.38, where the service has it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
import requests

from compute_service.clients.http import Reach, RestClient, part
from compute_service.domain.errors import ComputeError, Conflict, Invalid, Unavailable
from compute_service.domain.host import ResourceInventory
from compute_service.ports.placement import (
    Candidate,
    CandidateQuery,
    Candidates,
    ConsumerAllocations,
    Provider,
    ProviderSummary,
)

LOG = logging.getLogger(__name__)

BASE = (1, 36)
CONSUMER_TYPES = (1, 38)
TRIES = 4
"""How often a change is made again from a fresh reading after another writer came first."""
_OTHER_GENERATION = "consumer generation conflict"
_CONCURRENT = "placement.concurrent_update"
_CUSTOM = "CUSTOM_"
_WELL_FORMED = re.compile(r"[A-Z][A-Z0-9_]*")

T = TypeVar("T")


class GenerationLost(Conflict):
    """Another writer changed the provider or consumer since it was read."""


class PlacementClient:
    """The `Placement` port over HTTP."""

    def __init__(self, reach: Reach) -> None:
        self._rest = RestClient(reach, {"OpenStack-API-Version": _header(BASE)}, _error)
        self._allocation_header: dict[str, str] | None = None

    def candidates(self, query: CandidateQuery) -> Candidates:
        """Return ways to satisfy a query; none is no error."""
        body = self._rest.json("GET", "/allocation_candidates", query=query_string(query))
        summaries = {uuid: _summary(entry) for uuid, entry in body["provider_summaries"].items()}
        found = []
        for entry in body["allocation_requests"]:
            allocations = _resources_of(entry["allocations"])
            found.append(Candidate(root=summaries[next(iter(allocations))].root, allocations=allocations))
        return Candidates(candidates=tuple(found), summaries=summaries)

    def allocations(self, consumer: str) -> ConsumerAllocations | None:
        """Return what a consumer holds, or None."""
        body = self._rest.json("GET", f"/allocations/{part(consumer)}", headers=self._typed())
        if not body["allocations"]:
            return None
        return ConsumerAllocations(
            consumer=consumer,
            project_id=body["project_id"],
            user_id=body["user_id"],
            allocations=_resources_of(body["allocations"]),
            generation=body["consumer_generation"],
            consumer_type=body.get("consumer_type", "INSTANCE"),
        )

    def allocations_of_provider(self, provider: str) -> dict[str, dict[str, int]]:
        """Return consumer → resource class → amount on one provider."""
        body = self._rest.json("GET", f"/resource_providers/{part(provider)}/allocations")
        return _resources_of(body["allocations"])

    def claim_many(self, claims: tuple[ConsumerAllocations, ...]) -> None:
        """Replace the allocations of all these consumers in one POST, or of none. Raises Conflict."""
        if not claims:
            return
        try:
            self._claim(claims)
        except Conflict as conflict:
            left = self._left_behind(claims) if _OTHER_GENERATION in conflict.message else set()
            if not left:
                raise
            self._claim(tuple(one.replace(generation=0) if one.consumer in left else one for one in claims))

    def _left_behind(self, claims: tuple[ConsumerAllocations, ...]) -> set[str]:
        """Return the consumers that Placement knows though they never held anything.

        It makes a consumer before what that holds, in a transaction of its own. When it or its database dies
        in between, the consumer stays, at generation 0, and shows in no answer: taking nothing away from it
        succeeds, which it does not for a consumer that there is not.
        """
        found = set()
        for claim in claims:
            if claim.generation is not None or self.allocations(claim.consumer) is not None:
                continue
            headers = self._typed()
            body = _claim_body(claim.replace(allocations={}, generation=0), typed=bool(headers))
            try:
                self._rest.call("PUT", f"/allocations/{part(claim.consumer)}", body=body, headers=headers)
            except Conflict:
                continue
            found.add(claim.consumer)
        return found

    def _claim(self, claims: tuple[ConsumerAllocations, ...]) -> None:
        headers = self._typed()
        body = {claim.consumer: _claim_body(claim, typed=bool(headers)) for claim in claims}
        try:
            self._rest.call("POST", "/allocations", body=body, headers=headers)
        except Invalid as error:
            gone = [p for p in {p for claim in claims for p in claim.allocations} if not self._exists(p)]
            if not gone:
                raise
            raise Conflict(f"Resource providers {', '.join(sorted(gone))} do not exist.") from error

    def release(self, consumer: str) -> None:
        """Remove all a consumer holds; repeating is fine."""
        self._rest.delete(f"/allocations/{part(consumer)}")

    def provider(self, uuid: str) -> Provider | None:
        """Return a provider with inventories, traits and aggregates, or None."""
        path = f"/resource_providers/{part(uuid)}"
        base = self._rest.find(path)
        inventories = self._rest.find(f"{path}/inventories")
        traits = self._rest.find(f"{path}/traits")
        aggregates = self._rest.find(f"{path}/aggregates")
        if base is None or inventories is None or traits is None or aggregates is None:
            return None
        return _provider(base).replace(
            inventories=msgspec.convert(inventories["inventories"], dict[str, ResourceInventory]),
            traits=tuple(sorted(traits["traits"])),
            aggregates=tuple(sorted(aggregates["aggregates"])),
        )

    def providers(self) -> tuple[Provider, ...]:
        """Return all providers, without what hangs on them."""
        body = self._rest.json("GET", "/resource_providers")
        return tuple(_provider(entry) for entry in body["resource_providers"])

    def ensure_provider(self, provider: Provider) -> Provider:
        """Make the provider and its inventories and traits as given; aggregates are left alone."""
        return _persist(lambda: self._ensure(provider))

    def delete_provider(self, uuid: str) -> None:
        """Delete; one that is gone is fine. Raises Conflict while something is allocated on it."""
        self._rest.delete(f"/resource_providers/{part(uuid)}")

    def set_trait(self, provider: str, trait: str, present: bool) -> None:
        """Add or take away one trait, creating a custom one when needed."""
        path = f"/resource_providers/{part(provider)}/traits"

        def change() -> None:
            body = self._rest.json("GET", path)
            traits = {*body["traits"], trait} if present else {*body["traits"]} - {trait}
            if traits != set(body["traits"]):
                self._put_traits(provider, traits, body["resource_provider_generation"])

        _persist(change)

    def set_aggregates(self, provider: str, aggregates: tuple[str, ...]) -> None:
        """Replace the provider's aggregates."""
        path = f"/resource_providers/{part(provider)}/aggregates"

        def change() -> None:
            body = self._rest.json("GET", path)
            if set(body["aggregates"]) != set(aggregates):
                body["aggregates"] = sorted(set(aggregates))
                self._rest.call("PUT", path, body=body)

        _persist(change)

    def usages(self, project_id: str, user_id: str | None = None) -> dict[str, int]:
        """Return resource class → amount in use by a project."""
        query = [("project_id", project_id)] + ([("user_id", user_id)] if user_id is not None else [])
        usages: dict[str, int] = self._rest.json("GET", "/usages", query=query)["usages"]
        return usages

    def version(self) -> tuple[int, int]:
        """Return the highest microversion of the service. Raises Unavailable when it is below 1.36."""
        body = self._rest.json("GET", "/")
        major, _, minor = body["versions"][0]["max_version"].partition(".")
        found = (int(major), int(minor))
        if found < BASE:
            raise Unavailable(f"The placement service has microversion {major}.{minor}; 1.36 is needed.")
        return found

    def _typed(self) -> dict[str, str]:
        """Return the header of calls that name a consumer's type; empty where the service knows none."""
        if self._allocation_header is None:
            known = self.version() >= CONSUMER_TYPES
            self._allocation_header = {"OpenStack-API-Version": _header(CONSUMER_TYPES)} if known else {}
        return self._allocation_header

    def _exists(self, provider: str) -> bool:
        return self._rest.find(f"/resource_providers/{part(provider)}") is not None

    def _ensure(self, wanted: Provider) -> Provider:
        """Make one attempt. Raises GenerationLost when another writer came between."""
        seen = self.provider(wanted.uuid) or self._create(wanted)
        path = f"/resource_providers/{part(wanted.uuid)}"
        if seen.name != wanted.name:
            body = {"name": wanted.name, "parent_provider_uuid": seen.parent}
            seen = seen.replace(
                name=wanted.name, generation=self._rest.json("PUT", path, body=body)["generation"]
            )
        if seen.inventories != wanted.inventories:
            for name in _custom(wanted.inventories):
                self._rest.call("PUT", f"/resource_classes/{part(name)}")
            inventories = {
                "resource_provider_generation": seen.generation,
                "inventories": msgspec.to_builtins(wanted.inventories),
            }
            answer = self._rest.json("PUT", f"{path}/inventories", body=inventories)
            seen = seen.replace(
                inventories=wanted.inventories, generation=answer["resource_provider_generation"]
            )
        if set(seen.traits) != set(wanted.traits):
            generation = self._put_traits(wanted.uuid, set(wanted.traits), seen.generation)
            seen = seen.replace(traits=tuple(sorted(set(wanted.traits))), generation=generation)
        return seen

    def _create(self, wanted: Provider) -> Provider:
        body: dict[str, str] = {"uuid": wanted.uuid, "name": wanted.name}
        if wanted.parent is not None:
            body["parent_provider_uuid"] = wanted.parent
        try:
            return _provider(self._rest.json("POST", "/resource_providers", body=body))
        except Conflict as error:
            if self._exists(wanted.uuid):
                raise GenerationLost(error.message) from error
            raise

    def _put_traits(self, provider: str, traits: set[str], generation: int) -> int:
        for name in _custom(traits):
            self._rest.call("PUT", f"/traits/{part(name)}")
        path = f"/resource_providers/{part(provider)}/traits"
        body = {"traits": sorted(traits), "resource_provider_generation": generation}
        try:
            answer = self._rest.json("PUT", path, body=body)
        except Invalid:
            # A Placement that is older than this release lacks traits; those it has count all the same.
            known = self._known_traits()
            body["traits"] = sorted(one for one in traits if one in known or not _WELL_FORMED.fullmatch(one))
            answer = self._rest.json("PUT", path, body=body)
        return int(answer["resource_provider_generation"])

    def _known_traits(self) -> set[str]:
        return set(self._rest.json("GET", "/traits")["traits"])


def query_string(query: CandidateQuery) -> list[tuple[str, str]]:
    """Return the parameters of GET /allocation_candidates."""
    parameters = _group(query, "")
    for suffix, group in query.groups.items():
        parameters += _group(group, suffix)
    if query.group_policy is not None:
        parameters.append(("group_policy", query.group_policy))
    parameters.append(("limit", str(query.limit)))
    return parameters


def _group(query: CandidateQuery, suffix: str) -> list[tuple[str, str]]:
    parameters: list[tuple[str, str]] = []
    if query.resources:
        amounts = ",".join(f"{name}:{amount}" for name, amount in query.resources.items())
        parameters.append((f"resources{suffix}", amounts))
    traits = [*query.required, *(f"!{trait}" for trait in query.forbidden)]
    if traits:
        parameters.append((f"required{suffix}", ",".join(traits)))
    for choice in query.member_of:
        parameters.append((f"member_of{suffix}", f"in:{','.join(choice)}"))
    if query.forbidden_aggregates:
        parameters.append((f"member_of{suffix}", f"!in:{','.join(query.forbidden_aggregates)}"))
    if query.in_tree is not None:
        parameters.append((f"in_tree{suffix}", query.in_tree))
    return parameters


def _persist(change: Callable[[], T]) -> T:
    """Make a change, again from a fresh reading when another writer comes first, a few times."""
    for _ in range(TRIES - 1):
        try:
            return change()
        except GenerationLost as error:
            LOG.info("reading again from placement: %s", error.message)
    return change()


def _header(version: tuple[int, int]) -> str:
    return f"placement {version[0]}.{version[1]}"


def _custom(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(_CUSTOM))


def _resources_of(allocations: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {uuid: entry["resources"] for uuid, entry in allocations.items()}


def _claim_body(claim: ConsumerAllocations, typed: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "allocations": {uuid: {"resources": amounts} for uuid, amounts in claim.allocations.items()},
        "project_id": claim.project_id,
        "user_id": claim.user_id,
        "consumer_generation": claim.generation,
    }
    return body | ({"consumer_type": claim.consumer_type} if typed else {})


def _provider(body: dict[str, Any]) -> Provider:
    return Provider(
        uuid=body["uuid"],
        name=body["name"],
        parent=body.get("parent_provider_uuid"),
        generation=body["generation"],
    )


def _summary(body: dict[str, Any]) -> ProviderSummary:
    resources = body["resources"].items()
    return ProviderSummary(
        capacity={name: entry["capacity"] for name, entry in resources},
        used={name: entry["used"] for name, entry in resources},
        traits=tuple(sorted(body["traits"])),
        root=body["root_provider_uuid"],
    )


def _error(response: requests.Response, message: str) -> ComputeError | None:
    """Tell a lost generation from other conflicts, and drop the general sentence before the reason."""
    said = message.strip().splitlines()[-1].strip() if message.strip() else message
    if response.status_code == 409:
        lost = _CONCURRENT in response.text
        return GenerationLost(said) if lost else Conflict(said)
    return Invalid(said) if response.status_code == 400 else None
