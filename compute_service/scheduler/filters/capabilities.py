"""What a flavor asks of a host's capabilities."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test
from compute_service.scheduler.operators import matches

_SCOPE = "capabilities"


def compute_capabilities(ask: Ask) -> Test | None:
    """Pass hosts whose capabilities match the flavor's `capabilities:*` extra specs.

    A key without any scope counts too when the host has a capability of that name.
    """
    wanted: list[tuple[str, list[str], str, bool]] = []
    for key, requirement in ask.request.flavor.extra_specs.items():
        path = key.split(":")
        if len(path) == 1:
            wanted.append((key, path, requirement, False))
        elif path[0] == _SCOPE and path[1]:
            wanted.append((key, path[1:], requirement, True))
    if not wanted:
        return None

    def test(view: HostView) -> str | None:
        for key, path, requirement, scoped in wanted:
            found = view.attribute(path)
            if found is None and not scoped:
                continue
            if found is None or not matches(_text(found), requirement):
                return f"{key} is not {requirement}"
        return None

    return test


def _text(found: object) -> str:
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    return " ".join(map(str, found)) if isinstance(found, list | tuple) else str(found)
