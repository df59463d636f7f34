"""[cors]: pages of which sites may use the API from a browser."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt

_VERSION_HEADERS = ("OpenStack-API-Version", "X-OpenStack-Nova-API-Version")


@dataclass(frozen=True, kw_only=True)
class Cors(Section):
    """Options of the section [cors]. Source: oslo.middleware, CORS options."""

    allowed_origin: tuple[str, ...] = opt(
        (),
        "Sites whose pages may, as scheme://host[:port] and no slash at the end; * is any. None by default.",
    )
    allow_credentials: bool = opt(True, "Whether they may send what the browser keeps for the API's site.")
    expose_headers: tuple[str, ...] = opt(
        (
            "X-Auth-Token",
            "X-Openstack-Request-Id",
            "X-Subject-Token",
            "X-Service-Token",
            *_VERSION_HEADERS,
        ),
        "Headers of answers that they may read beside the usual ones.",
    )
    max_age: int | None = opt(3600, "Seconds for which a browser may remember what is allowed.", min=0)
    allow_methods: tuple[str, ...] = opt(
        ("GET", "PUT", "POST", "DELETE", "PATCH"), "Methods that they may use."
    )
    allow_headers: tuple[str, ...] = opt(
        (
            "X-Auth-Token",
            "X-Openstack-Request-Id",
            "X-Identity-Status",
            "X-Roles",
            "X-Service-Catalog",
            "X-User-Id",
            "X-Tenant-Id",
            *_VERSION_HEADERS,
        ),
        "Headers that they may send beside the usual ones.",
    )
