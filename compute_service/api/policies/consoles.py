"""Permissions of consoles that open in a browser, and of their tokens."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_S = "/servers/{server_id}"

REMOTE = Rule(
    "os_compute_api:os-remote-consoles",
    Grant.MEMBER,
    "Open a console of a server.",
    (
        f"POST {_S}/action (os-getVNCConsole)",
        f"POST {_S}/action (os-getSPICEConsole)",
        f"POST {_S}/action (os-getSerialConsole)",
        f"POST {_S}/remote-consoles",
    ),
)
TOKENS = Rule(
    "os_compute_api:os-console-auth-tokens",
    Grant.ADMIN,
    "Show where a console's token leads.",
    ("GET /os-console-auth-tokens/{token_id}",),
)

RULES = rules_in(globals())
