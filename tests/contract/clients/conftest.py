"""What the clients' contract tests share."""

from __future__ import annotations

import uuid

import pytest


@pytest.fixture
def server() -> str:
    """A server's identifier, which is also its consumer's."""
    return str(uuid.uuid4())
