"""Roles and their argument specifications."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
LONGEST = 80


def options(role: str) -> dict[str, Any]:
    spec = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    return dict(spec["argument_specs"]["main"]["options"])


def defaults(role: str) -> dict[str, Any]:
    path = ROOT / "roles" / role / "defaults/main.yml"
    return yaml.safe_load(path.read_text()) if path.exists() else {}


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_specification(role: str) -> None:
    told = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert defaults(role) == told


@pytest.mark.parametrize("role", ROLES)
def test_arguments_have_the_role_s_name_in_front(role: str) -> None:
    assert [name for name in options(role) if not name.startswith(f"{role}_")] == []


@pytest.mark.parametrize("role", ROLES)
def test_secrets_are_kept_out_of_logs(role: str) -> None:
    secret = [name for name in options(role) if name.endswith(("_password", "_secret", "_config"))]
    assert [
        name for name in secret if not options(role)[name].get("no_log") and name != "neutron_ml2_config"
    ] == []


@pytest.mark.parametrize("path", sorted((ROOT / "roles").glob("*/tasks/*.yml")), ids=str)
def test_files_of_tasks_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST, path
