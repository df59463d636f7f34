#!/usr/bin/python
"""MariaDB's users and what they may do, all of a site in one go."""

from __future__ import annotations

DOCUMENTATION = """
module: database_users
short_description: Have MariaDB's users as they should be
description:
  - Makes users that are missing, sets passwords that differ, and grants everything in databases of their own.
  - Users and grants that are not named are left alone.
author: The Stratus authors
options:
  users:
    description: The users. Several entries of one user name several databases.
    type: list
    elements: dict
    required: true
    suboptions:
      user:
        description: The user.
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
      name:
        description: A database in which it may do everything.
        type: str
        required: true
  hosts:
    description: Where each may come from.
    type: list
    elements: str
    default: [localhost, "%"]
  socket:
    description: The socket of the server, where root is let in.
    type: path
    default: /run/mysqld/mysqld.sock
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Make the users of the databases
  stratus.compute.database_users:
    users:
      - {user: nova, name: nova_api, password: "{{ secret }}"}
      - {user: nova, name: nova, password: "{{ secret }}"}
"""

RETURN = """
changes:
  description: What was done, by user, host and database.
  type: list
  elements: str
  returned: always
"""

import hashlib  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.stratus.compute.plugins.module_utils.alone import alone  # noqa: E402

PLUGIN = "mysql_native_password"
KNOWN = "SELECT User, Host, plugin, authentication_string FROM mysql.user"
GRANTED = (
    "SELECT User, Host, Db FROM mysql.db WHERE Select_priv = 'Y' AND Insert_priv = 'Y' AND Create_priv = 'Y'"
    " AND Drop_priv = 'Y' AND Alter_priv = 'Y' AND Trigger_priv = 'Y'"
)
Row = tuple[Any, ...]
Ask = Callable[[str, Row], list[Row]]


def password_hash(password: str) -> str:
    """Return a password as mysql_native_password keeps it (MariaDB documentation)."""
    once = hashlib.sha1(password.encode()).digest()  # noqa: S324
    return "*" + hashlib.sha1(once).hexdigest().upper()  # noqa: S324


def missing(users: list[dict[str, str]], hosts: list[str], ask: Ask) -> list[tuple[str, str, Row]]:
    """Return what is to be done: what it is called, the statement, its arguments. `ask` runs a query."""
    known = {(str(user), str(host)): (str(plugin), str(text)) for user, host, plugin, text in ask(KNOWN, ())}
    granted = {
        (str(user), str(host), str(database).replace("\\_", "_")) for user, host, database in ask(GRANTED, ())
    }
    found: list[tuple[str, str, Row]] = []
    passwords = {one["user"]: one["password"] for one in users}
    for user, password in passwords.items():
        for host in hosts:
            if (user, host) not in known:
                statement = "CREATE USER %s@%s IDENTIFIED BY %s"
                found.append((f"{user}@{host} made", statement, (user, host, password)))
            elif known[user, host] != (PLUGIN, password_hash(password)):
                statement = "ALTER USER %s@%s IDENTIFIED BY %s"
                found.append((f"password of {user}@{host} set", statement, (user, host, password)))
    for one in users:
        database = one["name"].replace("`", "``").replace("_", "\\_")
        for host in hosts:
            if (one["user"], host, one["name"]) not in granted:
                statement = f"GRANT ALL PRIVILEGES ON `{database}`.* TO %s@%s"
                found.append((f"{one['name']} given to {one['user']}@{host}", statement, (one["user"], host)))
    return found


def _converge(module: AnsibleModule) -> list[str]:
    import pymysql

    connection = pymysql.connect(unix_socket=module.params["socket"], user="root", connect_timeout=10)
    with connection, connection.cursor() as cursor:

        def ask(query: str, words: Row) -> list[Row]:
            cursor.execute(query, words)
            return list(cursor.fetchall())

        found = missing(module.params["users"], module.params["hosts"], ask)
        for _, statement, words in found if not module.check_mode else ():
            cursor.execute(statement, words)
    return [told for told, _, _ in found]


def main() -> None:
    """Run the module."""
    entry = {
        "user": {"type": "str", "required": True},
        "password": {"type": "str", "required": True, "no_log": True},
        "name": {"type": "str", "required": True},
    }
    module = AnsibleModule(
        argument_spec={
            "users": {"type": "list", "elements": "dict", "required": True, "options": entry},
            "hosts": {"type": "list", "elements": "str", "default": ["localhost", "%"]},
            "socket": {"type": "path", "default": "/run/mysqld/mysqld.sock"},
        },
        supports_check_mode=True,
    )
    try:
        with alone("database-users"):
            changes = _converge(module)
    except Exception as error:
        if module.check_mode:
            module.exit_json(changed=True, changes=[])
        module.fail_json(msg=f"MariaDB does not do as asked on {module.params['socket']}: {error}")
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
