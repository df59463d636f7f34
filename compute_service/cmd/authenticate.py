"""How the compute API learns who asks: keystonemiddleware, or the token's own word with `noauth2`."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from compute_service.api.context import WsgiApp, no_auth
from compute_service.config.settings import Settings
from compute_service.domain.errors import Invalid

Authenticate = Callable[[WsgiApp], WsgiApp]


def authenticator(settings: Settings) -> Authenticate:
    """Return what wraps the application, by [api] auth_strategy. Raises Invalid when nobody can be asked."""
    if settings.api.auth_strategy == "noauth2":
        return no_auth
    if not settings.keystone_authtoken.auth_type:
        raise Invalid("[keystone_authtoken] auth_type is not set: the API cannot check tokens.")
    options = middleware_options(settings)

    return lambda app: checking_tokens(app, options)


def checking_tokens(app: WsgiApp, options: dict[str, Any]) -> WsgiApp:
    """Return an application before which keystonemiddleware checks tokens."""
    from keystonemiddleware.auth_token import AuthProtocol

    with _silent("keystonemiddleware._common.config"):
        checked: WsgiApp = AuthProtocol(app, options)
    return checked


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Silence a logger: this one warns of each option that is not its own but the sign-in plugin's."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def middleware_options(settings: Settings) -> dict[str, Any]:
    """Return [keystone_authtoken] in the form that the middleware takes instead of a configuration object."""
    section = settings.keystone_authtoken
    values = {field.name: getattr(section, field.name) for field in dataclasses.fields(section)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and name != "auth_section"
    }
