"""nova-policy: what somebody is allowed to do, by the API's rules and policy.yaml. See `manage.policy`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from compute_service.api.policies import ALL
from compute_service.cmd.operator import operate
from compute_service.cmd.wsgi import policy_of
from compute_service.config.settings import Settings
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid
from compute_service.manage import policy
from compute_service.manage.tools import Tools


def allowed_by(settings: Settings) -> policy.Allowed:
    """Return the decider of a configuration; the rules are read when it is first asked.

    The decider raises Invalid for policy files that cannot be read.
    """

    def allowed(ctx: Context, target: Mapping[str, str]) -> Sequence[str]:
        try:
            rules = policy_of(settings)
        except (OSError, ValueError) as error:
            raise Invalid(str(error)) from error
        asking = ctx.replace(is_admin=rules.is_admin(ctx.roles))
        return [rule.name for rule in ALL if rules.allows(asking, rule, target)]

    return allowed


def _command(argv: Sequence[str], tools: Tools) -> int:
    return policy.main(argv, tools, allowed_by(tools.settings))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    return operate("nova-policy", argv, _command)


if __name__ == "__main__":
    sys.exit(main())
