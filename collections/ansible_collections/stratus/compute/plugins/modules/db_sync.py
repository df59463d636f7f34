#!/usr/bin/python
"""Brings a service's database schema to where its installed code wants it."""

from __future__ import annotations

DOCUMENTATION = """
module: db_sync
short_description: Bring a database schema to where the installed code wants it
description:
  - Runs a service's own migration commands, unless they ran to their end for the same O(version) of its code.
  - Change is told by comparing the revisions in the databases before and after.
author: The Stratus authors
options:
  name:
    description: The service, for the record of what was done.
    type: str
    required: true
  commands:
    description: The commands, in order, each a list of words.
    type: list
    elements: list
    required: true
  databases:
    description: The databases whose revisions are compared.
    type: list
    elements: str
    required: true
  user:
    description: The system user who runs the commands.
    type: str
    required: true
  version:
    description: The version of the installed code; commands that ran for it are not run again.
    type: str
  package:
    description: The Debian package whose version this is, in place of O(version).
    type: str
  secrets:
    description:
      - What the commands find in their environment, such as a password. Unlike C(environment) of a task, it
        is on no command line.
    type: dict
    default: {}
  socket:
    description: The socket of MariaDB, where the caller is its administrator.
    type: path
    default: /run/mysqld/mysqld.sock
  state_path:
    description: Where it is kept what was done.
    type: path
    default: /var/lib/stratus/schema
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

EXAMPLES = """
- name: Make the schema of the image service
  stratus.compute.db_sync:
    name: glance
    commands: [[glance-manage, db_sync]]
    databases: [glance]
    user: glance
    package: glance-api
"""

RETURN = """
revisions:
  description: The revisions by database.
  type: dict
  returned: always
"""

import os  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.stratus.compute.plugins.module_utils.alone import Occupied, alone  # noqa: E402


def _revisions(module: AnsibleModule) -> dict[str, list[str]]:
    """Return what alembic's tables say; databases without such a table have none."""
    import pymysql

    found: dict[str, list[str]] = {}
    connection = pymysql.connect(unix_socket=module.params["socket"], user="root", connect_timeout=10)
    try:
        with connection.cursor() as cursor:
            for database in module.params["databases"]:
                cursor.execute(
                    "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
                    " AND table_name LIKE 'alembic_version%%'",
                    (database,),
                )
                rows: list[str] = []
                for (table,) in cursor.fetchall():
                    cursor.execute(f"SELECT version_num FROM `{database}`.`{table}`")  # noqa: S608
                    rows += [str(row[0]) for row in cursor.fetchall()]
                found[database] = sorted(rows)
    finally:
        connection.close()
    return found


def _installed(module: AnsibleModule) -> str:
    package = module.params["package"]
    code, out, err = module.run_command(["dpkg-query", "--show", "--showformat=${Version}", package])
    if code != 0 and not module.check_mode:
        module.fail_json(msg=f"{package} is not installed", stderr=err)
    return str(out).strip()


def _done(stamp: str, version: str) -> bool:
    try:
        with open(stamp, encoding="utf-8") as file:
            return file.read().strip() == version
    except FileNotFoundError:
        return False


def _as_user(user: str, words: list[str]) -> list[str]:
    return ["runuser", "-u", user, "--", *words]


def main() -> None:
    """Run the module."""
    spec: dict[str, Any] = {
        "name": {"type": "str", "required": True},
        "commands": {"type": "list", "elements": "list", "required": True},
        "databases": {"type": "list", "elements": "str", "required": True},
        "user": {"type": "str", "required": True},
        "version": {"type": "str"},
        "package": {"type": "str"},
        "secrets": {"type": "dict", "default": {}, "no_log": True},
        "socket": {"type": "path", "default": "/run/mysqld/mysqld.sock"},
        "state_path": {"type": "path", "default": "/var/lib/stratus/schema"},
    }
    module = AnsibleModule(
        argument_spec=spec,
        supports_check_mode=True,
        mutually_exclusive=[("version", "package")],
        required_one_of=[("version", "package")],
    )
    try:
        # Of the commands that two runs give at a time, one finds tables that it did not expect.
        with alone(f"schema-{module.params['name']}"):
            _converge(module)
    except Occupied as error:
        module.fail_json(msg=str(error))


def _converge(module: AnsibleModule) -> None:
    version = module.params["version"] or _installed(module)
    stamp = os.path.join(module.params["state_path"], module.params["name"])
    try:
        before = _revisions(module)
    except Exception as error:
        if module.check_mode:
            module.exit_json(changed=True, revisions={})
        module.fail_json(msg=f"MariaDB does not answer on {module.params['socket']}: {error}")
    if _done(stamp, version) and all(before.values()):
        module.exit_json(changed=False, revisions=before)
    if module.check_mode:
        module.exit_json(changed=True, revisions=before)
    for words in module.params["commands"]:
        code, out, err = module.run_command(
            _as_user(module.params["user"], words), environ_update=module.params["secrets"], cwd="/"
        )
        if code != 0:
            module.fail_json(
                msg=f"{' '.join(words)} ended with {code}", stdout=out[-4000:], stderr=err[-4000:]
            )
    after = _revisions(module)
    os.makedirs(module.params["state_path"], mode=0o755, exist_ok=True)
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(version + "\n")
    diff = {"before": f"{before}\n", "after": f"{after}\n"}
    module.exit_json(changed=before != after, revisions=after, diff=diff)


if __name__ == "__main__":
    main()
