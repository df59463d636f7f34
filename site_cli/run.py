"""A run of one playbook by ansible-runner: events out, one run an inventory at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from site_cli.event import Event, event_of
from site_cli.reporters import Reporter

ROOT = Path(__file__).resolve().parents[1]


class Busy(Exception):
    """Another run works on the same inventory."""


@dataclass(frozen=True, slots=True)
class Play:
    """What to run on what: `arguments` are those of ansible-playbook."""

    playbook: Path
    inventory: Path
    arguments: tuple[str, ...] = ()


def state_folder() -> Path:
    """Return where locks and artifacts are, readable by their owner alone."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    folder = Path(base) / "stratus"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def site_folder(inventory: Path) -> Path:
    """Return what we keep for one inventory: its lock, what is known of its hosts, connections to them."""
    name = hashlib.sha256(str(inventory.resolve()).encode()).hexdigest()[:12]
    folder = state_folder() / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextmanager
def alone(inventory: Path) -> Iterator[None]:
    """Hold the inventory's lock; raises Busy when another run has it. It ends with the process."""
    with (site_folder(inventory) / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"another run works on {inventory}; wait until it ends") from None
        yield


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Yield what is set when the process is told to end."""
    asked = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def execute(play: Play, reporters: Sequence[Reporter]) -> str:
    """Run the playbook and tell `reporters`; returns the runner's status: successful, failed, canceled."""
    import ansible_runner

    def tell(raw: Mapping[str, Any]) -> bool:
        event = event_of(raw)
        if event is not None:
            for reporter in reporters:
                reporter(event)
        return False

    os.umask(0o077)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=site_folder(play.inventory)))
    try:
        with _interruptible() as asked:
            done = ansible_runner.run(
                private_data_dir=str(folder),
                project_dir=str(ROOT),
                playbook=str(play.playbook.resolve()),
                inventory=str(play.inventory.resolve()),
                cmdline=" ".join(play.arguments) or None,
                envvars=environment(play.inventory),
                quiet=True,
                suppress_env_files=True,
                event_handler=tell,
                cancel_callback=asked.is_set,
            )
        _keep_facts(folder, site_folder(play.inventory) / "facts")
        return str(done.status)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keep_facts(run: Path, facts: Path) -> None:
    """Keep what a run gathered of hosts, for the report; the next run gathers it anew."""
    facts.mkdir(mode=0o700, exist_ok=True)
    for file in run.glob("artifacts/*/fact_cache/*"):
        shutil.copy(file, facts / file.name)


def environment(inventory: Path) -> dict[str, str]:
    """Return what Ansible finds in its environment.

    Ansible names kept connections and cached facts by host name alone: hosts of two sites that are called the
    same would be taken for each other, so each inventory has places of its own for both.
    """
    folder = site_folder(inventory)
    return {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


def journal(play: Play, event: Event, lines: int = 15) -> str:
    """Return the end of the journal of the unit that a failed task was about; empty when it cannot be had."""
    if not event.unit:
        return ""
    command = [str(Path(sys.executable).parent / "ansible"), "-i", str(play.inventory.resolve()), event.host]
    command += ["-b", "-m", "ansible.builtin.command"]
    command += ["-a", f"journalctl --no-pager --output=short-iso --lines={lines} --unit={event.unit}"]
    try:
        got = subprocess.run(  # noqa: S603
            command,
            cwd=ROOT,
            env=os.environ | environment(play.inventory),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return got.stdout.partition("\n")[2].strip() if got.returncode == 0 else ""
