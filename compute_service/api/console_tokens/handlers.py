"""What the tokens of consoles stand for. Source: Compute API reference, "Console Authentication Tokens"."""

from __future__ import annotations

from typing import Annotated

from compute_service.api.query import Query
from compute_service.api.request import Request
from compute_service.api.shape import View, since
from compute_service.api.versions import change, minor
from compute_service.control.remote_console import console_of_token
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid

EVERY_TOKEN = change("2.31")


class TokenQuery(Query):
    """GET /os-console-auth-tokens/{token}."""

    STRICT = minor("2.99")


class ConnectionView(View):
    """Where a token leads: for proxies that are not ours."""

    instance_uuid: str
    host: str | None
    port: int
    tls_port: Annotated[int | None, since("2.99")]
    internal_access_path: str | None


class ConnectionShown(View):
    """The answer to GET /os-console-auth-tokens/{token}."""

    console: ConnectionView


def show_token(ctx: Context, svc: Services, req: Request) -> ConnectionShown:
    """Show where a token leads; until 2.30 only tokens of consoles that have ended could be asked for."""
    if not req.at_least(EVERY_TOKEN):
        raise Invalid("This token is not of a type that version 2.30 and below can be asked for.")
    found = console_of_token(svc, req.params["token_id"])
    console = found.console
    return ConnectionShown(
        console=ConnectionView(
            instance_uuid=found.server,
            host=console.host,
            port=console.port,
            tls_port=console.tls_port,
            internal_access_path=console.path,
        )
    )
