"""One host of a lab: a system container with its own systemd, on shared layers and one of its own."""

from __future__ import annotations

import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from proving.lab.cgroup import Cgroup
from proving.lab.command import SECONDS, Failed, run
from proving.lab.container import contained
from proving.lab.network import Network, link_name
from proving.lab.overlay import mount_overlay, mounts_below
from proving.lab.plan import MAIN_LINK, LabPlan

START_SECONDS = 60.0
_CONNECT_SECONDS = 5
_LOG_END = 3000
_READY = "systemctl is-system-running --wait >/dev/null 2>&1; systemctl is-active ssh"
_DEVICES = ("/dev/net/tun", "/dev/fuse", "/dev/kvm")


@dataclass(frozen=True)
class Host:
    """A host; `index` is its place among the lab's, from 0, and `lab` the lab's folder."""

    name: str
    index: int
    lab: Path
    network: Network
    plan: LabPlan

    @property
    def address(self) -> str:
        """Its address, where ssh answers."""
        return self.network.host_address(self.index)

    @property
    def folder(self) -> Path:
        """Where its own files are; `root` below it is what it sees."""
        return self.lab / "hosts" / self.name

    @property
    def root(self) -> Path:
        """Its file system as the machine sees it, while it is there."""
        return self.folder / "root"

    @property
    def cgroup(self) -> Cgroup:
        """What holds all its processes."""
        return Cgroup(f"{self.network.lab}/{self.name}")

    @property
    def running(self) -> bool:
        """Whether anything of it runs."""
        return bool(self.cgroup.pids())

    def make(self, layers: Sequence[Path], known: Mapping[str, str]) -> None:
        """Mount its root and write what makes it this host. `known` are all hosts' addresses by name."""
        root = mount_overlay(layers, self.folder)
        _write(root / "etc/hostname", f"{self.name}\n")
        lines = [f"{address} {name}" for name, address in known.items()]
        _write(root / "etc/hosts", "\n".join(["127.0.0.1 localhost", *lines, ""]))
        _write(root / "etc/machine-id", f"{secrets.token_hex(16)}\n")
        _write(root / "etc/systemd/network/10-host0.network", self._network_file())
        _disable(root, self.plan.idle)
        if self.plan.uplink:
            shutil.copy2("/etc/resolv.conf", root / "etc/resolv.conf")
        keys = root / "root/.ssh"
        keys.mkdir(mode=0o700, exist_ok=True)
        _write(keys / "authorized_keys", (self.lab / "id.pub").read_text(), 0o600)
        key = root / "etc/ssh/ssh_host_ed25519_key"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", key])

    def host_key(self) -> str:
        """Return its public key, by which ssh knows it."""
        return (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().strip()

    def start(self) -> None:
        """Start it; see `ready`. It outlives this process. Raises Failed."""
        binds = [f"--bind={device}" for device in _DEVICES if Path(device).exists()]
        binds += [f"--bind-ro={there}:{here}" for there, here in self.plan.binds]
        links = [f"--network-veth-extra={link_name(self.index, link)}:{link}" for link in self.plan.all_links]
        words = ["--boot", "--capability=all", "--resolv-conf=off", f"--hostname={self.name}", *binds, *links]
        machine = f"stratus-{self.network.lab}-{self.name}"
        command = contained(self.cgroup, machine, self.root, words, self.network.namespace)
        with self.console.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        for link in self.plan.all_links:
            self._attach(link, process)

    def ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until its systemd has started everything and ssh answers. Raises Failed."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.run("sh", "-c", _READY, seconds=max(1, deadline - time.monotonic()))
            except Failed as error:
                if time.monotonic() > deadline or not self.running:
                    raise Failed(f"{self.name} does not come up: {error}\n{self.console_end()}") from error
                time.sleep(0.1)
            else:
                return

    def run(self, *words: str, seconds: float = SECONDS, text: str | None = None) -> str:
        """Run a command on it, as root by ssh, and return what it prints. Raises Failed."""
        return run([*self.ssh(), shlex.join(words)], seconds, text)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file on it, and the folders it is in. Raises Failed."""
        script = (
            'umask 077; mkdir -p -m 755 "${2%/*}"; cat >"$2.part"; chmod "$1" "$2.part"; mv "$2.part" "$2"'
        )
        self.run("sh", "-c", script, "sh", f"{mode:o}", path, text=text)

    def ssh(self, *options: str) -> list[str]:
        """Return the command that leads to it by ssh."""
        return ["ssh", "-F", str(self.lab / "ssh_config"), *options, self.name]

    def ssh_config(self) -> str:
        """Return what ssh must know of it."""
        lines = {
            "HostName": self.address,
            "User": "root",
            "IdentityFile": self.lab / "id",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.lab / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": _CONNECT_SECONDS,
            "ServerAliveInterval": 15,
            "LogLevel": "ERROR",
        }
        return "".join([f"Host {self.name}\n", *(f"    {name} {value}\n" for name, value in lines.items())])

    def stop(self, seconds: float = 30) -> None:
        """Switch it off as by its power button, and wait; what is left then is killed. Its files stay."""
        if self.running:
            try:
                self.run("systemctl", "poweroff", seconds=_CONNECT_SECONDS * 2)
            except Failed:
                seconds = 0
        deadline = time.monotonic() + seconds
        while self.running and time.monotonic() < deadline:
            time.sleep(0.1)
        self.cgroup.kill()

    def kill(self) -> None:
        """Cut its power. Its files stay."""
        self.cgroup.kill()

    @property
    def console(self) -> Path:
        """What it writes to its console."""
        return self.folder / "console.log"

    def console_end(self) -> str:
        """Return the last of what it wrote to its console."""
        return self.console.read_text(errors="replace")[-_LOG_END:] if self.console.exists() else ""

    @property
    def made(self) -> bool:
        """Whether its root is there."""
        return self.root in mounts_below(self.folder)

    def _attach(self, link: str, process: subprocess.Popen[bytes]) -> None:
        """Let a link be on its segment as soon as the container has it. Raises Failed."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.network.attach(self.index, link)
            except Failed as error:
                if time.monotonic() > deadline or process.poll() is not None:
                    process.kill()
                    raise Failed(f"{self.name} does not start: {error}\n{self.console_end()}") from error
                time.sleep(0.02)

    def _network_file(self) -> str:
        lines = [f"[Match]\nName={MAIN_LINK}\n\n[Network]\nAddress={self.address}/24"]
        lines += ["LinkLocalAddressing=no", "LLDP=no", "EmitLLDP=no"]
        lines += [f"Gateway={self.network.gateway}"] if self.plan.uplink else []
        return "\n".join([*lines, ""])


def _disable(root: Path, units: Sequence[str]) -> None:
    """Let units of a root not start by themselves. The links lead to files that only the host has."""
    for folder in (root / "etc/systemd/system").glob("*.*"):
        for unit in units:
            if (folder / unit).is_symlink():
                (folder / unit).unlink()


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file of a root, in place of whatever is there, links included."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
