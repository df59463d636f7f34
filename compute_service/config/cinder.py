"""[cinder]: the volume service."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.keystoneauth import Credentials, Session
from compute_service.config.option import opt


@dataclass(frozen=True, kw_only=True)
class Cinder(Session, Credentials):
    """Options of the section [cinder]."""

    catalog_info: str = opt(
        "volumev3::publicURL", "The service in the catalog, as type:name:interface; the name may be empty."
    )
    endpoint_template: str | None = opt(None, "The service's address; %(project_id)s is filled in.")
    os_region_name: str | None = opt(None, "The region of the endpoint.")
    http_retries: int = opt(3, "How often a failed call is tried again.", min=0)
    cross_az_attach: bool = opt(True, "Whether a server may have volumes of another availability zone.")
    debug: bool = opt(False, "Whether calls are logged in full.")
