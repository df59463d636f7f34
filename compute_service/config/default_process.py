"""[DEFAULT]: who a daemon is, where it keeps things, how it logs, listens, and talks to the others."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.address import host_address, host_name
from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Process(Section):
    """Options that concern every daemon."""

    host: str = opt(
        "<hostname>",
        "The name of this host in the service: its services row, its message queue and the servers on it "
        "carry it. It must not change while the host has servers.",
        computed=host_name,
    )
    my_ip: str = opt(
        "<address of the outward interface>",
        "The address under which other hosts reach this one. Other options may refer to it as $my_ip.",
        computed=host_address,
    )
    my_block_storage_ip: str = opt("$my_ip", "The address this host uses towards block storage.")
    state_path: str = opt(
        "/var/lib/nova",
        "The directory for what a daemon keeps. Other options may refer to it as $state_path.",
    )
    concurrency_backend: str = opt(
        "auto",
        "How daemons run work side by side. Every value gives native threads; `eventlet` is refused.",
        choices=("auto", "threading"),
    )
    default_thread_pool_size: int = opt(10, "Threads for work that a daemon does on its own account.", min=1)
    manager_shutdown_timeout: int = opt(
        160,
        "Seconds that a daemon told to stop gives to the work it has begun. Keep it below the service "
        "manager's own limit.",
        min=0,
    )
    graceful_shutdown_timeout: int = opt(
        60,
        "Seconds that a daemon gives to open requests and calls when it stops; 0 waits without limit.",
        min=0,
    )
    report_interval: int = opt(
        10, "Seconds between two signs of life of a daemon. Must be well below service_down_time.", min=1
    )
    service_down_time: int = opt(
        60, "Seconds without a sign of life after which a daemon counts as down.", min=1
    )
    servicegroup_driver: str = opt("db", "Where signs of life are kept: in the database.", choices=("db",))
    periodic_enable: bool = opt(True, "Whether periodic tasks run at all.")
    periodic_fuzzy_delay: int = opt(
        60,
        "The most seconds by which the first run of a periodic task is put off, so that many daemons "
        "started together do not act together.",
        min=0,
    )
    transport_url: str = opt(
        "rabbit://",
        "The message broker, as driver://user:password@host:port,user:password@host:port/virtual_host.",
        secret=True,
    )
    control_exchange: str = opt("nova", "The exchange under which topics live on the broker.")
    rpc_response_timeout: int = opt(60, "Seconds a caller waits for an answer.", min=1, mutable=True)
    long_rpc_timeout: int = opt(
        1800, "Seconds a caller waits for an answer to a call that does long work.", min=1
    )
    rpc_ping_enabled: bool = opt(False, "Whether daemons answer the broker library's ping call.")
    executor_thread_pool_size: int = opt(64, "Messages that one daemon handles at a time.", min=1)
    debug: bool = opt(False, "Log at level DEBUG.", mutable=True)
    log_dir: str | None = opt(None, "The directory for log files; unset logs to the standard error stream.")
    log_file: str | None = opt(
        None, "The log file, within log_dir when relative. With log_dir alone it is named after the daemon."
    )
    use_journal: bool = opt(False, "Log to the systemd journal with fields instead of plain lines.")
    use_stderr: bool = opt(False, "Log to the standard error stream even when there is a log file.")
    use_json: bool = opt(False, "Write each log line as a JSON object.")
    default_log_levels: tuple[str, ...] = opt(
        (
            "amqp=WARN",
            "kombu=WARN",
            "oslo.messaging=INFO",
            "sqlalchemy=WARN",
            "requests=WARN",
            "urllib3=WARN",
            "keystonemiddleware=WARN",
            "keystoneauth=WARN",
            "oslo_policy=WARN",
        ),
        "Levels of single loggers, as name=LEVEL.",
        mutable=True,
    )
    enabled_apis: tuple[str, ...] = opt(
        ("osapi_compute", "metadata"),
        "Which APIs stratus-compute control runs; nova-api and nova-api-metadata run whatever stands here.",
    )
    osapi_compute_listen: str = opt("0.0.0.0", "The address nova-api listens on.")  # noqa: S104
    osapi_compute_listen_port: int = opt(8774, "The port nova-api listens on.", min=1, max=65535)
    osapi_compute_workers: int | None = opt(
        None, "Processes of nova-api; unset means one a processor, at most 8.", min=1
    )
    metadata_listen: str = opt("0.0.0.0", "The address nova-api-metadata listens on.")  # noqa: S104
    metadata_listen_port: int = opt(8775, "The port nova-api-metadata listens on.", min=1, max=65535)
    metadata_workers: int | None = opt(
        None, "Processes of nova-api-metadata; unset means one a processor, at most 8.", min=1
    )
