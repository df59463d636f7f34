#!/usr/bin/python
"""Users, roles and catalog entries of services in Keystone, in one go."""

from __future__ import annotations

DOCUMENTATION = """
module: service_identity
short_description: Make the users, roles and catalog entries of services
description:
  - One connection to Keystone for all services of a site. Passwords are tried before they are set.
author: The Stratus authors
options:
  auth:
    description: How the administrator signs in (auth_url, username, password, project_name and so on).
    type: dict
    required: true
  region:
    description: The region of the endpoints.
    type: str
    default: RegionOne
  project:
    description: The project of the services' users.
    type: str
    default: service
  roles:
    description: Roles that there must be.
    type: list
    elements: str
    default: []
  services:
    description: The services.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Its name, and its user's.
        type: str
        required: true
      type:
        description: Its type in the catalog.
        type: str
      password:
        description: Its user's password; none makes no user.
        type: str
      roles:
        description: The roles of its user in the project.
        type: list
        elements: str
        default: [service]
      endpoints:
        description: Its addresses by interface (public, internal, admin).
        type: dict
        default: {}
  cafile:
    description: The authority of Keystone's certificate.
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Make the image service known
  stratus.compute.service_identity:
    auth: "{{ admin_auth }}"
    services:
      - name: glance
        type: image
        password: "{{ stratus_secrets.glance_password }}"
        endpoints:
          public: http://cloud:9292
"""

RETURN = """
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: always
"""

from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402


class Keystone:
    """What there is in Keystone, and what is done to it; in check mode it is only told."""

    def __init__(self, module: AnsibleModule) -> None:
        import openstack

        self._params = module.params
        self._check = module.check_mode
        self._verify: Any = module.params["cafile"] or True
        auth = {"user_domain_name": "Default", "project_domain_name": "Default", **module.params["auth"]}
        self._auth = auth
        connection = openstack.connection.Connection(
            auth=auth,
            region_name=module.params["region"],
            interface="internal",
            verify=self._verify,
            app_name="stratus",
        )
        self._api = connection.identity
        self.changes: list[str] = []

    def converge(self) -> None:
        """Make everything as it should be."""
        roles = {role.name: role for role in self._api.roles()}
        for name in self._params["roles"]:
            if name not in roles:
                self._do(
                    f"role {name} made",
                    lambda name=name: roles.update({name: self._api.create_role(name=name)}),
                )
        project = self._project()
        known = {user.name: user for user in self._api.users(domain_id="default")}
        catalog = {(one.type, one.name): one for one in self._api.services()}
        endpoints = list(self._api.endpoints())
        for service in self._params["services"]:
            if service.get("password"):
                self._user(service, known.get(service["name"]), project, roles)
            if service.get("type"):
                self._entry(service, catalog.get((service["type"], service["name"])), endpoints)

    def _project(self) -> Any:
        name = self._params["project"]
        found = next((one for one in self._api.projects(name=name, domain_id="default")), None)
        if found is None:
            made: list[Any] = [None]

            def make() -> None:
                made[0] = self._api.create_project(name=name, domain_id="default")

            self._do(f"project {name} made", make)
            found = made[0]
        return found

    def _user(self, service: dict[str, Any], user: Any, project: Any, roles: dict[str, Any]) -> None:
        name, password = service["name"], service["password"]
        held = [user]
        if user is None:

            def make() -> None:
                held[0] = self._api.create_user(name=name, password=password, domain_id="default")

            self._do(f"user {name} made", make)
        elif not self._signs_in(name, password):
            self._do(f"password of {name} set", lambda: self._api.update_user(user, password=password))
        if held[0] is None or project is None:
            return
        has = {
            one.role["id"]
            for one in self._api.role_assignments(user_id=held[0].id, scope_project_id=project.id)
        }
        for wanted in service.get("roles") or ["service"]:
            role = roles.get(wanted)
            if role is not None and role.id not in has:
                self._do(
                    f"role {wanted} given to {name}",
                    lambda role=role: self._api.assign_project_role_to_user(project, held[0], role),
                )

    def _entry(self, service: dict[str, Any], found: Any, endpoints: list[Any]) -> None:
        held = [found]
        if found is None:

            def make() -> None:
                held[0] = self._api.create_service(name=service["name"], type=service["type"])

            self._do(f"service {service['name']} made", make)
        region = self._params["region"]
        for interface, url in (service.get("endpoints") or {}).items():
            told = f"{interface} endpoint of {service['name']}"
            here = None
            if held[0] is not None:
                here = next(
                    (
                        one
                        for one in endpoints
                        if (one.service_id, one.interface, one.region_id) == (held[0].id, interface, region)
                    ),
                    None,
                )
            if here is None:
                self._do(
                    f"{told} made",
                    lambda interface=interface, url=url: self._api.create_endpoint(
                        service_id=held[0].id, interface=interface, url=url, region_id=region
                    ),
                )
            elif here.url != url:
                self._do(f"{told} moved", lambda here=here, url=url: self._api.update_endpoint(here, url=url))

    def _signs_in(self, name: str, password: str) -> bool:
        from keystoneauth1 import exceptions, session
        from keystoneauth1.identity import v3

        who = v3.Password(
            self._auth["auth_url"],
            username=name,
            password=password,
            user_domain_name="Default",
            unscoped=True,
        )
        try:
            session.Session(who, verify=self._verify).get_token()
        except exceptions.Unauthorized:
            return False
        return True

    def _do(self, told: str, work: Callable[[], object]) -> None:
        self.changes.append(told)
        if not self._check:
            work()


def main() -> None:
    """Run the module."""
    service = {
        "name": {"type": "str", "required": True},
        "type": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "roles": {"type": "list", "elements": "str", "default": ["service"]},
        "endpoints": {"type": "dict", "default": {}},
    }
    module = AnsibleModule(
        argument_spec={
            "auth": {"type": "dict", "required": True, "no_log": True},
            "region": {"type": "str", "default": "RegionOne"},
            "project": {"type": "str", "default": "service"},
            "roles": {"type": "list", "elements": "str", "default": []},
            "services": {"type": "list", "elements": "dict", "required": True, "options": service},
            "cafile": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        keystone = Keystone(module)
        keystone.converge()
    except Exception as error:
        module.fail_json(msg=f"Keystone at {module.params['auth'].get('auth_url')}: {error}")
    module.exit_json(changed=bool(keystone.changes), changes=keystone.changes)


if __name__ == "__main__":
    main()
