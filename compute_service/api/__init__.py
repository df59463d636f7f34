"""The Compute API over HTTP.

How to add a resource, such as `flavors`:
1. `policies/flavors.py`: its `Rule`s, then `RULES = rules_in(globals())`; name it in `policies/__init__`.
2. `flavors/bodies.py`: a `Body` for each request body (outermost key included), a `Query` for each list's
   parameters. A field's hint carries its `Field` (see `fields.py`) and its window, `since("2.55")`.
3. `flavors/views.py`: a `View` for each reply, fields with windows likewise, and functions that build them
   from records. Fill what the version may show, the rest is trimmed; `req.shows(View, "tags")` tells whether
   something need be fetched, `req.allows(RULE)` whether a field may be seen (else leave it UNSET).
4. `flavors/handlers.py`: functions `(ctx, svc, req) -> View | Reply | None`, thin: `req.body(FlavorCreate)`,
   `req.query(FlavorQuery)`, `req.params["flavor_id"]`, then a use case of `control/` or a query of `store/`.
   Errors come from `domain.errors`; the edge makes faults of them. A changed meaning is a named
   `FLAVOR_INLINE = change("2.47")` and `if req.at_least(FLAVOR_INLINE)`.
5. `flavors/routes.py`: `ROUTES = (Get("/flavors", handlers.index, policy.INDEX, query=FlavorQuery,
   reply=Flavors), *actions("/flavors/{flavor_id}/action", Act("addTenantAccess", handlers.add, policy.ADD,
   body=Access)))`; add it to `api/routes.py`. A row whose status or body type changes stands twice (`until=`,
   `since=`). A row's rule is asked with `req.target`: the requester's own project, or that of the server that
   the path names (`{server_id}` is loaded before: `req.server`); with another target, call `req.enforce`.
6. Tests in `tests/unit/api/flavors/` and `tests/functional/`; then `python -m compute_service.api.openapi`.
"""
