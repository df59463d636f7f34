"""A cloud with real guests on two hosts; where there can be none, tests are skipped and say why."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proving.hosts import GuestCloud, GuestPlan, guest_site
from proving.lab import Unable, check_machine
from proving.ports import free_port
from proving.process import Missing
from tests.functional.caller import Caller
from tests.integration.guests.owner import Owner

Boot = Callable[..., str]


def plan() -> GuestPlan:
    """Return a cloud of two hosts whose guests have screens by SPICE beside VNC.

    Guests that move while they run are slow, so that there is time to look at them, abort or kill.
    """
    port = free_port()
    spice = {
        "enabled": True,
        "html5proxy_host": "127.0.0.1",
        "html5proxy_port": port,
        "html5proxy_base_url": f"http://127.0.0.1:{port}/spice_auto.html",
    }
    options = {"spice": spice, "libvirt": {"live_migration_bandwidth": 1}}
    return GuestPlan(computes=2, options=options, prefix="guests")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuestCloud]:
    """The cloud."""
    try:
        check_machine()
        with guest_site(tmp_path_factory.mktemp("cloud"), plan()) as made:
            yield made
            if "STRATUS_SHOW_LOGS" in os.environ:
                print(made.logs())
    except (Unable, Missing) as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The private part of a key pair."""
    path = tmp_path_factory.mktemp("key") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)  # noqa: S603,S607
    return path


@pytest.fixture(scope="session")
def owner(cloud: GuestCloud, key: Path) -> Owner:
    """An administrator, who may ask where servers are."""
    caller = Caller(cloud.site.compute_url, cloud.site.token())
    pair = {"name": "mine", "type": "ssh", "public_key": key.with_suffix(".pub").read_text()}
    assert caller.post("/os-keypairs", {"keypair": pair}).status in (200, 201)
    return Owner(cloud, caller, key)


@pytest.fixture
def boot(owner: Owner) -> Iterator[Boot]:
    """Boot servers that are deleted in the end."""
    made: list[str] = []

    def start(name: str, **fields: object) -> str:
        server = owner.boot(name, **fields)
        made.append(server)
        return server

    yield start
    for server in made:
        owner.delete(server)
