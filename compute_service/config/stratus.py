"""[stratus]: what has no option upstream. Our own section."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Stratus(Section):
    """Options of the section [stratus]."""

    metrics_listen: str = opt("127.0.0.1", "The address at which a daemon shows metrics and its health.")
    metrics_port: int = opt(0, "The port for that; 0 shows nothing.", min=0, max=65535)
    log_lines: str = opt(
        "pairs",
        "How lines of the log look: key=value pairs, or as other OpenStack services write them. JSON and the "
        "journal have options of their own.",
        choices=("pairs", "oslo"),
    )
    api_threads: int = opt(8, "Requests that each API process handles at a time.", min=1)
    api_backlog: int = opt(1024, "Connections that may wait to be accepted.", min=1)
    rpc_threads: int = opt(16, "Messages that a conductor or scheduler handles at a time.", min=1)
    agent_threads: int = opt(16, "Messages that nova-compute handles at a time.", min=1)
    flow_threads: int = opt(16, "Flows that a conductor advances at a time.", min=1)
    flow_lease: float = opt(30.0, "Seconds a conductor owns a flow before another may take it over.", min=1.0)
    flow_sweep_interval: float = opt(
        5.0, "Seconds between two looks for flows that have something to do.", min=0.05
    )
    resend_interval: float = opt(
        20.0, "Seconds after which an unanswered message to a host is sent again.", min=0.1
    )
    cell_timeout: float = opt(
        10.0, "Seconds to wait for a cell's database before it counts as down.", min=0.1
    )
    secret: str | None = opt(
        None,
        "What encrypts the passwords of servers that are not built yet; the same for all API and conductor "
        "daemons. Unset takes the password in [api_database] connection.",
        secret=True,
    )
    console_sessions: int = opt(1000, "Consoles that may be open at a time through one proxy.", min=1)
    local_queue_length: int = opt(
        10000, "Messages that may wait for one server name of the in-process bus.", min=1
    )
