"""Our own part of a site before it runs: configuration, cells and schemas, made as operators make them."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proving.conf import write_nova_conf
from proving.daemon import BIN
from proving.plan import Plan

_MANAGE_SECONDS = 120.0


@dataclass(frozen=True)
class Compute:
    """`databases` and `brokers` are addresses by cell; `api` is the API level's."""

    folder: Path
    plan: Plan
    databases: Mapping[str, str]
    brokers: Mapping[str, str]

    @property
    def conf(self) -> Path:
        """The nova.conf of the API level, which all daemons but those of hosts read."""
        return self.folder / "nova.conf"

    def conf_of(self, cell: str) -> Path:
        """Return the nova.conf of a cell's hosts."""
        return self.folder / f"nova-{cell}.conf"

    def write(self, tokens: Mapping[str, object], credentials: Mapping[str, str], port: int) -> None:
        """Write all files. `tokens` is the section that checks tokens; `port` is the compute API's."""
        own = {"transport": self.brokers["api"], **self._databases("cell1")}
        plan = _with(self.plan, "DEFAULT", {"osapi_compute_listen_port": port})
        write_nova_conf(self.conf, plan, own, credentials, tokens)
        for cell in self.plan.cell_names:
            plan = _with(self.plan, "DEFAULT", {"host": f"{cell}-1"})
            plan = _with(plan, "fake", {"hosts": max(plan.hosts, 1), "host_prefix": f"{cell}-host-"})
            broker = {"transport": self.brokers[cell]}
            write_nova_conf(self.conf_of(cell), plan, broker, credentials, tokens)
            # Cells are made from a file of their own: addresses hold passwords, and command lines are seen.
            write_nova_conf(self._making(cell), self.plan, broker | self._databases(cell), credentials, {})

    def make(self) -> None:
        """Make cells and schemas. Raises RuntimeError."""
        self.manage(self.conf, "api_db", "sync")
        self.manage(self.conf, "cell_v2", "map_cell0")
        for cell in self.plan.cell_names:
            self.manage(self._making(cell), "cell_v2", "create_cell", "--name", cell)
            local = () if cell == "cell1" else ("--local_cell",)
            self.manage(self._making(cell), "db", "sync", *local)

    def manage(self, conf: Path, *words: str) -> str:
        """Run nova-manage and return what it prints. Raises RuntimeError when it fails."""
        done = subprocess.run(  # noqa: S603
            [str(BIN / "nova-manage"), "--config-file", str(conf), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=_MANAGE_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(f"nova-manage {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _making(self, cell: str) -> Path:
        return self.folder / f"making-{cell}.conf"

    def _databases(self, cell: str) -> dict[str, str]:
        return {"api": self.databases["api"], "cell": self.databases[cell]}


def _with(plan: Plan, section: str, options: Mapping[str, object]) -> Plan:
    """Return a plan with more options, which what it has goes before."""
    merged = {**options, **plan.options.get(section, {})}
    return dataclasses.replace(plan, options={**plan.options, section: merged})
