"""Modules of the collection, loaded without Ansible: what they think needs nothing of it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

COLLECTIONS = Path(__file__).resolve().parents[3] / "collections"
MODULES = COLLECTIONS / "ansible_collections/stratus/compute/plugins/modules"
Load = Callable[[str], Any]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return what loads a module by its name."""
    basic = ModuleType("ansible.module_utils.basic")
    monkeypatch.setattr(basic, "AnsibleModule", object, raising=False)
    for name in ("ansible", "ansible.module_utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, basic.__name__, basic)
    monkeypatch.syspath_prepend(str(COLLECTIONS))

    def named(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, MODULES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        return loaded

    return named
