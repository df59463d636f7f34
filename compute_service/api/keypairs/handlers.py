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
from compute_service.control.keys import KeyType, fingerprint_of, new_key
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound, OverQuota
from compute_service.domain.keypair import Keypair
from compute_service.domain.quota import UNLIMITED
from compute_service.store.keypairs import (
    keypair_count,
    keypair_delete,
    keypair_get,
    keypair_insert,
    keypair_page,
)
from compute_service.store.quotas import quota_limits


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
    private = None
    if isinstance(new.public_key, UnsetType):
        made = new_key(kind, owner)
        public, fingerprint, private = made.public_key, made.fingerprint, made.private_key
    else:
        public, fingerprint = new.public_key, fingerprint_of(new.public_key, kind)
    keypair = Keypair(user_id=owner, name=new.name, type=kind, public_key=public, fingerprint=fingerprint)
    limit_default = {"key_pairs": svc.settings.quota.key_pairs}
    with svc.store.api.write() as tx:
        limit = quota_limits(tx, ctx.project_id, owner, defaults=limit_default)["key_pairs"]
        if limit != UNLIMITED and keypair_count(tx, owner) >= limit:
            raise OverQuota("Quota exceeded, too many key pairs.")
        kept = keypair_insert(tx, keypair)
    return views.created(kept, private)


def show(ctx: Context, svc: Services, req: Request) -> views.KeypairShown:
    """Show a key pair."""
    owner, name = _owner(req, req.query(OwnerQuery).user_id, policy.SHOW), req.params["name"]
    with svc.store.api.read() as tx:
        keypair = keypair_get(tx, owner, name)
    if keypair is None:
        raise _no_such(owner, name)
    return views.shown(keypair)


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Delete a key pair; servers that have it keep it."""
    owner, name = _owner(req, req.query(OwnerQuery).user_id, policy.DELETE), req.params["name"]
    with svc.store.api.write() as tx:
        if not keypair_delete(tx, owner, name):
            raise _no_such(owner, name)


def _no_such(owner: str, name: str) -> NotFound:
    return NotFound(f"Keypair {name} not found for user {owner}")
