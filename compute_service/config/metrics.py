"""[metrics]: how figures that hosts report count in the choice of a host."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Metrics(Section):
    """Options of the section [metrics]."""

    weight_multiplier: float = opt(1.0, "The weight of all metrics together.")
    weight_setting: tuple[str, ...] = opt((), "Metrics and their weights, as name=weight.")
    required: bool = opt(
        True,
        "Whether a host that lacks one of these metrics is an error; otherwise weight_of_unavailable counts.",
    )
    weight_of_unavailable: float = opt(-10000.0, "The weight of a host that lacks a metric.")
