"""[vendordata_dynamic_auth]: how the operator's vendor data services are signed in to."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.keystoneauth import Credentials, Session


@dataclass(frozen=True, kw_only=True)
class VendordataDynamicAuth(Session, Credentials):
    """Options of the section [vendordata_dynamic_auth]. Without `auth_type` calls carry no token."""
