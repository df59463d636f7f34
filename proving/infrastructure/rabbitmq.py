"""A RabbitMQ broker."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from proving.ports import free_ports
from proving.process import Launch, Missing, Process, secret_file

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_CONTROL = SERVER.with_name("rabbitmqctl")
_USER = "stratus"


class RabbitMq(Process):
    """Serves 127.0.0.1 with a node of its own, and keeps its data in `folder`."""

    def __init__(self, folder: Path, vhosts: Sequence[str] = ("/",)) -> None:
        """Write its configuration, with the virtual hosts and one user of all. Raises Missing."""
        if not SERVER.exists():
            raise Missing("RabbitMQ is not installed (Debian: apt-get install rabbitmq-server)")
        names, self.port, distribution = free_ports(3)
        self._password = secrets.token_hex(16)
        self._names: subprocess.Popen[bytes] | None = None
        self._epmd = [shutil.which("epmd") or "/usr/bin/epmd", "-address", "127.0.0.1", "-port", str(names)]
        definitions = secret_file(folder / "definitions.json", json.dumps(self._definitions(vhosts)))
        (folder / "rabbitmq.conf").write_text(
            "vm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.absolute = 10MB\n"
            f"load_definitions = {definitions}\n"
        )
        (folder / "plugins").write_text("[].\n")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"stratus{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log-of-node"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
        }
        launch = Launch([str(SERVER)], environment, folder)
        super().__init__("rabbitmq", folder / "log", launch, self._speaks)

    def url(self, vhost: str = "/") -> str:
        """Return the address of a virtual host, as oslo.messaging takes it."""
        return f"rabbit://{_USER}:{self._password}@127.0.0.1:{self.port}/{vhost.removeprefix('/')}"

    @property
    def password(self) -> str:
        """The user's password, as `url` has it."""
        return self._password

    def set_password(self, password: str) -> None:
        """Give the user another password in the running broker, and close all connections. `url` stays."""
        self._control("change_password", _USER, words=f"{password}\n")
        self._control("close_all_connections", "the password changed")

    def _control(self, *command: str, words: str = "") -> None:
        environment = dict(self.launch.environment)
        subprocess.run(  # noqa: S603
            [_CONTROL, "--node", environment["RABBITMQ_NODENAME"], *command],
            env=environment,
            input=words.encode(),
            stdout=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )

    def start(self) -> None:
        """Start it, and before it the server of Erlang's names."""
        if self._names is None or self._names.poll() is not None:
            self._names = subprocess.Popen(  # noqa: S603
                self._epmd,
                env=dict(self.launch.environment),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        super().start()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 30) -> int:
        """Stop it; the server of names goes as well."""
        try:
            return super().stop(number, seconds)
        finally:
            if self._names is not None:
                self._names.kill()
                self._names.wait(10)
                self._names = None

    def _definitions(self, vhosts: Sequence[str]) -> dict[str, object]:
        everything = {"user": _USER, "configure": ".*", "write": ".*", "read": ".*"}
        user = {
            "name": _USER,
            "password_hash": _hash(self._password),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": "administrator",
        }
        return {
            "users": [user],
            "vhosts": [{"name": name} for name in vhosts],
            "permissions": [{**everything, "vhost": name} for name in vhosts],
        }

    def _speaks(self) -> bool:
        """Whether it answers a greeting of AMQP; the port alone is open before that."""
        with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
            probe.settimeout(2)
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(probe.recv(1))


def _hash(password: str) -> str:
    """Return a password's hash in RabbitMQ's form: salt and SHA-256 of salt and password, in base 64."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
