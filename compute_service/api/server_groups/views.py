"""What server groups look like in an answer. Source: Compute API reference, "Server groups"."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from compute_service.api.shape import View, since
from compute_service.domain.group import ServerGroup


class GroupView(View):
    """A server group."""

    id: str
    name: str
    members: list[str]
    policies: Annotated[list[str] | UnsetType, since("2.1", until="2.63")] = UNSET
    metadata: Annotated[dict[str, str] | UnsetType, since("2.1", until="2.63")] = UNSET
    project_id: Annotated[str | UnsetType, since("2.13")] = UNSET
    user_id: Annotated[str | UnsetType, since("2.13")] = UNSET
    policy: Annotated[str | UnsetType, since("2.64")] = UNSET
    rules: Annotated[dict[str, int] | UnsetType, since("2.64")] = UNSET


class GroupList(View):
    """GET /os-server-groups."""

    server_groups: list[GroupView]


class GroupShown(View):
    """One server group."""

    server_group: GroupView


def whole(group: ServerGroup) -> GroupView:
    """Return a server group."""
    return GroupView(
        id=group.uuid,
        name=group.name,
        members=list(group.members),
        policies=[group.policy],
        metadata={},
        project_id=group.project_id,
        user_id=group.user_id,
        policy=group.policy,
        rules=dict(group.rules),
    )
