"""From a request's headers to the `Context` of who asks.

With keystone, keystonemiddleware has checked the token and set the headers. Without (`no_auth`), the token
itself says who it is: `user:project:role,role`; that is for trying things out and for tests.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from compute_service.api.errors import Unauthenticated
from compute_service.api.policy import Policy
from compute_service.domain.context import Context
from compute_service.domain.request_id import Asker, learn

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

REQUEST_ID = "openstack.request_id"
"""Where the WSGI environment keeps the id we gave a request."""
GLOBAL_REQUEST_ID = "openstack.global_request_id"
_REQUEST_ID_FORM = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")

_IMPLIED: dict[str, tuple[str, ...]] = {
    "admin": ("admin", "manager", "member", "reader"),
    "manager": ("manager", "member", "reader"),
    "member": ("member", "reader"),
}


def name_request(environ: Environ) -> str:
    """Give a request an id of its own and note the caller's, if it is one; return ours."""
    request_id = f"req-{uuid.uuid4()}"
    environ[REQUEST_ID] = request_id
    given = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
    environ[GLOBAL_REQUEST_ID] = given if _REQUEST_ID_FORM.match(given) else None
    return request_id


def _listed(value: str | None) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in value.split(",") if part.strip()) if value else ()


def context_of(environ: Environ, policy: Policy) -> Context:
    """Return who asks. Raises Unauthenticated when the headers name no user."""
    get = environ.get
    user = get("HTTP_X_USER_ID") or get("HTTP_X_USER")
    if not user:
        raise Unauthenticated("The request you have made requires authentication.")
    roles = _listed(get("HTTP_X_ROLES") or get("HTTP_X_ROLE"))
    project = get("HTTP_X_PROJECT_ID") or get("HTTP_X_TENANT_ID") or get("HTTP_X_TENANT") or ""
    learn(Asker(environ[REQUEST_ID], environ.get(GLOBAL_REQUEST_ID), user, project))
    return Context(
        request_id=environ[REQUEST_ID],
        global_request_id=environ.get(GLOBAL_REQUEST_ID),
        user_id=user,
        project_id=project,
        roles=roles,
        is_admin=policy.is_admin(roles, {"user_id": user, "project_id": project}),
        user_domain_id=get("HTTP_X_USER_DOMAIN_ID"),
        project_domain_id=get("HTTP_X_PROJECT_DOMAIN_ID"),
        system_scope=get("HTTP_OPENSTACK_SYSTEM_SCOPE"),
        service_roles=_listed(get("HTTP_X_SERVICE_ROLES")),
        token=get("HTTP_X_AUTH_TOKEN"),
        remote_address=get("REMOTE_ADDR"),
    )


def no_auth(app: WsgiApp) -> WsgiApp:
    """Take the token for who it says it is: `user:project:role,role`.

    Without roles, `admin` has all of them and everybody else is a member; without a project, it is named as
    the user. A role brings those it implies.
    """

    def believe(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        token = environ.get("HTTP_X_AUTH_TOKEN")
        for name in [n for n in environ if n.startswith("HTTP_X_") and n in _IDENTITY]:
            del environ[name]
        if token:
            user, _, rest = token.partition(":")
            project, _, roles = rest.partition(":")
            named = roles.split(",") if roles else ["admin" if user == "admin" else "member"]
            held = [held for name in named for held in _IMPLIED.get(name, (name,))]
            environ["HTTP_X_USER_ID"] = user
            environ["HTTP_X_PROJECT_ID"] = project or user
            environ["HTTP_X_ROLES"] = ",".join(held)
        return app(environ, start_response)

    return believe


_IDENTITY = frozenset(
    {
        "HTTP_X_USER_ID",
        "HTTP_X_USER",
        "HTTP_X_ROLES",
        "HTTP_X_ROLE",
        "HTTP_X_PROJECT_ID",
        "HTTP_X_TENANT_ID",
        "HTTP_X_TENANT",
        "HTTP_X_SERVICE_ROLES",
    }
)
