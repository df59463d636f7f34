"""Permissions of what hangs on a server: metadata, tags, addresses, actions log, migrations, diagnostics."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_S = "/servers/{server_id}"
_METADATA = "os_compute_api:server-metadata:"
_TAGS = "os_compute_api:os-server-tags:"
_ACTIONS = "os_compute_api:os-instance-actions"
_INTERFACES = "os_compute_api:os-attach-interfaces:"
_MIGRATIONS = "os_compute_api:servers:migrations:"

METADATA_INDEX = Rule(f"{_METADATA}index", Grant.READER, "List a server's metadata.", (f"GET {_S}/metadata",))
METADATA_SHOW = Rule(
    f"{_METADATA}show", Grant.READER, "Show one item of a server's metadata.", (f"GET {_S}/metadata/{{key}}",)
)
METADATA_CREATE = Rule(
    f"{_METADATA}create", Grant.MEMBER, "Add to a server's metadata.", (f"POST {_S}/metadata",)
)
METADATA_UPDATE_ALL = Rule(
    f"{_METADATA}update_all", Grant.MEMBER, "Replace a server's metadata.", (f"PUT {_S}/metadata",)
)
METADATA_UPDATE = Rule(
    f"{_METADATA}update",
    Grant.MEMBER,
    "Set one item of a server's metadata.",
    (f"PUT {_S}/metadata/{{key}}",),
)
METADATA_DELETE = Rule(
    f"{_METADATA}delete",
    Grant.MEMBER,
    "Remove one item of a server's metadata.",
    (f"DELETE {_S}/metadata/{{key}}",),
)

TAGS_INDEX = Rule(f"{_TAGS}index", Grant.READER, "List a server's tags.", (f"GET {_S}/tags",))
TAGS_SHOW = Rule(f"{_TAGS}show", Grant.READER, "Ask whether a server has a tag.", (f"GET {_S}/tags/{{tag}}",))
TAGS_UPDATE_ALL = Rule(f"{_TAGS}update_all", Grant.MEMBER, "Replace a server's tags.", (f"PUT {_S}/tags",))
TAGS_DELETE_ALL = Rule(
    f"{_TAGS}delete_all", Grant.MEMBER, "Remove all of a server's tags.", (f"DELETE {_S}/tags",)
)
TAGS_UPDATE = Rule(f"{_TAGS}update", Grant.MEMBER, "Tag a server.", (f"PUT {_S}/tags/{{tag}}",))
TAGS_DELETE = Rule(
    f"{_TAGS}delete", Grant.MEMBER, "Remove one of a server's tags.", (f"DELETE {_S}/tags/{{tag}}",)
)

IPS_INDEX = Rule("os_compute_api:ips:index", Grant.READER, "List a server's addresses.", (f"GET {_S}/ips",))
IPS_SHOW = Rule(
    "os_compute_api:ips:show",
    Grant.READER,
    "Show a server's addresses on one network.",
    (f"GET {_S}/ips/{{network}}",),
)

INTERFACES_LIST = Rule(
    f"{_INTERFACES}list", Grant.READER, "List a server's interfaces.", (f"GET {_S}/os-interface",)
)
INTERFACES_SHOW = Rule(
    f"{_INTERFACES}show",
    Grant.READER,
    "Show one of a server's interfaces.",
    (f"GET {_S}/os-interface/{{port_id}}", f"POST {_S}/os-interface"),
)

INTERFACES_CREATE = Rule(
    f"{_INTERFACES}create", Grant.MEMBER, "Give a server an interface.", (f"POST {_S}/os-interface",)
)
INTERFACES_DELETE = Rule(
    f"{_INTERFACES}delete",
    Grant.MEMBER,
    "Take an interface from a server.",
    (f"DELETE {_S}/os-interface/{{port_id}}",),
)

ACTIONS_LIST = Rule(
    f"{_ACTIONS}:list",
    Grant.READER,
    "List what was done to a server.",
    (f"GET {_S}/os-instance-actions",),
)
ACTIONS_SHOW = Rule(
    f"{_ACTIONS}:show",
    Grant.READER,
    "Show one thing that was done to a server.",
    (f"GET {_S}/os-instance-actions/{{request_id}}",),
)
ACTIONS_EVENTS = Rule(
    f"{_ACTIONS}:events",
    Grant.ADMIN,
    "See the events of an action with host and traceback.",
    (f"GET {_S}/os-instance-actions/{{request_id}}",),
)
ACTIONS_EVENTS_DETAILS = Rule(
    f"{_ACTIONS}:events:details",
    Grant.ADMIN,
    "See why an event failed.",
    (f"GET {_S}/os-instance-actions/{{request_id}}",),
)

MIGRATIONS_INDEX = Rule(
    f"{_MIGRATIONS}index", Grant.MANAGER, "List a server's running migrations.", (f"GET {_S}/migrations",)
)
MIGRATIONS_INDEX_HOST = Rule(
    f"{_MIGRATIONS}index:host",
    Grant.ADMIN,
    "See the hosts in a server's running migrations.",
    (f"GET {_S}/migrations",),
)
MIGRATIONS_SHOW = Rule(
    f"{_MIGRATIONS}show",
    Grant.ADMIN,
    "Show one of a server's running migrations.",
    (f"GET {_S}/migrations/{{migration_id}}",),
)
MIGRATIONS_FORCE_COMPLETE = Rule(
    f"{_MIGRATIONS}force_complete",
    Grant.MANAGER,
    "Let a server's running migration come to its end.",
    (f"POST {_S}/migrations/{{migration_id}}/action (force_complete)",),
)
MIGRATIONS_DELETE = Rule(
    f"{_MIGRATIONS}delete",
    Grant.MANAGER,
    "Abort a server's running migration.",
    (f"DELETE {_S}/migrations/{{migration_id}}",),
)

DIAGNOSTICS = Rule(
    "os_compute_api:os-server-diagnostics",
    Grant.ADMIN,
    "See what a server uses of its host.",
    (f"GET {_S}/diagnostics",),
)

TOPOLOGY = Rule(
    "compute:server:topology:index",
    Grant.READER,
    "Show how a server's guest sees processors and memory.",
    (f"GET {_S}/topology",),
)

PASSWORD_SHOW = Rule(
    "os_compute_api:os-server-password:show",
    Grant.READER,
    "Show the encrypted password that a server's guest posted.",
    (f"GET {_S}/os-server-password",),
)
PASSWORD_CLEAR = Rule(
    "os_compute_api:os-server-password:clear",
    Grant.MEMBER,
    "Forget the password that a server's guest posted.",
    (f"DELETE {_S}/os-server-password",),
)

RULES = rules_in(globals())
