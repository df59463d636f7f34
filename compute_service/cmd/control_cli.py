"""`stratus-compute control`: the daemons of a controller under one parent, whose memory they share.

Each is what it is when it is started by itself, reads the same files and is as many processes as these say;
the parent loads what they have in common once, starts them, and replaces the one that dies.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from compute_service.cmd import conductor, scheduler, shared
from compute_service.cmd.family import run_family
from compute_service.cmd.member import Child
from compute_service.config.settings import Settings

PROGRAM = "stratus-control"
API = Child("nova-api", "compute_service.cmd.api:main", shared=shared.API)
METADATA = Child("nova-api-metadata", "compute_service.cmd.api_metadata:main", shared=shared.METADATA)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("--config-file", action="append", default=[], metavar="PATH", help="a nova.conf")
    parser.add_argument("--config-dir", action="append", default=[], metavar="DIR", help="a folder of *.conf")


def run(options: argparse.Namespace) -> int:
    """Run the daemons until told to stop; returns the exit code."""
    given = [word for path in options.config_file for word in ("--config-file", str(Path(path)))]
    given += [word for path in options.config_dir for word in ("--config-dir", str(Path(path)))]
    return run_family(PROGRAM, children_of, given)


def children_of(settings: Settings) -> list[Child]:
    """Return the daemons that the settings ask for: both APIs unless enabled_apis leaves one out."""
    apis = {"osapi_compute": API, "metadata": METADATA}
    found = [apis[name] for name in apis if name in settings.default.enabled_apis]
    found += [scheduler.CHILD] * (settings.scheduler.workers or 1)
    return found + [conductor.CHILD] * (settings.conductor.workers or 1)
