"""Fixtures that several suites share."""

from __future__ import annotations

pytest_plugins = ["tests.fixtures.databases", "tests.fixtures.rabbitmq", "tests.fixtures.all_in_one"]
