"""The extra specs of a flavor."""

from __future__ import annotations

from compute_service.api.flavors.bodies import OneSpec, SpecsCreate
from compute_service.api.flavors.views import Specs, SpecView
from compute_service.api.request import Request
from compute_service.api.versions import change
from compute_service.control.extra_specs import extra_specs_check
from compute_service.control.flavors import delete_extra_spec, find_flavor, set_extra_specs
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotFound

SPECS_CHECKED = change("2.86")


def index(ctx: Context, svc: Services, req: Request) -> Specs:
    """List a flavor's extra specs."""
    return Specs(extra_specs=dict(find_flavor(ctx, svc, req.params["flavor_id"]).extra_specs))


def show(ctx: Context, svc: Services, req: Request) -> SpecView:
    """Show one extra spec."""
    key = req.params["key"]
    flavor = find_flavor(ctx, svc, req.params["flavor_id"])
    if key not in flavor.extra_specs:
        raise NotFound(f"Flavor {flavor.flavorid} has no extra specs with key {key}.")
    return SpecView(items={key: flavor.extra_specs[key]})


def create(ctx: Context, svc: Services, req: Request) -> Specs:
    """Add extra specs."""
    specs = req.body(SpecsCreate).extra_specs
    _set(ctx, svc, req, specs)
    return Specs(extra_specs=dict(specs))


def update(ctx: Context, svc: Services, req: Request) -> SpecView:
    """Change one extra spec: the body holds the key that the path names, and no other."""
    key = req.params["key"]
    specs: dict[str, str] = req.body(OneSpec).items
    if key not in specs:
        raise Invalid("Request body and URI mismatch")
    _set(ctx, svc, req, specs)
    return SpecView(items={key: specs[key]})


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Remove one extra spec."""
    delete_extra_spec(ctx, svc, req.params["flavor_id"], req.params["key"])


def _set(ctx: Context, svc: Services, req: Request, specs: dict[str, str]) -> None:
    if req.at_least(SPECS_CHECKED):
        extra_specs_check(specs)
    set_extra_specs(ctx, svc, req.params["flavor_id"], specs)
