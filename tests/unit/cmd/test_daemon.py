from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compute_service.cmd.daemon import ping, wait_for_database
from compute_service.config.settings import settings_of
from compute_service.domain.errors import Unavailable
from compute_service.store.engine import Store, StoreUrls

BIN = Path(sys.executable).parent


def run(program: str, conf: Path) -> subprocess.CompletedProcess[str]:
    """Run a daemon that cannot start."""
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", f"compute_service.cmd.{program}", "--config-file", str(conf)],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_waiting_for_the_database_ends(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(StoreUrls(api="mysql://u:p@127.0.0.1:1/nova_api"))
    settings = settings_of({"database": {"max_retries": 2, "retry_interval": 0}})
    with pytest.raises(Unavailable):
        wait_for_database(store, settings)
    assert caplog.text.count("the API database does not answer") == 2


def test_a_database_that_answers_is_not_waited_for() -> None:
    store = Store(StoreUrls(api="sqlite://"))
    wait_for_database(store, settings_of({}))
    ping(store)
    store.close()


@pytest.mark.parametrize(
    ("program", "text", "code", "told"),
    [
        ("conductor", "[quota]\ncores = x", 78, "[quota] cores = x: must be a whole number"),
        ("scheduler", "[filter_scheduler]\nenabled_filters = NoSuchFilter", 78, "NoSuchFilter"),
        ("conductor", "[DEFAULT]\ndebug = no", 1, "auth_type is not set"),
        ("compute", "[DEFAULT]\ntransport_url = kafka://h/", 1, "cannot talk over 'kafka'"),
        ("api_metadata", "[DEFAULT]\nmetadata_workers = 0", 78, "metadata_workers = 0: must be"),
    ],
)
def test_what_keeps_a_daemon_from_starting_is_told(
    tmp_path: Path, program: str, text: str, code: int, told: str
) -> None:
    conf = tmp_path / "nova.conf"
    credentials = "auth_type = password\nauth_url = http://127.0.0.1:1\nusername = u\npassword = secretword\n"
    if "auth_type" not in told:
        text += (
            f"\n[service_user]\n{credentials}[api_database]\nconnection = sqlite:///{tmp_path}/api.sqlite\n"
        )
    conf.write_text(text)
    done = run(program, conf)
    assert told in done.stderr
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "secretword" not in done.stderr


def test_it_is_told_whoever_started_the_daemon_when_the_log_is_a_file(tmp_path: Path) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text(f"[DEFAULT]\nlog_dir = {tmp_path}\ntransport_url = kafka://h/\n")
    done = run("compute", conf)
    assert done.stderr.count("cannot start: ") == 1
    assert "cannot start: " in (tmp_path / "nova-compute.log").read_text()
