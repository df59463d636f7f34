#!/usr/bin/python
"""The project in which servers are tried, with image, flavor, key and networks; removed again as a whole."""

from __future__ import annotations

DOCUMENTATION = """
module: smoke_cloud
short_description: Make or remove the project in which servers are tried
description:
  - Everything is in a project of its own, so that a site in use is not touched, and removing takes all
    that is in it, whatever an earlier run that was killed left there.
author: The Stratus authors
options:
  state:
    description: Whether it is there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: The name of the project and of everything in it.
    type: str
    default: stratus-verify
  auth:
    description: How to sign in as the administrator.
    type: dict
    required: true
  region:
    description: The region.
    type: str
    required: true
  cafile:
    description: The authority that the endpoints' certificates come from; the system's own when not given.
    type: path
  image:
    description: The guest's image, a qcow2 on this host.
    type: path
  public_key:
    description: The public key that may log in.
    type: str
  external:
    description:
      - The network outside (cidr, gateway, first, last, physical_network), made when the site has none.
      - Without it and without such a network no floating address is tried.
    type: dict
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Make the project
  stratus.compute.smoke_cloud:
    auth: "{{ stratus_admin_auth }}"
    region: RegionOne
    image: /tmp/guest.qcow2
    public_key: ssh-ed25519 AAAA
"""

RETURN = """
external:
  description: The name of the network outside, or empty.
  type: str
  returned: when present
"""

import contextlib  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.stratus.compute.plugins.module_utils.trial import connect  # noqa: E402

_CIDR = "10.123.0.0/24"
_GONE_SECONDS = 90


def make(params: dict[str, Any]) -> str:
    """Make everything; returns the name of the network outside, or nothing."""
    name, admin = params["name"], connect(params)
    project = admin.identity.create_project(name=name, domain_id="default", description="Verification")
    user = admin.identity.find_user(params["auth"]["username"], domain_id="default")
    for role in ("admin", "member"):
        admin.identity.assign_project_role_to_user(project, user, admin.identity.find_role(role))
    cloud = connect(params, name)
    cloud.compute.create_keypair(name=name, public_key=params["public_key"])
    cloud.compute.create_flavor(name=name, ram=128, vcpus=1, disk=1)
    cloud.create_image(
        name, filename=params["image"], disk_format="qcow2", container_format="bare", wait=True, timeout=120
    )
    network = cloud.network.create_network(name=name)
    subnet = cloud.network.create_subnet(
        name=name, network_id=network.id, ip_version=4, cidr=_CIDR, dns_nameservers=[]
    )
    group = cloud.network.create_security_group(name=name)
    for protocol, port in (("icmp", None), ("tcp", 22)):
        cloud.network.create_security_group_rule(
            security_group_id=group.id,
            direction="ingress",
            ethertype="IPv4",
            protocol=protocol,
            port_range_min=port,
            port_range_max=port,
        )
    outside = _outside(cloud, params)
    gateway = {"external_gateway_info": {"network_id": outside.id}} if outside else {}
    router = cloud.network.create_router(name=name, **gateway)
    cloud.network.add_interface_to_router(router, subnet_id=subnet.id)
    return outside.name if outside else ""


def _outside(cloud: Any, params: dict[str, Any]) -> Any:
    found = next(iter(cloud.network.networks(**{"router:external": True})), None)
    told = params["external"]
    if found or not told:
        return found
    made = cloud.network.create_network(
        name=f"{params['name']}-outside",
        is_router_external=True,
        is_default=True,
        provider_network_type="flat",
        provider_physical_network=told.get("physical_network", "physnet1"),
    )
    cloud.network.create_subnet(
        name=made.name,
        network_id=made.id,
        ip_version=4,
        cidr=told["cidr"],
        gateway_ip=told["gateway"],
        is_dhcp_enabled=False,
        allocation_pools=[{"start": told["first"], "end": told["last"]}],
    )
    return made


def remove(params: dict[str, Any]) -> bool:
    """Remove everything; returns whether there was a project. Raises what is in the way, at the end."""
    name, admin = params["name"], connect(params)
    project = admin.identity.find_project(name, domain_id="default")
    if project is None:
        return _remove_shared(admin, name)
    cloud = connect(params, name)
    _remove_servers(cloud)
    _remove_networks(cloud.network, project)
    for image in cloud.image.images(owner=project.id):
        cloud.image.delete_image(image)
    with contextlib.suppress(Exception):
        cloud.compute.delete_keypair(name)
    _remove_shared(admin, name)
    admin.identity.delete_project(project)
    return True


def _remove_networks(network: Any, project: Any) -> None:
    for address in network.ips(project_id=project.id):
        network.delete_ip(address)
    for router in network.routers(project_id=project.id):
        for port in network.ports(device_id=router.id, device_owner="network:router_interface"):
            network.remove_interface_from_router(router, port_id=port.id)
        network.delete_router(router)
    for one in network.networks(project_id=project.id):
        for port in network.ports(network_id=one.id):
            if not port.device_owner.startswith("network:"):
                network.delete_port(port)
        network.delete_network(one)
    for group in network.security_groups(project_id=project.id):
        if group.name != "default":
            network.delete_security_group(group)


def _remove_servers(cloud: Any) -> None:
    for server in cloud.compute.servers(details=False):
        cloud.compute.delete_server(server)
    deadline = time.monotonic() + _GONE_SECONDS
    while left := [server.id for server in cloud.compute.servers(details=False)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"servers do not go: {', '.join(left)}")
        time.sleep(1)


def _remove_shared(admin: Any, name: str) -> bool:
    flavor = admin.compute.find_flavor(name)
    if flavor:
        admin.compute.delete_flavor(flavor)
    return bool(flavor)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "default": "stratus-verify"},
            "auth": {"type": "dict", "required": True, "no_log": True},
            "region": {"type": "str", "required": True},
            "cafile": {"type": "path"},
            "image": {"type": "path"},
            "public_key": {"type": "str", "no_log": False},
            "external": {"type": "dict"},
        },
        required_if=[("state", "present", ("image", "public_key"))],
    )
    try:
        if module.params["state"] == "absent":
            module.exit_json(changed=remove(module.params))
        remove(module.params)
        module.exit_json(changed=True, external=make(module.params))
    except Exception as error:
        module.fail_json(msg=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
