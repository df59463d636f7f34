"""Measures WSGI servers with two workers of eight threads each: `python -m tests.perf.wsgi_servers`.

For each server: seconds to the first answer; with `wrk` at 1 and 8 connections requests a second, p50, p99
and CPU a request (all its processes, from /proc); memory (PSS); and what SIGTERM does to requests in flight:
twenty clients ask for answers of 0.3 s while it is told to stop, and every request that was sent and got no
whole answer is lost. All on loopback.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]
WORKERS, THREADS = 2, int(os.environ.get("BENCH_THREADS", "8"))


def commands(app: str, port: int) -> dict[str, list[str]]:
    """Return the command line of each server."""
    address = f"127.0.0.1:{port}"
    uwsgi = ["uwsgi", "--master", "--die-on-term", "--enable-threads", "--lazy-apps", "--disable-logging"]
    uwsgi += ["--module", app, "--processes", str(WORKERS), "--threads", str(THREADS), "--thunder-lock"]
    uwsgi += ["--worker-reload-mercy", "30", "--need-app", "--listen", "100", "--home", str(BIN.parent)]
    uwsgi += ["--hook-master-start", "unix_signal:15 gracefully_kill_them_all"]
    return {
        "granian": [
            *("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--http", "1"),
            *(
                "--workers",
                str(WORKERS),
                "--blocking-threads",
                str(THREADS),
                "--no-ws",
                "--log-level",
                "warning",
            ),
            *("--workers-kill-timeout", "30", app),
        ],
        "gunicorn": [
            *("gunicorn", "-k", "gthread", "-w", str(WORKERS), "--threads", str(THREADS), "-b", address),
            *("--graceful-timeout", "30", "--keep-alive", "5", "--log-level", "warning", app),
        ],
        "uwsgi": [*uwsgi, "--http-socket", address],
        "uwsgi-http11": [*uwsgi, "--http11-socket", address],
    }


@dataclass
class Result:
    """One server's figures; times in milliseconds unless the name says otherwise."""

    server: str
    ready_s: float = 0.0
    c1_rps: float = 0.0
    c1_p50: float = 0.0
    c1_cpu: float = 0.0
    c8_rps: float = 0.0
    c8_p50: float = 0.0
    c8_p99: float = 0.0
    c8_cpu: float = 0.0
    pss_mb: float = 0.0
    drain: str = ""
    drain_keepalive: str = ""


def tree(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(rest[1]) == pid:
            found += tree(int(path.parent.name))
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its descendants."""
    ticks = 0
    for one in tree(pid):
        rest = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(rest[11]) + int(rest[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_mb(pid: int) -> float:
    """Return the proportional memory of a process and its descendants."""
    return (
        sum(
            int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{one}/smaps_rollup").read_text(), re.M)[1])  # type: ignore[index]
            for one in tree(pid)
        )
        / 1024
    )


@contextmanager
def running(name: str, app: str, path: str) -> Iterator[tuple[subprocess.Popen[bytes], int, float]]:
    """Run a server until the block ends; gives it, its port, and the seconds to its first answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = commands(app, port)[name]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603
        [str(BIN / command[0]), *command[1:]],
        env=environment,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        while ask(port, path) != "whole":
            if process.poll() is not None or time.monotonic() - started > 30:
                raise RuntimeError(f"{name} does not answer")
            time.sleep(0.02)
        yield process, port, time.monotonic() - started
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(35)
            except subprocess.TimeoutExpired:
                process.kill()


def ask(port: int, path: str, connection: http.client.HTTPConnection | None = None) -> str:
    """Make one request; returns `whole`, `refused` (nobody took it) or `lost`."""
    own = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        if own.sock is None:
            own.connect()
    except OSError:
        return "refused"
    try:
        own.request("GET", path)
        answer = own.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        own.close()
        return "lost"
    if connection is None:
        own.close()
    return "whole" if answer.status in (200, 300) else "lost"


def load(port: int, path: str, connections: int, seconds: int, header: str) -> dict[str, float]:
    """Run wrk and return requests, requests a second, p50 and p99 in ms."""
    command = [shutil.which("wrk") or "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["-H", header] if header else []
    text = subprocess.run(  # noqa: S603
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    found = {f"p{p}": float(v) * unit[u] for p, v, u in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", text)}
    requests = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if requests is None or rate is None or "Non-2xx" in text:
        raise RuntimeError(text)
    return found | {"requests": float(requests[1]), "rps": float(rate[1])}


def drain(name: str, app: str, slow: str, keepalive: bool) -> str:
    """Tell a busy server to stop and tell what became of the requests."""
    outcomes: list[str] = []
    with running(name, app, slow) as (process, port, _):
        done = threading.Event()

        def client() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20) if keepalive else None
            while not done.is_set():
                outcomes.append(ask(port, slow, connection))
                if outcomes[-1] == "refused":
                    return

        clients = [threading.Thread(target=client) for _ in range(20)]
        for one in clients:
            one.start()
        time.sleep(1.5)
        before = len(outcomes)
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        try:
            process.wait(35)
            took = f"{time.monotonic() - started:.1f} s"
        except subprocess.TimeoutExpired:
            took = "did not stop"
        done.set()
        for one in clients:
            one.join()
    after = outcomes[before:]
    return f"{after.count('lost')} lost, {after.count('whole')} answered, {took}"


def measure(name: str, options: argparse.Namespace) -> Result:
    """Measure one server."""
    result = Result(name)
    with running(name, options.app, options.ready) as (process, port, ready):
        result.ready_s = ready
        load(port, options.path, 8, 2, options.header)
        for connections in (1, 8):
            before = cpu_seconds(process.pid)
            seen = load(port, options.path, connections, options.seconds, options.header)
            cpu = (cpu_seconds(process.pid) - before) / seen["requests"] * 1000
            prefix = f"c{connections}"
            setattr(result, f"{prefix}_rps", seen["rps"])
            setattr(result, f"{prefix}_p50", seen["p50"])
            setattr(result, f"{prefix}_cpu", cpu)
            if connections == 8:
                result.c8_p99 = seen["p99"]
        result.pss_mb = pss_mb(process.pid)
    if options.slow:
        result.drain = drain(name, options.app, options.slow, keepalive=False)
        result.drain_keepalive = drain(name, options.app, options.slow, keepalive=True)
    return result


def main() -> None:
    """Measure the servers named, in turn, as often as asked; print one line of JSON each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("servers", nargs="*", default=list(commands("", 0)))
    parser.add_argument("--app", default="tests.perf.small_app:application")
    parser.add_argument("--path", default="/")
    parser.add_argument("--ready", default="/", help="a path that is answered without the header")
    parser.add_argument(
        "--slow", default="/slow/300", help="a path that takes 0.3 s; empty leaves draining out"
    )
    parser.add_argument("--header", default="")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    for _ in range(options.rounds):
        for name in options.servers:
            figures = asdict(measure(name, options))
            print(
                json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}),
                flush=True,
            )


if __name__ == "__main__":
    main()
