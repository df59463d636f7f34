"""Which daemons `stratus-compute control` runs, and what keeps it from starting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compute_service.cmd import compute_cli, control_cli
from compute_service.config.settings import settings_of

API, METADATA = "nova-api", "nova-api-metadata"
SCHEDULER, CONDUCTOR = "nova-scheduler", "nova-conductor"


@pytest.mark.parametrize(
    ("sections", "names"),
    [
        ({}, [API, METADATA, SCHEDULER, CONDUCTOR]),
        ({"conductor": {"workers": 2}}, [API, METADATA, SCHEDULER, CONDUCTOR, CONDUCTOR]),
        ({"scheduler": {"workers": 0}}, [API, METADATA, SCHEDULER, CONDUCTOR]),
        ({"DEFAULT": {"enabled_apis": ("osapi_compute",)}}, [API, SCHEDULER, CONDUCTOR]),
    ],
)
def test_it_runs_what_the_configuration_asks_for(sections: dict[str, Any], names: list[str]) -> None:
    assert [child.name for child in control_cli.children_of(settings_of(sections))] == names


def test_a_configuration_that_cannot_be_used_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text("[conductor]\nworkers = many\n")
    assert compute_cli.main(["control", "--config-file", str(conf)]) == 78
    assert "[conductor] workers = many: must be a whole number" in capsys.readouterr().err
