"""[barbican]: the key manager service."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Barbican(Section):
    """Options of the section [barbican]."""

    barbican_endpoint: str | None = opt(None, "The service's address; unset asks the catalog.")
    barbican_api_version: str | None = opt(None, "The version of the service's API.")
    barbican_endpoint_type: str = opt(
        "public", "The kind of endpoint.", choices=("public", "internal", "admin")
    )
    barbican_region_name: str | None = opt(None, "The region of the endpoint.")
    auth_endpoint: str = opt("http://localhost/identity/v3", "The identity service's address.")
    retry_delay: int = opt(1, "Seconds before a failed call is tried again.", min=0)
    number_of_retries: int = opt(60, "How often a secret that is being made is asked for.", min=0)
    verify_ssl: bool = opt(True, "Whether the service's certificate is checked.")
    verify_ssl_path: str | None = opt(None, "The certificate authorities to trust, as a PEM file.")
    send_service_user_token: bool = opt(False, "Whether calls also carry this service's own token.")
