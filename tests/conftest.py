"""Fixtures that several suites share."""

from __future__ import annotations

import re

pytest_plugins = ["tests.fixtures.databases", "tests.fixtures.rabbitmq", "tests.fixtures.all_in_one"]


_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name cases by what does not change from process to process, or they could not be shared out."""
    if isinstance(val, str) and _UUID.search(val):
        return _UUID.sub("uuid", val)
    return None
