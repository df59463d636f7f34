"""Options that every section takes which calls another service: how to sign in, and where the service is.

Names are keystoneauth's, so that a section of nova.conf reads the same as with any OpenStack service.
"""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Session(Section):
    """How to connect."""

    cafile: str | None = opt(None, "The certificate authorities to trust, as a PEM file.")
    certfile: str | None = opt(None, "The client certificate, as a PEM file.")
    keyfile: str | None = opt(None, "The key of the client certificate, as a PEM file.")
    insecure: bool = opt(False, "Whether the other side's certificate goes unchecked.")
    timeout: float | None = opt(None, "Seconds to wait for an answer.", min=0)
    collect_timing: bool = opt(False, "Whether the time of each call is recorded.")
    split_loggers: bool = opt(False, "Whether calls are logged under several logger names.")


@dataclass(frozen=True, kw_only=True)
class Credentials(Section):
    """How to sign in. With `auth_section`, all of these are taken from another section."""

    auth_type: str | None = opt(None, "The way to sign in, such as password or v3applicationcredential.")
    auth_section: str | None = opt(None, "Another section whose credentials serve here too.")
    auth_url: str | None = opt(None, "The address of the identity service.")
    username: str | None = opt(None, "The user's name.")
    user_id: str | None = opt(None, "The user's identifier.")
    password: str | None = opt(None, "The user's password.", secret=True)
    user_domain_name: str | None = opt(None, "The name of the user's domain.")
    user_domain_id: str | None = opt(None, "The identifier of the user's domain.")
    project_name: str | None = opt(None, "The name of the project to act in.")
    project_id: str | None = opt(None, "The identifier of the project to act in.")
    project_domain_name: str | None = opt(None, "The name of the project's domain.")
    project_domain_id: str | None = opt(None, "The identifier of the project's domain.")
    domain_name: str | None = opt(None, "The name of the domain to act in.")
    domain_id: str | None = opt(None, "The identifier of the domain to act in.")
    default_domain_name: str | None = opt(None, "The domain by name where none is given.")
    default_domain_id: str | None = opt(None, "The domain by identifier where none is given.")
    system_scope: str | None = opt(None, "The part of the system to act on; `all` is the only one.")
    trust_id: str | None = opt(None, "The trust to act under.")
    application_credential_id: str | None = opt(None, "The application credential's identifier.")
    application_credential_name: str | None = opt(None, "The application credential's name.")
    application_credential_secret: str | None = opt(None, "The application credential's secret.", secret=True)
    token: str | None = opt(None, "A token to use as it is.", secret=True)
    endpoint: str | None = opt(None, "The service's address for ways to sign in that know no catalog.")


@dataclass(frozen=True, kw_only=True)
class Adapter(Section):
    """Where the service is and how patiently it is called."""

    service_type: str | None = opt(None, "The type under which the catalog lists the service.")
    service_name: str | None = opt(None, "The name under which the catalog lists the service.")
    valid_interfaces: tuple[str, ...] = opt(
        ("internal", "public"), "Kinds of endpoints that will do, the best first."
    )
    region_name: str | None = opt(None, "The region of the endpoint.")
    endpoint_override: str | None = opt(None, "The service's address; the catalog is then not asked.")
    min_version: str | None = opt(None, "The lowest version of the service's API that will do.")
    max_version: str | None = opt(None, "The highest version of the service's API that will do.")
    connect_retries: int | None = opt(None, "How often a failed connection is tried again.", min=0)
    connect_retry_delay: float | None = opt(
        None, "Seconds between two such tries; unset grows from half a second.", min=0
    )
    status_code_retries: int | None = opt(
        None, "How often a call answered with one of retriable_status_codes is tried again.", min=0
    )
    status_code_retry_delay: float | None = opt(
        None, "Seconds between two such tries; unset grows from half a second.", min=0
    )
    retriable_status_codes: tuple[str, ...] = opt((), "HTTP codes worth another try; empty means 503.")


@dataclass(frozen=True, kw_only=True)
class Client(Adapter, Session, Credentials):
    """A section of a service that is called with the section's own credentials."""
