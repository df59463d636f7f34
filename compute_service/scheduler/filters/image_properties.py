"""What an image asks of the hypervisor."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

from compute_service.scheduler.ask import Ask, HostView, Test

_ARCHITECTURES = {"i386": "i686", "i486": "i686", "i586": "i686", "amd64": "x86_64", "arm64": "aarch64"}
_HYPERVISORS = {"xapi": "xen", "powervm": "phyp"}
_MODES = {"pv": "xen", "hv": "hvm", "fullvirt": "hvm", "baremetal": "hvm"}
_COMPARISONS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
_TERM = re.compile(r"\s*(<=|>=|==|!=|<|>|=)?\s*(\d+(?:\.\d+)*)\s*")

Version = tuple[int, ...]
Wanted = tuple[str | None, str | None, str | None]


def image_properties(ask: Ask) -> Test | None:
    """Pass hosts that run guests of the image's architecture, hypervisor type, mode and version."""
    properties = ask.request.image.properties if ask.request.image else {}
    default = ask.settings.filter_scheduler.image_properties_default_architecture
    wanted: Wanted = (
        _named(properties, _ARCHITECTURES, "hw_architecture", "architecture") or default,
        _named(properties, _HYPERVISORS, "img_hv_type", "hypervisor_type"),
        _named(properties, _MODES, "hw_vm_mode", "vm_mode"),
    )
    versions = properties.get("img_hv_requested_version") or properties.get("hypervisor_version_requires")
    if not any(wanted) and not versions:
        return None
    terms = _terms(versions) if versions else []
    shown = ", ".join(part for part in wanted if part)

    def test(view: HostView) -> str | None:
        facts = view.host.record.facts
        if any(wanted) and not any(_fits(wanted, have) for have in facts.supported_instances):
            return f"cannot run {shown} guests"
        if terms is None:
            return f"the image's hypervisor version {versions} is not understood"
        mine = _version(facts.hypervisor_version)
        if not all(compare(mine, wish) for compare, wish in terms):
            return f"hypervisor version is not {versions}"
        return None

    return test


def _named(properties: Mapping[str, str], names: Mapping[str, str], *keys: str) -> str | None:
    for key in keys:
        text = properties.get(key, "").strip().lower()
        if text:
            return names.get(text, text)
    return None


def _fits(wanted: Wanted, have: tuple[str, str, str]) -> bool:
    tables = (_ARCHITECTURES, _HYPERVISORS, _MODES)
    return all(
        wish is None or wish == names.get(one.lower(), one.lower())
        for wish, one, names in zip(wanted, have, tables, strict=True)
    )


def _version(number: int) -> Version:
    """Take a version apart that is kept as one number, such as 8002001 for 8.2.1."""
    return (number // 1_000_000, number // 1_000 % 1_000, number % 1_000)


def _terms(text: str) -> list[tuple[Callable[[Version, Version], bool], Version]] | None:
    """Read a condition such as `>=1.3,<2.0`; None when it is none."""
    found = []
    for part in text.split(","):
        term = _TERM.fullmatch(part)
        if term is None:
            return None
        numbers = tuple(int(number) for number in term[2].split("."))
        found.append((_COMPARISONS[term[1] or "=="], (*numbers, 0, 0, 0)[: max(3, len(numbers))]))
    return found
