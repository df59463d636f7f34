"""Logs: one line an event, as `key=value` pairs, as other OpenStack services write them, as JSON, or with
fields in the systemd journal.

Every line has time, level, logger, process and, within a request or a flow, the request's id. Anything handed
over as `extra` becomes a field. Secrets of the configuration and passwords in addresses are masked, whoever
logs them.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import struct
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

import msgspec

from compute_service.config.settings import Settings, all_options
from compute_service.domain import request_id

MASK = "***"
JOURNAL = "/run/systemd/journal/socket"
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request_id"}
_IN_ADDRESSES = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)@")
_SHORTEST_SECRET = 5
"""Shorter ones would mask half of every line, and are no secrets."""
_SYSLOG = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class Masker:
    """Takes secrets out of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        kept = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, kept))) if kept else None

    def __call__(self, text: str) -> str:
        if "://" in text:
            text = _IN_ADDRESSES.sub(rf"\1:{MASK}@", text)
        return text if self._secrets is None else self._secrets.sub(MASK, text)


@cache
def _secret_options() -> tuple[tuple[str, str], ...]:
    return tuple((attribute, option.name) for attribute, option in all_options() if option.rules.secret)


def secrets_of(settings: Settings) -> list[str]:
    """Return the values of all secret options, and the passwords within addresses among them."""
    found: list[str] = []
    for attribute, name in _secret_options():
        value = getattr(getattr(settings, attribute), name)
        if not isinstance(value, str):
            continue
        passwords = [password for _, password in _IN_ADDRESSES.findall(value)]
        found += passwords or ([] if "://" in value else [value])
    return found


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a line says, in order."""
    found: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "process": record.process,
    }
    asker = request_id.asker()
    request = getattr(record, "request_id", None) or asker.request_id
    if request:
        found["request_id"] = request
    if asker.global_request_id:
        found["global_request_id"] = asker.global_request_id
    found["message"] = record.getMessage()
    found |= {name: value for name, value in vars(record).items() if name not in _KNOWN}
    if record.exc_info:
        found["exception"] = logging.Formatter().formatException(record.exc_info)
    return found


class Pairs(logging.Formatter):
    """`time=… level=… message="…"`; a traceback follows on lines of its own."""

    def __init__(self, masker: Masker) -> None:
        super().__init__()
        self._masker = masker

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        found = fields(record)
        traceback = found.pop("exception", None)
        line = " ".join(f"{name}={_quoted(value)}" for name, value in found.items())
        return self._masker(line if traceback is None else f"{line}\n{traceback}")


class Oslo(logging.Formatter):
    """`date time process LEVEL logger [request ids, user, project] message`, each line of a traceback too."""

    def __init__(self, masker: Masker) -> None:
        super().__init__()
        self._masker = masker

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or as many as the message and the traceback have."""
        asker = request_id.asker()
        request = getattr(record, "request_id", None) or asker.request_id
        who = "-"
        if request:
            parts = (
                asker.global_request_id or "None",
                request,
                asker.user_id or "-",
                asker.project_id or "-",
            )
            who = " ".join(parts)
        # Times are UTC here as in every other form.
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        head = f"{at} {record.process} {record.levelname} {record.name} [{who}] "
        lines = record.getMessage().splitlines() or [""]
        if record.exc_info:
            lines += logging.Formatter().formatException(record.exc_info).splitlines()
        return self._masker("\n".join(head + line for line in lines))


class Json(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, masker: Masker) -> None:
        super().__init__()
        self._masker = masker

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return self._masker(msgspec.json.encode(fields(record), enc_hook=str).decode())


class Journal(logging.Handler):
    """Sends fields to the systemd journal. Source: systemd's native journal protocol."""

    def __init__(self, program: str, masker: Masker, address: str = JOURNAL) -> None:
        super().__init__()
        self._program = program
        self._masker = masker
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one entry; what cannot be sent is dropped."""
        found = fields(record)
        text = str(found.pop("message"))
        if "exception" in found:
            text += "\n" + str(found.pop("exception"))
        entry: dict[str, Any] = {
            "MESSAGE": text,
            "PRIORITY": _SYSLOG.get(record.levelno, 6),
            "SYSLOG_IDENTIFIER": self._program,
            "CODE_FILE": record.pathname,
            "CODE_LINE": record.lineno,
        }
        entry |= {name.upper(): value for name, value in found.items() if name not in ("time", "process")}
        data = b"".join(_journal_field(name, self._masker(str(value))) for name, value in entry.items())
        try:
            self._socket.sendto(data, self._address)
        except OSError:
            self.handleError(record)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
        super().close()


def _journal_field(name: str, value: str) -> bytes:
    raw = value.encode()
    if b"\n" not in raw:
        return f"{name}={value}\n".encode()
    return name.encode() + b"\n" + struct.pack("<Q", len(raw)) + raw + b"\n"


def _quoted(value: Any) -> str:
    text = str(value)
    if text and not re.search(r'[\s"=]', text):
        return text
    return msgspec.json.encode(text).decode()


def configure(settings: Settings, program: str) -> None:
    """Make the root logger write as the settings say. May be called again."""
    masker = Masker(secrets_of(settings))
    lines = Oslo if settings.stratus.log_lines == "oslo" else Pairs
    formatter = Json(masker) if settings.default.use_json else lines(masker)
    root = logging.getLogger()
    for old in list(root.handlers):
        if getattr(old, "of_stratus", False):
            root.removeHandler(old)
            old.close()
    for handler in _handlers(settings, program, masker):
        handler.setFormatter(formatter)
        handler.of_stratus = True  # type: ignore[attr-defined]
        root.addHandler(handler)
    logging.captureWarnings(True)
    set_levels(settings)


def set_levels(settings: Settings) -> None:
    """Set the levels of all loggers that the settings name."""
    _set_level(logging.getLogger(), logging.DEBUG if settings.default.debug else logging.INFO)
    for entry in settings.default.default_log_levels:
        name, _, level = entry.partition("=")
        number = logging.getLevelNamesMapping().get(level.strip().upper())
        if number is None:
            logging.getLogger(__name__).warning("default_log_levels: there is no level '%s'", level)
        else:
            _set_level(logging.getLogger(name.strip()), number)


def _set_level(logger: logging.Logger, level: int) -> None:
    # Setting one visits every logger there is, and so copies the pages that a parent shares.
    if logger.level != level:
        logger.setLevel(level)


def _handlers(settings: Settings, program: str, masker: Masker) -> list[logging.Handler]:
    options = settings.default
    handlers: list[logging.Handler] = []
    if options.log_dir or options.log_file:
        path = Path(options.log_dir or ".") / (options.log_file or f"{program}.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(WatchedFileHandler(path))
    if options.use_journal and os.path.exists(JOURNAL):
        handlers.append(Journal(program, masker))
    if options.use_stderr or not handlers:
        handlers.append(logging.StreamHandler(sys.stderr))
    return handlers
