"""One site for all functional tests of a process, and its users."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from compute_service.cmd.allinone import AllInOne
from tests.functional.caller import Caller
from tests.functional.cloud import METADATA_SECRET, Cloud
from tests.functional.one_process import OneProcess
from tests.functional.sampled import Stage

SITE = "STRATUS_SITE"
"""Unset: one process. `mariadb` or `postgresql`: processes on real parts, with that database."""
CELLS = "STRATUS_CELLS"
"""How many cells a site on real parts has; 1 when unset."""


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A site with three hosts, room in its quotas, and every type of console."""
    options: dict[str, Any] = {
        "quota": {"instances": 1000, "cores": -1, "ram": -1},
        "spice": {"enabled": True},
        "serial_console": {"enabled": True},
        # Hosts where tests let builds fail are not avoided by the servers of the tests after them.
        "filter_scheduler": {"build_failure_weight_multiplier": 0.0},
    }
    made = (
        _on_real_parts(tmp_path_factory, options)
        if os.environ.get(SITE)
        else OneProcess(AllInOne.start(hosts=3, options=options))
    )
    yield made
    made.close()


def _on_real_parts(tmp_path_factory: pytest.TempPathFactory, options: Mapping[str, Any]) -> Cloud:
    from proving.plan import Plan
    from proving.ports import free_port
    from proving.process import Missing
    from tests.functional.real_parts import RealParts

    cells = int(os.environ.get(CELLS) or 1)
    metadata = {"metadata_listen": "127.0.0.1", "metadata_listen_port": free_port(), "metadata_workers": 1}
    proxy = {"service_metadata_proxy": True, "metadata_proxy_shared_secret": METADATA_SECRET}
    options = {**options, "DEFAULT": metadata, "neutron": proxy}
    plan = Plan(cells=cells, database=os.environ[SITE], hosts=0, options=options)
    try:
        return RealParts(tmp_path_factory.mktemp("site"), plan)
    except Missing as missing:
        pytest.skip(f"THESE TESTS DID NOT RUN: {missing}")


@pytest.fixture
def member(cloud: Cloud) -> Caller:
    """A user with the role member in the project demo."""
    return cloud.caller("demo")


@pytest.fixture
def manager(cloud: Cloud) -> Caller:
    """A user with the role manager in the project demo."""
    return cloud.caller("demo-manager")


@pytest.fixture
def reader(cloud: Cloud) -> Caller:
    """A user with the role reader in the project demo."""
    return cloud.caller("demo-reader")


@pytest.fixture
def admin(cloud: Cloud) -> Caller:
    """The administrator."""
    return cloud.caller("admin")


@pytest.fixture
def order(cloud: Cloud) -> Callable[..., dict[str, Any]]:
    """Return the body of a create; named values replace or add to it."""

    def make(**named: Any) -> dict[str, Any]:
        server = {
            "name": "web",
            "imageRef": cloud.image,
            "flavorRef": cloud.small_flavor,
            "networks": [{"uuid": cloud.private_network}],
        }
        return {"server": server | named}

    return make


@pytest.fixture(scope="session")
def things(cloud: Cloud) -> Iterator[Stage]:
    """A project with one of everything that the API shows."""
    made = Stage.build(cloud)
    yield made
    made.end()


@pytest.fixture
def stage(things: Stage) -> Stage:
    """The same, to be asked by its admin at the least version."""
    things.version, things.asker = "2.1", None
    return things
