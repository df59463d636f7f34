from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compute_service.config.load import load
from proving.conf import write_nova_conf
from proving.infrastructure.wsgi import conf_text
from proving.plan import Plan

SIGN_IN = {"auth_type": "password", "username": "nova", "password": "hidden"}


@pytest.mark.parametrize(
    "wrong",
    [{"database": "oracle"}, {"cells": 0}, {"hosts": -1}, {"api_workers": 0}, {"conductors": 0}],
)
def test_what_cannot_be_built_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"database is|at least"):
        Plan(**wrong)


def test_each_cell_has_a_database_and_each_but_the_first_a_server() -> None:
    plan = Plan(cells=3)
    assert plan.cell_names == ("cell1", "cell2", "cell3")
    assert plan.servers == ("", "cell2", "cell3")
    assert plan.schemas == {
        "api": "nova_api",
        "cell0": "nova_cell0",
        "cell1": "nova",
        "cell2": "nova_cell2",
        "cell3": "nova_cell3",
    }


def test_the_configuration_is_one_that_we_read(tmp_path: Path) -> None:
    plan = Plan(api_workers=3, options={"DEFAULT": {"debug": True}, "fake": {"hosts": 7}})
    connections = {"transport": "rabbit://b", "api": "sqlite:///a", "cell": "sqlite:///c"}
    path = write_nova_conf(tmp_path / "nova.conf", plan, connections, SIGN_IN, SIGN_IN)
    settings = load(files=[path])
    assert settings.default.transport_url == "rabbit://b"
    assert (settings.default.debug, settings.default.osapi_compute_workers) == (True, 3)
    assert (settings.fake.hosts, settings.api_database.connection) == (7, "sqlite:///a")
    assert (settings.placement.username, settings.service_user.send_service_user_token) == ("nova", True)


def test_hosts_have_no_database(tmp_path: Path) -> None:
    path = write_nova_conf(tmp_path / "nova.conf", Plan(), {"transport": "rabbit://b"}, SIGN_IN, SIGN_IN)
    assert load(files=[path]).api_database.connection is None


def test_values_are_written_as_oslo_reads_them() -> None:
    assert (
        conf_text({"a": {"on": True, "list": ["x", "y"], "text": "z"}})
        == "[a]\non = true\nlist = x,y\ntext = z\n"
    )
