"""The rows of networks and floating addresses."""

from __future__ import annotations

from compute_service.api.networks import bodies, handlers, views
from compute_service.api.policies import networks as policy
from compute_service.api.query import NEVER, Query
from compute_service.api.table import Act, Delete, Get, Post, Route, actions

_LAST, _LAST_OF_SERVERS = "2.35", "2.43"
_ADDRESSES, _ADDRESS = "/os-floating-ips", "/os-floating-ips/{id}"


class _Anything(Query):
    """Whatever is asked is passed over."""

    STRICT = NEVER


ROUTES: tuple[Route, ...] = (
    Get("/os-networks", handlers.networks, policy.LIST, reply=views.Networks, until=_LAST),
    Get("/os-networks/{network_id}", handlers.network, policy.SHOW, reply=views.NetworkShown, until=_LAST),
    Get("/os-tenant-networks", handlers.labels, policy.LIST_LABELS, reply=views.Labels, until=_LAST),
    Get(
        "/os-tenant-networks/{network_id}",
        handlers.label,
        policy.SHOW_LABEL,
        reply=views.LabelShown,
        until=_LAST,
    ),
    Get(
        "/os-floating-ip-pools", handlers.pools, policy.POOLS, query=_Anything, reply=views.Pools, until=_LAST
    ),
    Get(_ADDRESSES, handlers.addresses, policy.ADDRESSES, reply=views.Addresses, until=_LAST),
    Post(
        _ADDRESSES,
        handlers.take,
        policy.TAKE,
        body=bodies.PoolName,
        optional=True,
        reply=views.AddressShown,
        until=_LAST,
    ),
    Get(_ADDRESS, handlers.address, policy.ADDRESS, reply=views.AddressShown, until=_LAST),
    Delete(_ADDRESS, handlers.give_back, policy.GIVE_BACK, status=202, until=_LAST),
    *actions(
        "/servers/{server_id}/action",
        Act("addFloatingIp", handlers.add, policy.ADD, body=bodies.AddressAdded, until=_LAST_OF_SERVERS),
        Act(
            "removeFloatingIp",
            handlers.remove,
            policy.REMOVE,
            body=bodies.AddressRemoved,
            until=_LAST_OF_SERVERS,
        ),
    ),
)
