"""The rows of flavors."""

from __future__ import annotations

from compute_service.api.flavors import bodies, handlers, specs, views
from compute_service.api.policies import flavors as policy
from compute_service.api.table import Act, Delete, Get, Post, Put, Route, actions

_SPECS = "/flavors/{flavor_id}/os-extra_specs"

ROUTES: tuple[Route, ...] = (
    Get("/flavors", handlers.index, query=bodies.FlavorQuery, reply=views.FlavorList),
    Post("/flavors", handlers.create, policy.CREATE, body=bodies.FlavorCreate, reply=views.FlavorShown),
    Get("/flavors/detail", handlers.detail, query=bodies.FlavorQuery, reply=views.FlavorDetails),
    Get("/flavors/{flavor_id}", handlers.show, reply=views.FlavorShown),
    Put(
        "/flavors/{flavor_id}",
        handlers.update,
        policy.UPDATE,
        body=bodies.FlavorUpdate,
        reply=views.FlavorShown,
        since="2.55",
    ),
    Delete("/flavors/{flavor_id}", handlers.delete, policy.DELETE, status=202),
    *actions(
        "/flavors/{flavor_id}/action",
        Act(
            "addTenantAccess",
            handlers.add_access,
            policy.ADD_ACCESS,
            body=bodies.Access,
            reply=views.AccessList,
            status=200,
        ),
        Act(
            "removeTenantAccess",
            handlers.remove_access,
            policy.REMOVE_ACCESS,
            body=bodies.Access,
            reply=views.AccessList,
            status=200,
        ),
    ),
    Get("/flavors/{flavor_id}/os-flavor-access", handlers.access, policy.ACCESS, reply=views.AccessList),
    Get(_SPECS, specs.index, policy.SPECS_INDEX, reply=views.Specs),
    Post(_SPECS, specs.create, policy.SPECS_CREATE, body=bodies.SpecsCreate, reply=views.Specs),
    Get(f"{_SPECS}/{{key}}", specs.show, policy.SPECS_SHOW, reply=views.SpecView),
    Put(f"{_SPECS}/{{key}}", specs.update, policy.SPECS_UPDATE, body=bodies.OneSpec, reply=views.SpecView),
    Delete(f"{_SPECS}/{{key}}", specs.delete, policy.SPECS_DELETE, status=200),
)
