"""The row of console tokens."""

from __future__ import annotations

from compute_service.api.console_tokens import handlers
from compute_service.api.policies import consoles as policy
from compute_service.api.table import Get, Route

ROUTES: tuple[Route, ...] = (
    Get(
        "/os-console-auth-tokens/{token_id}",
        handlers.show_token,
        policy.TOKENS,
        query=handlers.TokenQuery,
        reply=handlers.ConnectionShown,
    ),
)
