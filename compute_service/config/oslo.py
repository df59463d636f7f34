"""Small sections named after the libraries upstream reads them with: [oslo_concurrency], [oslo_limit],
[oslo_middleware] and [oslo_policy].
"""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.keystoneauth import Client
from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class OsloConcurrency(Section):
    """Options of the section [oslo_concurrency]."""

    lock_path: str | None = opt(None, "The directory of lock files shared by processes of a host.")
    disable_process_locking: bool = opt(False, "Whether such locks are left out.")


@dataclass(frozen=True, kw_only=True)
class OsloLimit(Client):
    """Options of the section [oslo_limit]."""

    endpoint_id: str | None = opt(None, "This service's endpoint, to which unified limits are registered.")
    endpoint_service_type: str | None = opt(None, "This service's type, to find the endpoint.")
    endpoint_service_name: str | None = opt(None, "This service's name, to find the endpoint.")
    endpoint_region_name: str | None = opt(None, "This service's region, to find the endpoint.")
    endpoint_interface: str = opt("publicURL", "The kind of endpoint, to find it.")


@dataclass(frozen=True, kw_only=True)
class OsloMiddleware(Section):
    """Options of the section [oslo_middleware]."""

    enable_proxy_headers_parsing: bool = opt(
        False, "Whether X-Forwarded-* and Forwarded headers are believed. Only behind a proxy that sets them."
    )
    max_request_body_size: int = opt(114688, "Bytes of the largest request body.", min=1)


@dataclass(frozen=True, kw_only=True)
class OsloPolicy(Section):
    """Options of the section [oslo_policy]."""

    enforce_scope: bool = opt(True, "Whether tokens of the wrong scope are refused.")
    enforce_new_defaults: bool = opt(True, "Whether rules use the reader, member and manager roles.")
    policy_file: str = opt("policy.yaml", "The file of rules that differ, found beside nova.conf.")
    policy_default_rule: str = opt("default", "The rule for what no rule names.")
    policy_dirs: tuple[str, ...] = opt(("policy.d",), "Directories of further files of rules.", multi=True)
    remote_content_type: str = opt(
        "application/x-www-form-urlencoded",
        "How a remote check is sent.",
        choices=("application/x-www-form-urlencoded", "application/json"),
    )
    remote_ssl_verify_server_crt: bool = opt(
        False, "Whether a remote check's server must have a good certificate."
    )
    remote_ssl_ca_crt_file: str | None = opt(None, "The certificate authorities for that.")
    remote_ssl_client_crt_file: str | None = opt(None, "The client certificate for that.")
    remote_ssl_client_key_file: str | None = opt(None, "The key of that certificate.")
    remote_timeout: float = opt(60, "Seconds a remote check may take.", min=0)
