"""nova-api-metadata: the metadata API for guests, served by as many processes as configured."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from compute_service.cmd import shared
from compute_service.cmd.healthcheck import LIVE, READY
from compute_service.cmd.serve import Site, serve, settings_of_command, workers_of
from compute_service.config.settings import Settings

PROGRAM = "nova-api-metadata"


def main(argv: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Run the daemon, with the settings of its parent where it has one; returns its exit code."""
    known = settings_of_command(PROGRAM, argv, settings)
    if isinstance(known, int):
        return known
    options = known.default
    site = Site(
        PROGRAM,
        "compute_service.cmd.wsgi_metadata:application",
        options.metadata_listen,
        options.metadata_listen_port,
        workers_of(options.metadata_workers),
        health=LIVE,
        ready=READY,
        shared=shared.METADATA,
    )
    return serve(site, known)


if __name__ == "__main__":
    sys.exit(main())
