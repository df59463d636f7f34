"""From settings to the store. Operators' commands need no more than this of a daemon."""

from __future__ import annotations

from compute_service.config.settings import Settings
from compute_service.domain.errors import Invalid
from compute_service.store.database import Observer
from compute_service.store.engine import EngineOptions, Store, StoreUrls


def open_store(settings: Settings, observe: Observer | None = None) -> Store:
    """Return the store of the configured databases; `observe` hears of each statement.

    Raises Invalid when the API database is not named.
    """
    if not settings.api_database.connection:
        raise Invalid("[api_database] connection is not set: this daemon needs the API database.")
    urls = StoreUrls(
        api=settings.api_database.connection,
        cell=settings.database.connection,
        transport=settings.default.transport_url,
    )
    return Store(urls, engine_options(settings), observe=observe)


def engine_options(settings: Settings) -> EngineOptions:
    """Return how databases are connected to; of [database] and [api_database] the larger pool counts."""
    both = (settings.database, settings.api_database)
    defaults = EngineOptions()
    return EngineOptions(
        pool_size=max(section.max_pool_size for section in both),
        max_overflow=max(section.max_overflow for section in both),
        pool_timeout=max(section.pool_timeout or defaults.pool_timeout for section in both),
        recycle=settings.database.connection_recycle_time,
    )
