"""Fixtures of use cases: the installation that flow kinds are tested in."""

from __future__ import annotations

from tests.unit.flows.kinds.conftest import ground, make_world, world

__all__ = ["ground", "make_world", "world"]
