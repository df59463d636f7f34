"""Permissions of servers: listing, showing, creating, changing and deleting them."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:servers:"

INDEX = Rule(f"{_P}index", Grant.READER, "List servers.", ("GET /servers",))
DETAIL = Rule(f"{_P}detail", Grant.READER, "List servers with details.", ("GET /servers/detail",))
INDEX_ALL_TENANTS = Rule(
    f"{_P}index:get_all_tenants", Grant.ADMIN, "List servers of all projects.", ("GET /servers",)
)
DETAIL_ALL_TENANTS = Rule(
    f"{_P}detail:get_all_tenants",
    Grant.ADMIN,
    "List servers of all projects with details.",
    ("GET /servers/detail",),
)
ALL_FILTERS = Rule(
    f"{_P}allow_all_filters",
    Grant.ADMIN,
    "Filter lists of servers by everything; filters kept from others are passed over.",
    ("GET /servers", "GET /servers/detail"),
)
SHOW = Rule(f"{_P}show", Grant.READER, "Show a server.", ("GET /servers/{server_id}",))
SHOW_EXTRA_SPECS = Rule(
    f"{_P}show:flavor-extra-specs",
    Grant.READER,
    "See the extra specs of a server's flavor.",
    ("GET /servers/detail", "GET /servers/{server_id}", "PUT /servers/{server_id}"),
)
SHOW_HOST_STATUS = Rule(
    f"{_P}show:host_status",
    Grant.ADMIN,
    "See the status of a server's host.",
    ("GET /servers/{server_id}", "GET /servers/detail"),
)
SHOW_UNKNOWN_HOST_STATUS = Rule(
    f"{_P}show:host_status:unknown-only",
    Grant.ADMIN,
    "See the status of a server's host when it is UNKNOWN.",
    ("GET /servers/{server_id}", "GET /servers/detail"),
)
CREATE = Rule(f"{_P}create", Grant.MEMBER, "Create servers.", ("POST /servers",))
CREATE_FORCED_HOST = Rule(
    f"{_P}create:forced_host",
    Grant.ADMIN,
    "Name the host of a new server past the scheduler, as zone:host:node.",
    ("POST /servers",),
)
CREATE_REQUESTED_DESTINATION = Rule(
    "compute:servers:create:requested_destination",
    Grant.ADMIN,
    "Name the host of a new server, for the scheduler to check.",
    ("POST /servers",),
)
CREATE_ATTACH_VOLUME = Rule(
    f"{_P}create:attach_volume", Grant.MEMBER, "Create servers with volumes.", ("POST /servers",)
)
CREATE_ATTACH_NETWORK = Rule(
    f"{_P}create:attach_network", Grant.MEMBER, "Create servers with named networks.", ("POST /servers",)
)
CREATE_TRUSTED_CERTS = Rule(
    f"{_P}create:trusted_certs",
    Grant.MEMBER,
    "Create servers whose image is checked by certificates.",
    ("POST /servers",),
)
CREATE_ZERO_DISK_FLAVOR = Rule(
    f"{_P}create:zero_disk_flavor",
    Grant.ADMIN,
    "Create servers from an image with a flavor without a root disk.",
    ("POST /servers",),
)
ATTACH_EXTERNAL_NETWORK = Rule(
    "network:attach_external_network",
    Grant.ADMIN,
    "Put servers on a network that is external and not shared.",
    ("POST /servers",),
)
UPDATE = Rule(f"{_P}update", Grant.MEMBER, "Change a server.", ("PUT /servers/{server_id}",))
DELETE = Rule(f"{_P}delete", Grant.MEMBER, "Delete a server.", ("DELETE /servers/{server_id}",))
EXTENDED_ATTRIBUTES = Rule(
    "os_compute_api:os-extended-server-attributes",
    Grant.ADMIN,
    "See where and how a server runs: host, node, name there, user data, and so on.",
    ("GET /servers/{server_id}", "GET /servers/detail", "PUT /servers/{server_id}"),
)

RULES = rules_in(globals())
