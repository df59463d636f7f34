"""A compute host of the cloud: nova-compute as a unit of its systemd, with the machine's checkout."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from proving.conf import write_nova_conf
from proving.hosts.needs import SOURCE
from proving.hosts.segment import join
from proving.lab.command import Failed
from proving.lab.host import Host
from proving.lab.layers import VENV
from proving.plan import Plan

UNIT = "nova-compute"
CONF = "/etc/nova/nova.conf"
LIBVIRTD = "libvirtd.service"
READY_SECONDS = 120.0
_LIBVIRTD_BACK = (
    "until systemctl is-active --quiet libvirtd && virsh list >/dev/null 2>&1; do "
    "systemctl reset-failed libvirtd 2>/dev/null; sleep 0.2; done"
)
_UNIT_FILE = f"""[Unit]
After=libvirtd.socket network.target
Wants=libvirtd.socket

[Service]
Type=notify
WorkingDirectory={SOURCE}
Environment=PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore
ExecStart={VENV}/bin/python -m compute_service.cmd.compute --config-file {CONF}
TimeoutStartSec={READY_SECONDS:.0f}
TimeoutStopSec=30
LimitNOFILE=65535

[Install]
WantedBy=multi-user.target
"""
LIBVIRTD_CONF = 'auth_tcp = "none"\nlisten_addr = "0.0.0.0"\nhost_uuid_source = "machine-id"\n'
_KEYS = ("id", "known_hosts")


def options(host: Host) -> dict[str, dict[str, object]]:
    """Return what a host's nova.conf says beside what all say."""
    return {
        "DEFAULT": {
            "host": host.name,
            "my_ip": host.address,
            "compute_driver": "libvirt.LibvirtDriver",
            "state_path": "/var/lib/nova",
            "instances_path": "/var/lib/nova/instances",
            "reserved_host_memory_mb": 0,
            "reserved_host_disk_mb": 0,
            "vif_plugging_timeout": 20,
        },
        "libvirt": {"virt_type": "qemu", "hw_machine_type": "x86_64=pc", "live_migration_scheme": "tcp"},
        "vnc": {"server_listen": "0.0.0.0", "server_proxyclient_address": host.address},  # noqa: S104
        "spice": {"server_listen": "0.0.0.0", "server_proxyclient_address": host.address},  # noqa: S104
    }


class ComputeHost:
    """One of them."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def configure(self, folder: Path, plan: Plan, broker: str, credentials: Mapping[str, str]) -> None:
        """Write its files; `broker` is its cell's. Raises Failed."""
        own = {section: dict(words) for section, words in options(self.host).items()}
        for section, words in plan.options.items():
            own.setdefault(section, {}).update(words)
        whole = Plan(hosts=0, options=own)
        conf = write_nova_conf(
            folder / f"{self.host.name}.conf", whole, {"transport": broker}, credentials, {}
        )
        self.host.write(CONF, conf.read_text(), 0o600)
        self.host.write(f"/etc/systemd/system/{UNIT}.service", _UNIT_FILE)
        self.host.write("/etc/libvirt/libvirtd.conf", LIBVIRTD_CONF)
        for name, there in zip(_KEYS, ("id_ed25519", "known_hosts"), strict=True):
            self.host.write(f"/root/.ssh/{there}", (self.host.lab / name).read_text(), 0o600)
        join(self.host)
        self.host.run("mkdir", "-p", "/var/lib/nova/instances")
        self.host.run("systemctl", "stop", "libvirtd.service")
        self.host.run("systemctl", "enable", "--quiet", "--now", "libvirtd-tcp.socket")
        self.host.run("systemctl", "daemon-reload")

    def start(self) -> None:
        """Start nova-compute and wait until it says that it is ready. Raises Failed, with its log."""
        try:
            self.host.run("systemctl", "start", UNIT, seconds=READY_SECONDS)
        except Failed as error:
            raise Failed(f"{error}\n{self.log()}") from error

    def stop(self) -> None:
        """Stop nova-compute; guests stay."""
        self.host.run("systemctl", "stop", UNIT)

    def kill(self) -> None:
        """Kill nova-compute."""
        self.host.run("systemctl", "kill", "--signal=KILL", UNIT)

    def restart_killed(self) -> None:
        """Kill nova-compute and start it again. Raises Failed, with its log."""
        self.kill()
        self.host.run("systemctl", "reset-failed", UNIT)
        self.start()

    def restart_killed_libvirtd(self) -> None:
        """Kill libvirtd, not the guests beside it, and wait until it answers again. Raises Failed."""
        self.host.run("virsh", "list")
        self.host.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", LIBVIRTD)
        self.host.run("sh", "-c", _LIBVIRTD_BACK, seconds=READY_SECONDS)

    def log(self, lines: int = 200) -> str:
        """Return the last of what nova-compute wrote."""
        return self.host.run("journalctl", f"--unit={UNIT}", f"--lines={lines}", "--no-pager", "--output=cat")

    def domains(self) -> list[str]:
        """Return the names of its guests, running or not."""
        return self.host.run("virsh", "list", "--all", "--name").split()

    def console(self, server: str) -> list[str]:
        """Return what a guest told on its console since it was made there."""
        path = f"/var/lib/nova/instances/{server}/console.log"
        return self.host.run("cat", path).splitlines()

    def wait_told(self, server: str, words: str, seconds: float = 180) -> str:
        """Wait until a guest tells a line with these words, and return it. Raises Failed."""
        deadline = time.monotonic() + seconds
        lines: list[str] = []
        while time.monotonic() < deadline:
            try:
                lines = self.console(server)
            except Failed:
                lines = []
            if found := next((line for line in lines if words in line), None):
                return found
            time.sleep(0.3)
        raise Failed(f"guest {server} does not tell {words!r}:\n" + "\n".join(lines[-30:]))
