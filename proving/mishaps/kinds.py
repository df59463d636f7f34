"""The mishaps that a site has to tell of in words that help."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path

import yaml

from proving.lab.command import run
from proving.lab.network import link_name
from proving.lab.plan import MAIN_LINK
from proving.mishaps.trial import Mishap, Place, Wrong

_SECRETS = "group_vars/all/secrets.yml"
_LATE = "group_vars/all/late.yml"
_SQUATTER = "squatter.service"
_SQUATTER_UNIT = """[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 0.0.0.0 --directory /usr/share/doc 11211
"""
_LATE_PYTHON = """#!/bin/sh
export LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 FAKETIME=-300s
exec /usr/bin/python3 "$@"
"""
_SMALL_ROOM = (
    "mkdir /run/small && mount -t tmpfs -o size=20m small /run/small && "
    "mkdir /run/small/up /run/small/work && "
    "mount -t overlay -o lowerdir=/opt,upperdir=/run/small/up,workdir=/run/small/work overlay /opt"
)


def advised(text: str, program: str) -> list[str]:
    """Return the words of the command of this program that a message advises in brackets. Raises Wrong."""
    found = re.search(rf"\(({program} [^)]+)\)", re.sub(r"\s+", " ", text))
    if found is None:
        raise Wrong(f"no command of {program} is advised:\n{text}")
    return found.group(1).split()


def _do(*words: str) -> Callable[[Place], None]:
    """Return a mishap that is a command on the host."""

    def happen(place: Place) -> None:
        place.host.run(*words)

    return happen


def _follow(program: str) -> Callable[[Place, str], str]:
    """Return what does what the message advises."""

    def mend(place: Place, text: str) -> str:
        words = advised(text, program)
        place.host.run(*words)
        return " ".join(words)

    return mend


def _run_again(_place: Place, _text: str) -> str:
    return "running it again"


def _other_password(place: Place) -> None:
    file = place.inventory / _SECRETS
    told = yaml.safe_load(file.read_text())
    told["stratus_secrets"]["neutron_password"] = secrets.token_urlsafe(24)
    file.write_text(yaml.safe_dump(told))


def _take_port(place: Place) -> None:
    place.host.write(f"/etc/systemd/system/{_SQUATTER}", _SQUATTER_UNIT)
    place.host.run("sh", "-c", f"systemctl stop memcached && systemctl start {_SQUATTER}")


def _cable(state: str) -> Callable[[Place], None]:
    def turn(place: Place) -> None:
        link = link_name(place.host.index, MAIN_LINK)
        run(["ip", "-n", place.host.network.namespace, "link", "set", link, state])

    return turn


def _plug_in(place: Place, _text: str) -> str:
    _cable("up")(place)
    place.host.ready()
    return "plugging it in"


def _make_room(place: Place, _text: str) -> str:
    place.host.run("sh", "-c", "umount /opt && umount /run/small && rmdir /run/small")
    return "making room"


def _be_late(place: Place) -> None:
    place.host.run("apt-get", "install", "-y", "-qq", "libfaketime", seconds=300)
    place.host.write("/usr/local/bin/python3-late", _LATE_PYTHON, 0o755)
    _late_file(place).write_text("ansible_python_interpreter: /usr/local/bin/python3-late\n")


def _set_clock(place: Place, _text: str) -> str:
    _late_file(place).unlink()
    return "setting its clock"


def _late_file(place: Place) -> Path:
    return place.inventory / _LATE


MISHAPS = (
    Mishap(
        "wrong-password",
        _other_password,
        ("{host} does not work as it should", "neutron_password", "secrets.yml"),
        _run_again,
        teller="preflight",
        code=2,
    ),
    Mishap(
        "port-taken",
        _take_port,
        ("{host} cannot be part of the site", "port 11211 which memcached needs is taken by python3"),
        _follow("systemctl"),
    ),
    Mishap(
        "unreachable",
        _cable("down"),
        ("{host} cannot be part of the site", "cannot be reached at", "See whether it is on"),
        _plug_in,
    ),
    Mishap(
        "disk-full",
        _do("sh", "-c", _SMALL_ROOM),
        ("{host} cannot be part of the site", r"\d+ MB are free for /opt \d+ MB are needed"),
        _make_room,
    ),
    Mishap(
        "renamed",
        _do("hostnamectl", "hostname", "somebody"),
        ("{host} cannot be part of the site", "it calls itself somebody"),
        _follow("hostnamectl"),
    ),
    Mishap(
        "rabbitmq-stopped",
        _do("systemctl", "stop", "rabbitmq-server"),
        ("{host} does not work as it should", "rabbitmq-server", "Start what does not run"),
        _run_again,
        teller="preflight",
        code=2,
    ),
    Mishap(
        "clock-off",
        _be_late,
        (
            "{host} cannot be part of the site",
            r"its clock is \d+ s behind the control node",
            "Have NTP set it",
        ),
        _set_clock,
    ),
)
"""What is tried, in this order."""
