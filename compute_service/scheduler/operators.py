"""How extra specs compare. Source: Compute administration guide, "Compute capabilities", operators."""

from __future__ import annotations

import operator
from collections.abc import Callable

_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
    "<in>": operator.contains,
}


def matches(value: str, requirement: str) -> bool:
    """Tell whether a value satisfies a requirement such as `>= 4` or `<or> qemu <or> kvm`.

    `=` means at least. A requirement that begins with no operator asks for that very text.
    """
    words = requirement.split()
    if not words:
        return not value
    verb, rest = words[0], words[1:]
    if verb == "<or>":
        return value in rest[::2]
    if verb == "<all-in>":
        return all(word in value for word in rest)
    if verb in _TEXTS:
        return bool(rest) and _TEXTS[verb](value, rest[0])
    if verb in _NUMBERS:
        return bool(rest) and _compare(_NUMBERS[verb], value, rest[0])
    return value == requirement


def _compare(verb: Callable[[float, float], bool], value: str, wanted: str) -> bool:
    try:
        return verb(float(value), float(wanted))
    except ValueError:
        return False
