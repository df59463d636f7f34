"""Listing, showing, creating and deleting key pairs."""

from __future__ import annotations

from msgspec import UnsetType

from compute_service.api.keypairs import views
from compute_service.api.keypairs.bodies import KeypairCreate, KeypairQuery, OwnerQuery
from compute_service.api.paging import next_page, page_size
from compute_service.api.policies import keypairs as policy
from compute_service.api.policies.rule import Rule
from compute_service.api.request import Request
from compute_service.api.shape import given
from compute_service.control.keypairs import create_keypair, delete_keypair
from compute_service.control.keys import KeyType
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound
from compute_service.store.keypairs import keypair_get, keypair_page


def _owner(req: Request, asked: str | UnsetType, rule: Rule) -> str:
    """Return whose key pairs are meant, if the requester may. Raises PolicyDenied."""
    owner = given(asked, "") or req.ctx.user_id
    req.enforce(rule, {"user_id": owner, "project_id": req.ctx.project_id})
    return owner


def index(ctx: Context, svc: Services, req: Request) -> views.KeypairList:
    """List a user's key pairs."""
    asked = req.query(KeypairQuery)
    owner = _owner(req, asked.user_id, policy.INDEX)
    limit = page_size(asked.limit, svc.settings.api.max_limit)
    paged = req.shows(views.KeypairList, "keypairs_links")
    with svc.store.api.read() as tx:
        found = keypair_page(tx, owner, given(asked.marker, None), limit if paged else None)
    view = views.KeypairList(keypairs=[views.brief(keypair) for keypair in found])
    if paged and len(found) == limit:
        view.keypairs_links = next_page(req.links, "os-keypairs", req.pairs, found[-1].name)
    return view


def create(ctx: Context, svc: Services, req: Request) -> views.KeypairCreated:
    """Import a public key, or make a key pair when none is given."""
    new = req.body(KeypairCreate).keypair
    owner = _owner(req, new.user_id, policy.CREATE)
    kind: KeyType = "ssh" if isinstance(new.type, UnsetType) else new.type
    public = None if isinstance(new.public_key, UnsetType) else new.public_key
    made = create_keypair(ctx, svc, owner, new.name, kind, public)
    return views.created(made.keypair, made.private_key)


def show(ctx: Context, svc: Services, req: Request) -> views.KeypairShown:
    """Show a key pair."""
    owner, name = _owner(req, req.query(OwnerQuery).user_id, policy.SHOW), req.params["name"]
    with svc.store.api.read() as tx:
        keypair = keypair_get(tx, owner, name)
    if keypair is None:
        raise NotFound(f"Keypair {name} not found for user {owner}")
    return views.shown(keypair)


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete a key pair; servers that have it keep it."""
    owner, name = _owner(req, req.query(OwnerQuery).user_id, policy.DELETE), req.params["name"]
    delete_keypair(ctx, svc, owner, name)
