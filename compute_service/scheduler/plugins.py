"""Which filters and weighers the configuration enables."""

from __future__ import annotations

from collections.abc import Iterable

from compute_service.config.load import ConfigError
from compute_service.config.settings import Settings
from compute_service.scheduler.filters import ABSENT, FILTERS, FilterEntry
from compute_service.scheduler.setting import weights_of
from compute_service.scheduler.weighers import WEIGHERS, WeigherEntry

_SECTION = "[filter_scheduler]"


def enabled_filters(settings: Settings) -> tuple[tuple[str, FilterEntry], ...]:
    """Return the enabled filters in their order. Raises ConfigError for one that cannot be had."""
    available = _named(
        settings.filter_scheduler.available_filters,
        "all_filters",
        {*FILTERS, *ABSENT},
        "available_filters",
    )
    found: dict[str, FilterEntry] = {}
    for name in settings.filter_scheduler.enabled_filters:
        if name in ABSENT:
            raise ConfigError(
                f"{_SECTION}enabled_filters: {name} needs {ABSENT[name]}, which this release does not place "
                "yet. Take it out of the list."
            )
        if name not in FILTERS:
            raise ConfigError(
                f"{_SECTION}enabled_filters: there is no filter {name}. Known: {', '.join(FILTERS)}."
            )
        if name not in available:
            raise ConfigError(f"{_SECTION}enabled_filters: {name} is not among the available_filters.")
        found[name] = FILTERS[name]
    return tuple(found.items())


def enabled_weighers(settings: Settings) -> tuple[WeigherEntry, ...]:
    """Return the weighers in use. Raises ConfigError for one that does not exist."""
    names = _named(settings.filter_scheduler.weight_classes, "all_weighers", set(WEIGHERS), "weight_classes")
    return tuple(entry for name, entry in WEIGHERS.items() if name in names)


def check_settings(settings: Settings) -> None:
    """Refuse lists of weights that cannot be read. Raises ConfigError."""
    lists = {
        "[metrics]weight_setting": settings.metrics.weight_setting,
        "[filter_scheduler]image_props_weight_setting": settings.filter_scheduler.image_props_weight_setting,
    }
    for option, items in lists.items():
        try:
            weights_of(items)
        except ValueError as error:
            raise ConfigError(f"{option}: {error}.") from None


def _named(paths: Iterable[str], everything: str, known: set[str], option: str) -> set[str]:
    """Take class names off their paths, such as `nova.scheduler.weights.ram.RAMWeigher`."""
    names: set[str] = set()
    for path in paths:
        name = path.rpartition(".")[2]
        if name == everything:
            names |= known
        elif name in known:
            names.add(name)
        else:
            raise ConfigError(f"{_SECTION}{option}: {path} is none of the built-in ones.")
    return names
