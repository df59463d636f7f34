"""A guest of the tiny image in QEMU, without KVM: what it tells, what it is told, and what is plugged."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from proving.guest import MARK
from proving.ports import free_port
from proving.process import Launch, Process, program

WAIT = 150.0
_METADATA = "169.254.169.254"
_CARRY = """import os, socket, threading
link = socket.create_connection(("127.0.0.1", {port}), 10)
def answers():
    while data := link.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=answers).start()
while data := os.read(0, 65536):
    link.sendall(data)
"""
"""QEMU starts this for each connection that the guest makes."""


class Guest:
    """One guest; `metadata_port` is where 169.254.169.254:80 leads."""

    def __init__(
        self, folder: Path, image: Path, drives: Sequence[Path] = (), metadata_port: int | None = None
    ) -> None:
        self.folder = folder
        self.ssh_port = free_port()
        shutil.copy(image, folder / "disk.qcow2")
        forwards = f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"
        if metadata_port:
            (folder / "carry.py").write_text(_CARRY.format(port=metadata_port))
            forwards += f",guestfwd=tcp:{_METADATA}:80-cmd:{sys.executable} carry.py"
        command = [
            program("qemu-system-x86_64", "qemu-system-x86"),
            *("-machine", "pc,accel=tcg", "-cpu", "qemu64", "-m", "128", "-display", "none", "-nodefaults"),
            *(
                "-chardev",
                "socket,id=serial,path=serial,server=on,wait=off,logfile=console",
                "-serial",
                "chardev:serial",
            ),
            *("-qmp", "unix:qmp,server=on,wait=off"),
            *("-drive", "file=disk.qcow2,if=virtio"),
            *("-netdev", f"user,id=net,net=169.254.0.0/16,dhcpstart=169.254.1.15,{forwards}"),
            *("-device", "virtio-net-pci,netdev=net"),
        ]
        for drive in drives:
            kind = "media=cdrom" if drive.suffix == ".iso" else "if=virtio,format=raw"
            command += ["-drive", f"file={drive},{kind}"]
        launch = Launch(command, folder=folder)
        self.process = Process("qemu", folder / "log", launch, (folder / "qmp").exists)

    def told(self) -> list[str]:
        """Return what it told since it was started first, without the mark."""
        console = self.folder / "console"
        text = console.read_text(errors="replace") if console.exists() else ""
        return [line.partition(f"{MARK} ")[2].strip() for line in text.splitlines() if f"{MARK} " in line]

    def wait(self, pattern: str, after: int = 0) -> re.Match[str]:
        """Wait until it tells something, and return the match; what it told first is passed over."""
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            for line in self.told()[after:]:
                if match := re.fullmatch(pattern, line):
                    return match
            if not self.process.running:
                break
            time.sleep(0.1)
        raise AssertionError(f"the guest told no {pattern!r}: {self.told()[-20:]}\n{self.process.tail()}")

    def has_ended(self) -> bool:
        """Wait until it is off, and return whether it is."""
        deadline = time.monotonic() + WAIT
        while self.process.running and time.monotonic() < deadline:
            time.sleep(0.1)
        return not self.process.running

    def order(self, command: str, **arguments: object) -> None:
        """Tell QEMU something by its monitor."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(20)
            link.connect(str(self.folder / "qmp"))
            lines = link.makefile("rw")
            lines.readline()
            for one, words in (("qmp_capabilities", {}), (command, arguments)):
                lines.write(json.dumps({"execute": one, "arguments": words}) + "\n")
                lines.flush()
                while "return" not in (answer := json.loads(lines.readline())):
                    assert "error" not in answer, answer

    def ssh(self, key: Path, *words: str) -> str:
        """Run a command in it by ssh, as the owner of a key."""
        options = ["-i", str(key), "-p", str(self.ssh_port), "-F", "none", "-o", "BatchMode=yes"]
        options += [
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ]
        command = ["ssh", *options, "-o", "ConnectTimeout=30", "root@127.0.0.1", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT)  # noqa: S603
        assert done.returncode == 0, done.stderr
        return done.stdout

    def type_at_console(self, *exchange: tuple[str, str]) -> str:
        """Sit at its serial console: wait for each prompt and type the answer. Return what is seen after."""
        seen = ""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(WAIT)
            link.connect(str(self.folder / "serial"))
            link.sendall(b"\n")
            for prompt, answer in exchange:
                deadline = time.monotonic() + WAIT
                while not re.search(prompt, seen):
                    assert time.monotonic() < deadline, f"no {prompt!r} in {seen!r}"
                    seen += link.recv(4096).decode(errors="replace")
                seen = ""
                link.sendall(f"{answer}\n".encode())
        return seen
