"""A site on a host of its own on this machine: the host, and the inventory that tells of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from proving.lab import Lab, LabPlan, check_machine, destroy, open_lab, sweep
from proving.lab.lab import create
from proving.lab.machine import Unable, cache_folder, state_folder
from site_cli.run import ROOT, Busy, alone, site_folder

MEMORY_GIB, DISK_GIB = 6, 8
"""What an all-in-one site with a guest needs of the machine."""
_GIB = 1 << 30
_NETWORK: dict[str, Any] = {
    "stratus_address": "{{ ansible_facts['default_ipv4']['address'] }}",
    "stratus_tunnel_address": "10.79.0.11",
    "stratus_provider_interface": "prov0",
    "stratus_provider_address": "172.29.0.1/24",
    # The machine's kernel, which its containers share, may lack Open vSwitch.
    "stratus_ovs_datapath": "netdev",
    "stratus_tunnel_interface": "tun0",
    "stratus_external_network": {
        "cidr": "172.29.0.0/24",
        "gateway": "172.29.0.1",
        "first": "172.29.0.100",
        "last": "172.29.0.199",
    },
}


def check() -> None:
    """Raises Unable, with all reasons, when this machine cannot have a site."""
    check_machine()
    found = []
    if (free := _memory()) < MEMORY_GIB:
        found.append(f"{free:.1f} GiB of memory are free; a site needs {MEMORY_GIB}")
    for what, folder in (("the host", state_folder()), ("what is kept for the next time", cache_folder())):
        if (free := _disk(folder)) < DISK_GIB:
            found.append(f"{free:.1f} GiB are free for {what} in {folder}; {DISK_GIB} are needed")
    if found:
        raise Unable("this machine cannot have a site:\n" + "\n".join(f"- {reason}" for reason in found))


def _memory() -> float:
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024 / _GIB


def _disk(folder: Path) -> float:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return shutil.disk_usage(there).free / _GIB


def find(name: str) -> Lab | None:
    """Return the lab of that name, if there is one. What a killed run left half made is removed."""
    sweep()
    try:
        return open_lab(name)
    except LookupError:
        return None


def make(name: str) -> Lab:
    """Return a lab of one host of the lab's name, running, with what a site needs of Debian; made if need be.

    Raises what `proving.lab.lab.create` does, and Busy while another run makes it.
    """
    found = find(name)
    if found is not None and found.record.owner is not None:
        raise Busy(f"another run makes {name}; wait until it ends")
    if found is not None and all(host.made for host in found.hosts.values()):
        found.start()
        return found
    if found is not None:
        # The machine was started anew since: the mounts that the hosts consist of are gone.
        remove(name)
    plan = LabPlan(
        hosts=(name,), packages=packages(), links=("tun0", "prov0"), uplink=True, idle=idle_units()
    )
    return create(name, plan)


def packages() -> tuple[str, ...]:
    """Return the Debian packages of an all-in-one host, as the playbooks name them."""
    return _of_the_groups("packages")


def idle_units() -> tuple[str, ...]:
    """Return the units that would start unconfigured with the packages there from the first boot on.

    The playbooks enable them when they are configured; until then most would fail, over and over.
    """
    names = (*_of_the_groups("units"), "haproxy")
    return tuple(name if "." in name else f"{name}.service" for name in names)


def _of_the_groups(kind: str) -> tuple[str, ...]:
    """Return what the playbooks name for controllers and compute hosts: packages or units."""
    import yaml

    told = yaml.safe_load((ROOT / f"playbooks/group_vars/all/{kind}.yml").read_text())[f"stratus_{kind}"]
    return tuple(sorted({*told["controller"], *told["compute"]}))


def inventory(made: Lab) -> Path:
    """Write the inventory of a lab's site, beside the secrets that runs put there; return its folder."""
    import yaml

    folder = made.folder / "inventory"
    variables = folder / "group_vars" / "all"
    variables.mkdir(mode=0o700, parents=True, exist_ok=True)
    (host,) = made.hosts
    hosts = {
        "hosts": {host: {}},
        "children": {group: {"hosts": {host: {}}} for group in ("controller", "compute")},
    }
    reached = {"ansible_user": "root", "ansible_ssh_common_args": f"-F {made.folder / 'ssh_config'}"}
    cloud = yaml.safe_load((ROOT / "inventories/aio/group_vars/all/cloud.yml").read_text())
    for path, told in (
        (folder / "hosts.yml", {"all": hosts}),
        (variables / "cloud.yml", cloud | reached),
        (variables / "network.yml", _NETWORK),
    ):
        path.write_text(yaml.safe_dump(told, sort_keys=False))
    return folder


def remove(name: str) -> bool:
    """Remove the lab of that name with all of its site; returns whether there was one.

    Raises Busy while a run works on it, and Failed or OSError when something does not go.
    """
    found = find(name)
    if found is None:
        return False
    inventory = found.folder / "inventory"
    with alone(inventory):
        kept = site_folder(inventory)
        for socket in (kept / "cp").glob("*"):
            leave = ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", name]
            subprocess.run(leave, capture_output=True, timeout=10, check=False)  # noqa: S603
        destroy(name)
        shutil.rmtree(kept, ignore_errors=True)
    return True


def lab_of(inventory: Path) -> str | None:
    """Return the name of the lab whose site an inventory is; None for one of other hosts."""
    folder = inventory.resolve().parent
    return folder.name if folder.parent == (state_folder() / "labs").resolve() else None


def ssh(made: Lab) -> str:
    """Return the command that leads into the host of a lab."""
    return f"ssh -F {made.folder / 'ssh_config'} -t {next(iter(made.hosts))}"


def processors() -> int:
    """Return how many processors the machine lets us use."""
    return len(os.sched_getaffinity(0))
