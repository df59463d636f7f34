"""What keeps a host from being part of a site: each problem names its cause and the next step."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bundle.conftest import Load

TRIXIE = {"ID": "debian", "VERSION_CODENAME": "trixie", "PRETTY_NAME": "Debian GNU/Linux 13 (trixie)"}
TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2246 00000000:0000 0A 00000000:00000000 00:00000000 00000000    0     0 4711 1 0 100 0 0 10 0
   1: 0B004D0A:2246 00000000:0000 0A 00000000:00000000 00:00000000 00000000    0     0 4712 1 0 100 0 0 10 0
   2: 0100007F:C350 0100007F:2247 01 00000000:00000000 00:00000000 00000000    0     0 4713 1 0 100 0 0 10 0
"""


@pytest.fixture
def check(load: Load) -> Any:
    return load("host_check")


def test_a_debian_that_will_do_is_no_problem(check: Any) -> None:
    assert check.wrong_release(TRIXIE, ["trixie"]) is None


@pytest.mark.parametrize(
    ("release", "said"),
    [
        (
            TRIXIE | {"VERSION_CODENAME": "bookworm", "PRETTY_NAME": "Debian GNU/Linux 12"},
            "Debian GNU/Linux 12",
        ),
        ({"ID": "ubuntu", "VERSION_CODENAME": "trixie"}, "ubuntu"),
        ({}, "an unknown system"),
    ],
)
def test_another_system_is_named_with_what_is_wanted(check: Any, release: dict[str, str], said: str) -> None:
    told = check.wrong_release(release, ["trixie"])
    assert said in told
    assert "Debian trixie" in told


def test_a_renamed_host_is_told_how_to_get_its_name_back(check: Any) -> None:
    assert check.wrong_name("h1", "h1") is None
    told = check.wrong_name("h1", "other")
    assert "calls itself other" in told
    assert "hostnamectl hostname h1" in told


def test_too_little_memory_is_told_in_numbers(check: Any) -> None:
    assert check.little_memory(3000, 3000) is None
    told = check.little_memory(2999, 3000)
    assert "2999" in told
    assert "3000" in told


@pytest.mark.parametrize(("here", "way"), [(1010.0, "10 s ahead of"), (990.0, "10 s behind")])
def test_a_clock_that_is_off_is_told_which_way(check: Any, here: float, way: str) -> None:
    assert way in check.wrong_clock(here, 1000.0, 5.0)


def test_a_clock_within_the_limit_is_no_problem(check: Any) -> None:
    assert check.wrong_clock(1005.0, 1000.0, 5.0) is None


def test_directories_on_one_disk_count_together(check: Any, tmp_path: Path) -> None:
    usage = os.statvfs(tmp_path)
    free = usage.f_bavail * usage.f_frsize // 2**20
    one, other = str(tmp_path / "a/b"), str(tmp_path / "c")
    assert check.full_disks({one: 1, other: 1}) == []
    told = check.full_disks({one: free * 2, other: 1})
    assert len(told) == 1
    assert f"{free * 2 + 1} MB are needed" in told[0]
    assert str(tmp_path) in told[0]


def test_ports_that_listen_are_found_with_all_their_sockets(check: Any) -> None:
    assert check.listening(TABLE) == {8774: {"4711", "4712"}}


def test_the_process_that_has_a_socket_is_found(check: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        inode = os.readlink(f"/proc/self/fd/{server.fileno()}").strip("socket:[]")
        pid, command, _ = check.owner({inode})
    assert pid == str(os.getpid())
    assert command


def test_a_socket_that_nobody_has_has_no_owner(check: Any) -> None:
    assert check.owner({"0"}) == ("", "", "")


def test_a_port_of_the_site_s_own_unit_is_not_taken(check: Any) -> None:
    assert check.taken(8774, "nova-api", ("12", "python3", "nova-api"), ["nova-api"]) is None
    assert check.taken(8774, "nova-api", ("", "", ""), ["nova-api"]) is None


def test_a_port_that_is_taken_is_told_by_whom_and_how_to_free_it(check: Any) -> None:
    told = check.taken(8774, "nova-api", ("12", "apache2", "apache2"), ["nova-api"])
    for word in ("8774", "nova-api", "apache2", "12", "systemctl disable --now apache2"):
        assert word in told
    assert "kill 12" in check.taken(8774, "nova-api", ("12", "nc", ""), [])
