"""Rows for the reference page of filters and weighers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from compute_service.config.settings import Settings
from compute_service.domain.record import Record
from compute_service.scheduler.filters import FILTERS
from compute_service.scheduler.weighers import WEIGHERS


class FilterRow(Record):
    """One filter: its name, whether it is on by default and at a rebuild, and what it passes."""

    name: str
    default: bool
    on_rebuild: bool
    about: str


class WeigherRow(Record):
    """One weigher: its name, the option that multiplies it, that option's default, what it prefers."""

    name: str
    option: str
    multiplier: float
    about: str


def filter_rows() -> list[FilterRow]:
    """Return every filter by name."""
    enabled = Settings().filter_scheduler.enabled_filters
    return [
        FilterRow(name=name, default=name in enabled, on_rebuild=entry.on_rebuild, about=_about(entry.filter))
        for name, entry in sorted(FILTERS.items())
    ]


def weigher_rows() -> list[WeigherRow]:
    """Return every weigher by name."""
    settings = Settings()
    return [
        WeigherRow(
            name=name,
            option=entry.option,
            multiplier=entry.multiplier(settings),
            about=_about(entry.weigher),
        )
        for name, entry in sorted(WEIGHERS.items())
    ]


def _about(function: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(function) or "").split())
