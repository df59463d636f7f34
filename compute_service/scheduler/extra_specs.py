"""What a flavor's extra specs and an image's properties ask of placement.

Source: Compute administration guide, "Extra specs": `resources`, `trait`, `group_policy`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from compute_service.scheduler.reasons import Unplaceable

_RESOURCE = re.compile(r"resources([a-zA-Z0-9_-]{0,64}):([A-Z][A-Z0-9_]{0,254})")
_TRAIT = re.compile(r"trait([a-zA-Z0-9_-]{0,64}):([A-Z][A-Z0-9_]{0,254})")
_POLICIES = ("none", "isolate")


@dataclass(slots=True)
class Group:
    """One request group: what one provider must have; the one without a suffix may be spread over several."""

    resources: dict[str, int] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)


def resource_overrides(extra_specs: Mapping[str, str], groups: dict[str, Group]) -> None:
    """Put `resources:CLASS` and `resourcesN:CLASS` into the groups by suffix; 0 takes a class out.

    Raises Unplaceable for a key or an amount that is none.
    """
    for key, text in extra_specs.items():
        if not key.startswith("resources"):
            continue
        found = _RESOURCE.fullmatch(key)
        if found is None:
            raise Unplaceable(f"The flavor's extra spec {key} names no resource class.")
        if not text.isdecimal():
            raise Unplaceable(f"The flavor's extra spec {key}={text} is not a whole number.")
        group = groups.setdefault(found[1], Group())
        group.resources[found[2]] = int(text)
    for suffix in list(groups):
        groups[suffix].resources = {name: n for name, n in groups[suffix].resources.items() if n}
        if suffix and not groups[suffix].resources:
            del groups[suffix]


def trait_wishes(specs: Mapping[str, str], groups: dict[str, Group]) -> None:
    """Put `trait:NAME` and `traitN:NAME` (`required` or `forbidden`) into the groups by suffix.

    Raises Unplaceable for what is none, or belongs to a group without resources.
    """
    for key, text in specs.items():
        found = _TRAIT.fullmatch(key)
        if found is None:
            if re.match(r"trait[a-zA-Z0-9_-]*:", key):
                raise Unplaceable(f"{key} names no trait.")
            continue
        group = groups.get(found[1])
        if group is None:
            raise Unplaceable(f"{key} belongs to a group for which no resources are asked.")
        if text not in ("required", "forbidden"):
            raise Unplaceable(f"{key}={text} is neither required nor forbidden.")
        (group.required if text == "required" else group.forbidden).add(found[2])


def policy_of(extra_specs: Mapping[str, str], suffixes: Iterable[str]) -> str | None:
    """Return the `group_policy`, which placement wants when several groups have a suffix."""
    policy = extra_specs.get("group_policy")
    if policy is not None and policy not in _POLICIES:
        raise Unplaceable(f"The flavor's group_policy {policy} is neither none nor isolate.")
    return policy or ("none" if len([suffix for suffix in suffixes if suffix]) > 1 else None)
