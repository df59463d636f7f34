"""One site for all functional tests of a process, and its users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from compute_service.cmd.allinone import AllInOne
from tests.functional.caller import Caller
from tests.functional.cloud import Cloud
from tests.functional.sampled import Stage


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """A site with three hosts, and room in its quotas."""
    options = {"quota": {"instances": 1000, "cores": -1, "ram": -1}}
    site = AllInOne.start(hosts=3, options=options)
    yield Cloud(site)
    assert site.stop(), "work was left undone"


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
