"""`nova-policy`: what somebody is allowed to do."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence

from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound
from compute_service.manage.app import run
from compute_service.manage.tools import FAILED, JSON, OK, Command, Options, Tools, add_commands, argument
from compute_service.store.servers import server_locate
from compute_service.version import VERSION

Allowed = Callable[[Context, Mapping[str, str]], Sequence[str]]
"""Takes who asks and what is acted upon, and returns the names of the rules that let it through."""

ATTRIBUTES = ("project_id", "user_id", "quota_class", "availability_zone", "instance_id")
"""What a target can be told by."""


def check(options: Options, tools: Tools, allowed: Allowed) -> int:
    """Print the rules that pass, by name. 1 when none does or the target cannot be understood."""
    ctx = Context(
        request_id="nova-policy",
        user_id=options.os_user_id or "",
        project_id=options.os_tenant_id or "",
        roles=tuple(role.strip() for role in (options.os_roles or "").split(",") if role.strip()),
    )
    given: dict[str, str] = {}
    for pair in options.target or ():
        name, separator, value = pair.partition("=")
        if not separator or name not in ATTRIBUTES:
            tools.say(f"{pair!r} is not one of {', '.join(f'{a}=…' for a in ATTRIBUTES)}.")
            return FAILED
        given[name] = value
    target = {"project_id": ctx.project_id, "user_id": ctx.user_id} | _of_server(given, tools) | given
    names = [name for name in sorted(allowed(ctx, target)) if (options.api_name or "") in name]
    if options.json:
        tools.show_json(names)
    else:
        tools.say("\n".join(names) or "No rules matched or allowed")
    return OK if names else FAILED


def _of_server(given: Mapping[str, str], tools: Tools) -> dict[str, str]:
    uuid = given.get("instance_id")
    if uuid is None:
        return {}
    found = server_locate(tools.store(), uuid)
    if found is None:
        raise NotFound(f"Instance {uuid} could not be found.")
    return {"project_id": found.instance.project_id, "user_id": found.instance.user_id}


def main(argv: Sequence[str], tools: Tools, allowed: Allowed) -> int:
    """Run nova-policy; returns its exit code, 255 for anything unexpected."""
    parser = argparse.ArgumentParser(prog="nova-policy", description="Tell what somebody may do.")
    parser.add_argument("--version", action="version", version=VERSION)
    parser.add_argument("--os-roles", default=os.environ.get("OS_ROLES"), help="Roles, with commas between.")
    parser.add_argument("--os-user-id", default=os.environ.get("OS_USER_ID"), help="The user.")
    parser.add_argument("--os-tenant-id", default=os.environ.get("OS_TENANT_ID"), help="The project.")
    categories = parser.add_subparsers(dest="category", metavar="CATEGORY", required=True)
    command = Command(
        "check",
        "Print the rules that let somebody act on a target.",
        lambda options, tools: check(options, tools, allowed),
        (
            argument("--api-name", help="Only rules with this in their names."),
            argument("--target", nargs="+", metavar="NAME=VALUE", help="What is acted upon."),
            JSON,
        ),
    )
    about = "Rules and who they let through."
    add_commands(categories.add_parser("policy", help=about, description=about), (command,))
    return run(parser.parse_args(argv), tools)
