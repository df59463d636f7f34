"""How new another service is: the highest microversion that it says it has."""

from __future__ import annotations

from typing import Any

from keystoneauth1 import exceptions

from compute_service.clients.auth import plugin_of, session_of
from compute_service.clients.http import reach_of
from compute_service.config.settings import Settings
from compute_service.domain.errors import Unavailable


def highest_version(settings: Settings, name: str) -> str:
    """Return the highest microversion of the service of section [`name`], as 1.39.

    Raises Unavailable when it cannot be asked or tells of none.
    """
    auth, session, place = _cinder(settings) if name == "cinder" else _other(settings, name)
    try:
        data = auth.get_endpoint_data(session, discover_versions=True, **place)
    except exceptions.ClientException as error:
        raise Unavailable(f"The {name} service cannot be asked for its version: {error}") from error
    if data is None:
        raise Unavailable(f"The catalog lists no {place['service_type']} service for [{name}].")
    if data.max_microversion is None:
        raise Unavailable(f"The {name} service tells of no versions.")
    return ".".join(str(part) for part in data.max_microversion)


def _other(settings: Settings, name: str) -> tuple[Any, Any, dict[str, Any]]:
    reach = reach_of(settings, name)
    place = {
        "service_type": reach.service_type,
        "service_name": reach.service_name,
        "interface": list(reach.interfaces),
        "region_name": reach.region,
        "endpoint_override": getattr(settings, name).endpoint_override,
    }
    return reach.auth, reach.session, place


def _cinder(settings: Settings) -> tuple[Any, Any, dict[str, Any]]:
    """The volume service is found by `catalog_info` (type:name:interface)."""
    section = settings.cinder
    kind, name, interface = (*section.catalog_info.split(":"), "", "")[:3]
    place = {
        "service_type": kind,
        "service_name": name or None,
        "interface": interface or "publicURL",
        "region_name": section.os_region_name,
        "endpoint_override": section.endpoint_template,
    }
    return plugin_of(section, "cinder"), session_of(section), place
