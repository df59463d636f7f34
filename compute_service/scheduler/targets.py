"""What a request itself rules out, before any filter: tests of the same form as the filters'."""

from __future__ import annotations

from compute_service.scheduler.ask import Ask, HostView, Test
from compute_service.scheduler.query import named_hosts


def target_tests(ask: Ask) -> list[tuple[str, Test]]:
    """Return the tests that a request brings with it; a forced host is put to the first two alone."""
    request = ask.request
    tests: list[tuple[str, Test]] = []
    named = named_hosts(request, ask.fleet)
    if named is not None:
        allowed = {host.uuid for host in named}
        tests.append(("RequestedHost", lambda view: None if view.host.uuid in allowed else "is another host"))
    if request.ignore_cells:
        away = frozenset(request.ignore_cells)
        tests.append(("IgnoredCells", lambda view: "does not answer" if view.host.cell in away else None))
    if request.force_host is not None or request.force_node is not None:
        return tests
    if request.ignore_hosts:
        ignored = frozenset(request.ignore_hosts)
        tests.append(("IgnoredHosts", lambda view: "is ruled out" if view.host.name in ignored else None))
    if request.cell is not None:
        tests.append(("Cell", _cell(request.cell)))
    return tests


def _cell(cell: str) -> Test:
    def test(view: HostView) -> str | None:
        return None if view.host.cell == cell else "is in another cell"

    return test
