"""Hosts on which the libvirt driver works without nova-compute: each verb is a process of its own, so that
one can be killed where nova-compute would be."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from compute_service.domain.flavor import Flavor
from compute_service.domain.guest import GuestSpec
from compute_service.domain.image import Image
from compute_service.domain.metadata.facts import ServerFacts
from compute_service.domain.vif import Vif
from proving.hosts.compute import LIBVIRTD_CONF
from proving.hosts.needs import SOURCE
from proving.hosts.verbs import IMAGES
from proving.lab.command import Failed
from proving.lab.host import Host
from proving.lab.layers import VENV

IMAGE = "5d0b47a6-6f6c-4c39-9d0b-0d57a1a57e02"
GUEST = "22222222-2222-4222-8222-222222222222"
CONF, SLOW = "/etc/nova/nova.conf", "/etc/nova/slow.conf"
INSTANCES = "/var/lib/nova/instances"
SECONDS = 180.0
UNIT = "verb"

Tick = tuple[float, str]
"""The guest's uptime, and its boot's identifier."""


class Refused(Exception):
    """What a verb raised; `kind` is its error's name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


def guest() -> GuestSpec:
    """Return a guest with one interface, swap and a config drive."""
    vif = Vif(
        port_id="5a5a5a5a-0000-4000-8000-000000000001",
        network_id="n",
        network_label="net",
        mac="fa:16:3e:5a:5a:01",
        vif_type="bridge",
        details={"bridge_name": "br-guests"},
    )
    facts = ServerFacts(
        uuid=GUEST,
        number=1,
        reservation_id="r-1",
        project_id="p",
        name="one",
        hostname="one",
        instance_type="tiny",
        image_id=IMAGE,
    )
    return GuestSpec(
        uuid=GUEST,
        name="instance-00000001",
        display_name="one",
        hostname="one",
        project_id="p",
        user_id="u",
        flavor=Flavor(flavorid="1", name="tiny", vcpus=1, memory_mb=128, root_gb=1, swap_mb=64),
        image=Image(id=IMAGE, name="guest", disk_format="qcow2"),
        vifs=(vif,),
        config_drive=True,
        facts=facts,
    )


class DriverHost:
    """One host."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def configure(self) -> None:
        """Write its files and start its libvirt."""
        sections: Mapping[str, Mapping[str, object]] = {
            "DEFAULT": {
                "host": self.host.name,
                "compute_driver": "libvirt.LibvirtDriver",
                "state_path": "/var/lib/nova",
                "instances_path": INSTANCES,
            },
            "libvirt": {"virt_type": "qemu", "hw_machine_type": "x86_64=pc"},
            "vnc": {"server_listen": self.host.address},
            "serial_console": {"enabled": "true", "proxyclient_address": self.host.address},
        }
        lines = [
            f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in words.items())
            for name, words in sections.items()
        ]
        self.host.write(CONF, "\n".join(lines))
        self.host.write(SLOW, "[libvirt]\nlive_migration_bandwidth = 1\n")
        self.host.write("/etc/libvirt/libvirtd.conf", LIBVIRTD_CONF)
        for name, there in (("id", "id_ed25519"), ("known_hosts", "known_hosts")):
            self.host.write(f"/root/.ssh/{there}", (self.host.lab / name).read_text(), 0o600)
        self.host.run("mkdir", "-p", INSTANCES)
        self.host.run("systemctl", "stop", "libvirtd.service")
        self.host.run("systemctl", "enable", "--quiet", "--now", "libvirtd-tcp.socket")

    def do(self, verb: str, *words: Any, slow: bool = False) -> Any:
        """Do a verb and return what it returns. Raises Refused, or Failed when it was killed."""
        order = json.dumps({"verb": verb, "words": [msgspec.to_builtins(word) for word in words]})
        unit = f"systemd-run --quiet --collect --wait --pipe --unit={UNIT}-{verb.replace('_', '-')}"
        where = (
            f"--working-directory={SOURCE} --setenv=PYTHONDONTWRITEBYTECODE=1 --setenv=PYTHONWARNINGS=ignore"
        )
        program = f"{VENV}/bin/python -m proving.hosts.verbs {CONF} {SLOW if slow else ''}"
        told = self.host.run("sh", "-c", f"{unit} {where} {program} || true", text=order, seconds=SECONDS)
        lines = told.splitlines()
        answer = json.loads(lines[-1]) if lines else {}
        if "kind" in answer:
            raise Refused(answer["kind"], answer["message"])
        if "value" not in answer:
            raise Failed(f"{verb} on {self.host.name} did not answer:\n{told[-2000:]}")
        return answer["value"]

    def kill(self, verb: str) -> None:
        """Kill a verb that is being done."""
        self.host.run("systemctl", "kill", "--signal=KILL", f"{UNIT}-{verb.replace('_', '-')}")

    def ticks(self) -> list[Tick]:
        """Return what the guest told of itself since it is here."""
        try:
            text = self.host.run("cat", f"{INSTANCES}/{GUEST}/console.log")
        except Failed:
            return []
        return [(float(at), boot) for at, boot in re.findall(r"GUEST: tick ([\d.]+) (\S+)", text)]

    def ticks_on(self, since: float) -> Tick:
        """Wait until the guest tells an uptime beyond one, and return the first."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if found := next((tick for tick in self.ticks() if tick[0] > since), None):
                return found
            time.sleep(0.3)
        raise Failed(f"the guest does not live on {self.host.name}")

    def virsh(self, *words: str) -> list[str]:
        """Return the words that virsh prints."""
        return self.host.run("virsh", *words).split()

    def left(self) -> list[str]:
        """Return what there is of guests: definitions, files, ends of interfaces."""
        files = f"find {INSTANCES} -mindepth 1 -path '*/_base' -prune -o -print"
        script = f"{files}; ls /sys/class/net | grep ^tap || true"
        return self.virsh("list", "--all", "--name") + self.host.run("sh", "-c", script).split()

    def under_way(self) -> None:
        """Wait until libvirt has carried something of the guest."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            told = self.host.run("virsh", "domjobinfo", GUEST)
            if re.search(r"Data processed: +[1-9]", told):
                return
            time.sleep(0.2)
        raise Failed(f"the guest does not leave {self.host.name}:\n{told}")


class Moving:
    """A verb that is being done in the background."""

    def __init__(self, host: DriverHost, verb: str, *words: Any, slow: bool = False) -> None:
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._do, args=(host, verb, words, slow), daemon=True)
        self._thread.start()

    def _do(self, host: DriverHost, verb: str, words: tuple[Any, ...], slow: bool) -> None:
        try:
            host.do(verb, *words, slow=slow)
        except Exception as error:
            self._error = error

    def result(self) -> None:
        """Wait until it is over, and raise what it raised."""
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error


def images(folder: Path) -> tuple[str, str]:
    """Return the bind of a folder with images."""
    return str(folder), str(IMAGES)
