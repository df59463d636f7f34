"""The WSGI services: where they are installed, how they are served, how their configuration is written."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from proving.process import Launch, Missing, Process, secret_file

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-services"
_THREADS = 4
_SETUP_SECONDS = 120.0

Sections = Mapping[str, Mapping[str, object]]


class WsgiService(Process):
    """One service, served by granian with one process of four threads, like a small cloud's."""

    def __init__(self, name: str, folder: Path, port: int, environment: Mapping[str, str]) -> None:
        """Raises Missing when the services are not installed."""
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        server = str(Path(__file__).with_name("serve_wsgi.py"))
        target = f"{name}.wsgi.api:application"
        command = [service_program("python"), "-P", server, target, str(port), str(_THREADS)]
        launch = Launch(command, {**environment, "PYTHONWARNINGS": "ignore"}, folder)
        super().__init__(name, folder / "log", launch, self._answers)

    def prepare(self, *command: str, environment: Mapping[str, str] | None = None) -> None:
        """Run a program of the service's to its end. Raises RuntimeError with what it printed."""
        with (self._folder / "prepare.log").open("ab") as log:
            done = subprocess.run(  # noqa: S603
                command,
                env={"PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "ignore", **(environment or {})},
                cwd=self._folder,
                stdout=log,
                stderr=log,
                timeout=_SETUP_SECONDS,
                check=False,
            )
        if done.returncode:
            text = (self._folder / "prepare.log").read_text(errors="replace")
            raise RuntimeError(f"{Path(command[0]).name} for {self.name} failed:\n{text[-3000:]}")

    def _answers(self) -> bool:
        """Whether it answers at its root with anything but an error of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except http.client.HTTPException:
            return False
        finally:
            connection.close()


def service_program(name: str) -> str:
    """Return a program of the environment that the services live in. Raises Missing."""
    found = VENV / "bin" / name
    if not found.exists():
        raise Missing("Keystone, Placement and Glance are not installed: run proving/install")
    return str(found)


def write_conf(path: Path, sections: Sections) -> Path:
    """Write a configuration file that only its owner may read."""
    return secret_file(path, conf_text(sections))


def conf_text(sections: Sections) -> str:
    """Return sections in the form of a configuration file."""
    lines: list[str] = []
    for name, options in sections.items():
        lines += [f"[{name}]", *(f"{key} = {_text(value)}" for key, value in options.items()), ""]
    return "\n".join(lines)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (
        ",".join(map(str, value))
        if isinstance(value, Sequence) and not isinstance(value, str)
        else str(value)
    )
