"""Serves one WSGI application with granian: `serve_wsgi.py TARGET PORT THREADS`.

Runs with the Python of the services. They read the command line of whoever serves them, so it is emptied.
"""

from __future__ import annotations

import sys

from granian import Granian
from granian.constants import HTTPModes, Interfaces


def main(target: str, port: int, threads: int) -> None:
    """Serve until told to stop."""
    sys.argv = [target.partition(".")[0]]
    Granian(
        target,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=1,
        blocking_threads=threads,
        backlog=512,
        workers_kill_timeout=5,
    ).serve()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
