from __future__ import annotations

import json
import logging
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute_service.cmd.logs import Journal, Json, Masker, Oslo, Pairs, configure, secrets_of, set_levels
from compute_service.config.settings import settings_of
from compute_service.domain.request_id import Asker, bound


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    """Make a log record with further fields."""
    made = logging.LogRecord("compute_service.api", logging.WARNING, "x.py", 7, message, args, None)
    vars(made).update(extra)
    return made


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    for handler in [h for h in root.handlers if getattr(h, "of_stratus", False)]:
        root.removeHandler(handler)
        handler.close()
    logging.captureWarnings(False)


def test_a_line_has_pairs_with_the_request_and_further_fields() -> None:
    with bound("req-5"):
        line = Pairs(Masker()).format(record("server %s is gone", "u-1", server="u-1", count=3, text="a b"))
    assert " level=warning logger=compute_service.api process=" in line
    assert line.endswith('request_id=req-5 message="server u-1 is gone" server=u-1 count=3 text="a b"')
    assert line.startswith("time=2")


def test_a_line_can_be_as_other_services_write_it() -> None:
    with bound(Asker("req-5", "req-theirs", "alice", "demo")):
        line = Oslo(Masker()).format(record("server %s is gone", "u-1"))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \d+ WARNING compute_service\.api "
        r"\[req-theirs req-5 alice demo\] server u-1 is gone",
        line,
    )
    with bound("req-5"):
        assert " [None req-5 - -] x" in Oslo(Masker()).format(record("x"))
    assert " compute_service.api [-] x" in Oslo(Masker()).format(record("x"))


def test_what_a_user_sent_cannot_pass_for_a_line_of_its_own() -> None:
    first, second = Oslo(Masker()).format(record("name\n2026-01-01 ERROR forged")).splitlines()
    head = first.removesuffix("name")
    assert second == f"{head}2026-01-01 ERROR forged"


def test_the_callers_own_identifier_is_a_field() -> None:
    with bound(Asker("req-5", "req-theirs")):
        assert json.loads(Json(Masker()).format(record("x")))["global_request_id"] == "req-theirs"
        assert " request_id=req-5 global_request_id=req-theirs " in Pairs(Masker()).format(record("x"))


def test_the_form_of_lines_is_an_option(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    configure(
        settings_of({"stratus": {"log_lines": "oslo"}, "DEFAULT": {"log_file": str(path)}}), "nova-test"
    )
    logging.getLogger("compute_service.x").warning("hello")
    assert path.read_text().endswith(" WARNING compute_service.x [-] hello\n")


def test_a_line_can_be_json() -> None:
    found = json.loads(Json(Masker()).format(record("x", server={"id": 1}, odd=object)))
    assert found["message"] == "x"
    assert found["server"] == {"id": 1}
    assert "request_id" not in found


def test_line_breaks_stay_within_their_field() -> None:
    line = Pairs(Masker()).format(record('evil\nlevel=error "quoted"'))
    assert "\n" not in line
    assert r'message="evil\nlevel=error \"quoted\""' in line


def test_a_traceback_follows_or_is_a_field() -> None:
    try:
        raise ValueError("bad")
    except ValueError:
        made = record("failed", exc_info=sys.exc_info())
    assert Pairs(Masker()).format(made).endswith("ValueError: bad")
    assert "ValueError: bad" in json.loads(Json(Masker()).format(made))["exception"]


def test_secrets_never_reach_a_line() -> None:
    settings = settings_of(
        {
            "DEFAULT": {"transport_url": "rabbit://nova:rabbitpw@h1:5672,nova:otherpw@h2:5672/"},
            "neutron": {"password": "neutronpw"},
            "api_database": {"connection": "mysql+pymysql://nova:databasepw@h/nova_api"},
        }
    )
    masker = Masker(secrets_of(settings))
    for secret in ("rabbitpw", "neutronpw", "databasepw"):
        for formatter in (Pairs(masker), Json(masker)):
            line = formatter.format(record("could not use %s", f"xx {secret} yy", key=secret))
            assert secret not in line
            assert line.count("***") == 2
    assert Masker()("at mysql://u:p@h and amqp://a:b@c/d") == "at mysql://u:***@h and amqp://a:***@c/d"


def test_files_are_written_where_the_settings_say(tmp_path: Path) -> None:
    settings = settings_of({"DEFAULT": {"log_dir": str(tmp_path / "log"), "use_json": True}})
    configure(settings, "nova-test")
    logging.getLogger("x").info("hello")
    assert json.loads((tmp_path / "log" / "nova-test.log").read_text())["message"] == "hello"
    # Moved away by logrotate: a new file is begun.
    (tmp_path / "log" / "nova-test.log").rename(tmp_path / "log" / "old")
    logging.getLogger("x").info("again")
    assert "again" in (tmp_path / "log" / "nova-test.log").read_text()


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        configure(settings_of({}), "nova-test")
    logging.getLogger("x").info("hello")
    assert capsys.readouterr().err.count("hello") == 1


def test_levels_follow_the_settings(caplog: pytest.LogCaptureFixture) -> None:
    set_levels(settings_of({"DEFAULT": {"debug": True, "default_log_levels": ("a.b=ERROR", "c=LOUD")}}))
    assert logging.getLogger().level == logging.DEBUG
    assert logging.getLogger("a.b").level == logging.ERROR
    assert "there is no level 'LOUD'" in caplog.text
    set_levels(settings_of({}))
    assert logging.getLogger().level == logging.INFO


def test_the_journal_gets_fields(tmp_path: Path) -> None:
    path = str(tmp_path / "journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(2)
        journal = Journal("nova-test", Masker(["topsecret"]), path)
        journal.emit(record("two\nlines", server="topsecret", request_id="req-1"))
        entry = listener.recv(65536)
        journal.close()
    assert b"MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\n" in entry
    assert b"\nPRIORITY=4\nSYSLOG_IDENTIFIER=nova-test\n" in entry
    assert b"\nREQUEST_ID=req-1\n" in entry
    assert b"\nSERVER=***\n" in entry
