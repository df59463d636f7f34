"""What is known of the hosts of an inventory: their groups and addresses, and the versions they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from site_cli.run import ROOT, environment, site_folder

PACKAGES = (
    *("keystone", "glance-api", "placement-api", "neutron-api", "ovn-central", "ovn-host"),
    *("openvswitch-switch", "mariadb-server", "rabbitmq-server", "memcached"),
    *("libvirt-daemon", "qemu-system-x86", "python3"),
)
"""Debian packages whose versions a report tells."""
_ASK = """readlink /opt/stratus/current | sed 's|.*/|stratus |'
dpkg-query -W -f '${Package} ${Version}\\n' "$@" 2>/dev/null
true"""
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SiteHost:
    """A host; what is not known is empty. `outside` is its interface of the provider network."""

    name: str
    groups: tuple[str, ...] = ()
    address: str = ""
    outside: str = ""
    system: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def hosts_of(inventory: Path, ask: bool = True) -> tuple[SiteHost, ...]:
    """Return the hosts of an inventory, by name; with `ask` each is asked for the versions it runs.

    Raises ValueError when Ansible cannot read the inventory.
    """
    told = _inventory(inventory)
    versions = _versions(inventory) if ask else {}
    variables = told.get("_meta", {}).get("hostvars", {})
    groups = {name: value.get("hosts", []) for name, value in told.items() if name not in ("_meta", "all")}
    names = sorted({*variables, *(host for hosts in groups.values() for host in hosts)})
    facts = {name: _facts(inventory, name) for name in names}
    return tuple(
        SiteHost(
            name=name,
            groups=tuple(sorted(group for group, hosts in groups.items() if name in hosts)),
            address=_address(variables.get(name, {}), facts[name]),
            outside=_plain(variables.get(name, {}).get("stratus_provider_interface")),
            system=_system(facts[name]),
            versions=versions.get(name, {}),
        )
        for name in names
    )


def _inventory(inventory: Path) -> dict[str, Any]:
    done = _ansible(inventory, "ansible-inventory", "--list")
    if done is None or done.returncode:
        raise ValueError(f"Ansible cannot read {inventory}: {done.stderr.strip() if done else 'no answer'}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _versions(inventory: Path) -> dict[str, dict[str, str]]:
    """Return the versions by host and package; hosts that do not answer are missing."""
    words = ["all", "-T", "5", "-m", "ansible.builtin.command"]
    argv = json.dumps({"argv": ["sh", "-c", _ASK, "sh", *PACKAGES]})
    done = _ansible(inventory, "ansible", *words, "-a", argv, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json")
    try:
        plays = json.loads(done.stdout)["plays"] if done else []
        answers: dict[str, Any] = plays[0]["tasks"][0]["hosts"] if plays else {}
    except (ValueError, LookupError):
        return {}
    return {
        host: {name: version for name, _, version in (line.partition(" ") for line in lines) if version}
        for host, lines in ((host, answer.get("stdout_lines", [])) for host, answer in answers.items())
    }


def _ansible(
    inventory: Path, program: str, *words: str, **more: str
) -> subprocess.CompletedProcess[str] | None:
    command = [str(Path(sys.executable).parent / program), "-i", str(inventory.resolve()), *words]
    more.setdefault("ANSIBLE_LOAD_CALLBACK_PLUGINS", "1")
    try:
        return subprocess.run(  # noqa: S603
            command,
            cwd=ROOT,
            env=os.environ | environment(inventory) | more,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _facts(inventory: Path, host: str) -> dict[str, Any]:
    """Return what Ansible gathered of a host when it last looked."""
    for file in (site_folder(inventory) / "facts").glob(f"*{host}"):
        if file.name.removeprefix("s1_") != host:
            continue
        try:
            told = json.loads(file.read_text())
            told = json.loads(told["__payload__"]) if "__payload__" in told else told
        except (OSError, ValueError, TypeError):
            return {}
        return told if isinstance(told, dict) else {}
    return {}


def _address(variables: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    for name in ("stratus_address", "ansible_host"):
        if found := _plain(variables.get(name)):
            return found
    return str((facts.get("ansible_default_ipv4") or {}).get("address") or "")


def _plain(value: Any) -> str:
    """Return a variable that says what it means; nothing for one that is to be worked out."""
    text = "" if value is None else str(value)
    return "" if "{{" in text else text


def _system(facts: Mapping[str, Any]) -> str:
    parts = [
        f"{facts.get('ansible_distribution', '')} {facts.get('ansible_distribution_version', '')}".strip(),
        f"{facts['ansible_processor_vcpus']} CPUs" if facts.get("ansible_processor_vcpus") else "",
        f"{facts['ansible_memtotal_mb'] / 1024:.0f} GB" if facts.get("ansible_memtotal_mb") else "",
    ]
    return ", ".join(filter(None, parts))
