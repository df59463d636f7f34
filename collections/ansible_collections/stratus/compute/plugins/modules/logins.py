#!/usr/bin/python
"""Whether passwords open the services that they are for."""

from __future__ import annotations

DOCUMENTATION = """
module: logins
short_description: Try passwords on MariaDB, RabbitMQ and Keystone
description:
  - Tries each login and tells of those that are refused. A service that does not answer refuses nobody.
  - It does not fail and changes nothing.
author: The Stratus authors
options:
  database:
    description: The passwords of MariaDB's users, by name.
    type: dict
    default: {}
  database_host:
    description: Where MariaDB answers.
    type: str
    default: localhost
  broker:
    description: The passwords of RabbitMQ's users, by name.
    type: dict
    default: {}
  broker_host:
    description: Where RabbitMQ answers.
    type: str
    default: localhost
  identity:
    description: The passwords of Keystone's users in the domain Default, by name.
    type: dict
    default: {}
  identity_url:
    description: Where Keystone answers, with /v3.
    type: str
  cafile:
    description: The authorities that Keystone's certificate is checked with; the host's own when left out.
    type: path
  timeout:
    description: Seconds to wait for an answer.
    type: int
    default: 20
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Try the administrator's password
  stratus.compute.logins:
    identity: {admin: "{{ stratus_secrets.keystone_admin_password }}"}
    identity_url: http://127.0.0.1:5000/v3
"""

RETURN = """
refused:
  description: The logins that were refused.
  type: list
  elements: dict
  returned: always
  contains:
    service:
      description: V(MariaDB), V(RabbitMQ) or V(Keystone).
      type: str
    user:
      description: Who was refused.
      type: str
"""

from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.stratus.compute.plugins.module_utils.identity import refuses  # noqa: E402

ACCESS_DENIED = 1045
"""MariaDB's error for a wrong password."""


def _database_refuses(asked: dict[str, Any], user: str, password: str) -> bool:
    import pymysql

    try:
        pymysql.connect(
            host=asked["database_host"], user=user, password=password, connect_timeout=asked["timeout"]
        ).close()
    except pymysql.err.OperationalError as error:
        return bool(error.args and error.args[0] == ACCESS_DENIED)
    return False


def _broker_refuses(asked: dict[str, Any], user: str, password: str) -> bool:
    import amqp

    link = amqp.Connection(
        f"{asked['broker_host']}:5672",
        userid=user,
        password=password,
        login_method="PLAIN",
        connect_timeout=asked["timeout"],
        read_timeout=asked["timeout"],
    )
    try:
        link.connect()
        link.close()
    except amqp.exceptions.AccessRefused:
        return True
    except (OSError, amqp.exceptions.AMQPError):
        return False
    return False


def _refused(module: AnsibleModule) -> list[dict[str, str]]:
    asked = module.params
    found = [
        ("MariaDB", user)
        for user, password in asked["database"].items()
        if _database_refuses(asked, user, password)
    ]
    found += [
        ("RabbitMQ", user)
        for user, password in asked["broker"].items()
        if _broker_refuses(asked, user, password)
    ]
    if asked["identity_url"]:
        found += [
            ("Keystone", user)
            for user, password in asked["identity"].items()
            if refuses(asked["identity_url"], user, password, asked["cafile"], asked["timeout"])
        ]
    return [{"service": service, "user": user} for service, user in found]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "dict", "default": {}, "no_log": True},
            "database_host": {"type": "str", "default": "localhost"},
            "broker": {"type": "dict", "default": {}, "no_log": True},
            "broker_host": {"type": "str", "default": "localhost"},
            "identity": {"type": "dict", "default": {}, "no_log": True},
            "identity_url": {"type": "str"},
            "cafile": {"type": "path"},
            "timeout": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, refused=_refused(module))


if __name__ == "__main__":
    main()
