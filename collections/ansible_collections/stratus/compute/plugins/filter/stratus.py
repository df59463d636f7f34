"""Filters of the roles: configuration files from mappings, and addresses that carry passwords."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


def to_oslo_ini(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a configuration file as oslo.config reads it, sections and options in their order.

    None leaves an option out; lists are joined by commas; truth is `true` or `false`.
    """
    lines: list[str] = []
    for section, options in sections.items():
        told = {name: value for name, value in options.items() if value is not None}
        if told:
            lines += [f"[{section}]", *(f"{name} = {_text(value)}" for name, value in told.items()), ""]
    return "\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(_text(one) for one in value)
    return str(value)


def merge_config(
    base: Mapping[str, Mapping[str, Any]], *more: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, dict[str, Any]]:
    """Return sections with the options of `more` put over those of `base`, later ones last."""
    merged = {section: dict(options) for section, options in base.items()}
    for overlay in more:
        for section, options in (overlay or {}).items():
            merged.setdefault(section, {}).update(options)
    return merged


def db_url(database: str, user: str, password: str, host: str) -> str:
    """Return the address of a MariaDB database for SQLAlchemy; any password is safe in it."""
    return (
        f"mysql+pymysql://{quote(user, safe='')}:{quote(password, safe='')}@{host}/{database}?charset=utf8mb4"
    )


def transport_url(hosts: list[str], user: str, password: str, vhost: str = "/") -> str:
    """Return the address of RabbitMQ for oslo.messaging; any password is safe in it."""
    who = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"rabbit://{','.join(f'{who}@{host}:5672' for host in hosts)}/{quote(vhost.lstrip('/'), safe='')}"


def rabbitmq_password_hash(password: str) -> str:
    """Return a password as RabbitMQ's definitions have it (salted SHA-256), always the same for the same one.

    Source: RabbitMQ documentation, "Credentials and Passwords".
    """
    salt = hashlib.sha256(b"salt" + password.encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def refusal(login: Mapping[str, str], file: str) -> str:
    """Return what to do about a login that was refused; `file` has the site's secrets."""
    service, user = login["service"], login["user"]
    if service == "RabbitMQ":
        secret = "rabbitmq_password"  # noqa: S105
    elif service == "MariaDB":
        secret = f"{user}_database_password"
    else:
        secret = "keystone_admin_password" if user == "admin" else f"{user}_password"
    return (
        f"{service} refuses {user}: {secret} in {file} is not the password that it has."
        " Put the right one back, or run playbooks/site.yml, which sets the inventory's."
    )


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "to_oslo_ini": to_oslo_ini,
            "merge_config": merge_config,
            "db_url": db_url,
            "transport_url": transport_url,
            "rabbitmq_password_hash": rabbitmq_password_hash,
            "refusal": refusal,
        }
