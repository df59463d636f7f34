"""Prints the reference pages from the code: `python -m compute_service.cmd.reference docs/reference`.

A page that differs from what the code says fails the tests, so the pages cannot fall behind.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from compute_service.cmd.reference_api import filters_page, microversions_page, policies_page, routes_page
from compute_service.domain.actions import ACTIONS, Action
from compute_service.domain.states import VmState

Page = Callable[[], str]


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _states(action: Action) -> str:
    return "any" if action.allowed is None else ", ".join(sorted(action.allowed))


def _tasks(action: Action) -> str:
    if action.tasks is None:
        return "any"
    return "none" if not action.tasks else "none, or " + ", ".join(sorted(action.tasks))


def _guards(action: Action) -> str:
    guards = {
        "not locked": action.lockable,
        "booted once": action.launched,
        "has a host": action.on_host,
        "host up": action.host_up,
    }
    return ", ".join(word for word, holds in guards.items() if holds) or "–"


def actions_page() -> str:
    """Return what may be done to a server, and when."""
    rows = (
        (
            f"`{key}`",
            action.name,
            _states(action),
            _tasks(action),
            _guards(action),
            action.during or "–",
            action.flow or "–",
        )
        for key, action in ACTIONS.items()
    )
    heads = (
        "action",
        "shown as",
        "server state",
        "task state",
        "and only if",
        "task state meanwhile",
        "flow",
    )
    ways = "\n".join(
        f"- `{state}`: "
        + ", ".join(
            f"`{key}`" for key, action in ACTIONS.items() if action.allowed and state in action.allowed
        )
        for state in VmState
        if any(action.allowed and state in action.allowed for action in ACTIONS.values())
    )
    return (
        "# Actions on servers\n\nGenerated from `domain/actions.py`.\n\n"
        + table(heads, rows)
        + "\n## By state\n\nBeside the actions that are open in any state:\n\n"
        + ways
        + "\n"
    )


def flows_page() -> str:
    """Return every kind of flow with its steps."""
    from compute_service.flows.kinds import FLOWS
    from compute_service.flows.step import Remote, Wait

    def row(number: int, step: object) -> tuple[object, ...]:
        where = (
            "on the host" if isinstance(step, Remote) else "waits" if isinstance(step, Wait) else "conductor"
        )
        undo = "yes" if getattr(step, "undo", None) else "–"
        pivot = "no way back" if getattr(step, "pivot", False) else ""
        return (
            number,
            f"`{getattr(step, 'name', '')}`",
            where,
            undo,
            getattr(step, "event", None) or "–",
            pivot,
        )

    parts = ["# Flows\n\nGenerated from `flows/kinds/`. The rules are told in `flows/step.py`.\n"]
    for kind, flow in sorted(FLOWS.items()):
        rows = (row(number, step) for number, step in enumerate(flow.steps, 1))
        parts.append(f"\n## {kind}\n\n" + table(("", "step", "runs", "undo", "event", ""), rows))
    return "".join(parts)


def metrics_page() -> str:
    """Return what each daemon shows at /metrics."""
    from compute_service.cmd.metrics import Metrics

    rows = ((f"`{name}`", kind, labels or "–", about) for name, kind, labels, about in Metrics().rows())
    return (
        "# Metrics\n\nGenerated from `cmd/metrics.py`. Shown at `/metrics` of `[stratus] metrics_listen` and "
        "`metrics_port`, beside `/livez` and `/readyz`. A histogram has `_bucket`, `_sum` and `_count`. What "
        "they are good for: [how-to/monitor-a-site.md](../how-to/monitor-a-site.md).\n\n"
        + table(("metric", "kind", "labels", "counts"), rows)
    )


def notifications_page() -> str:
    """Return every notification that is sent."""
    from compute_service.domain.notices.events import EVENTS, Event
    from compute_service.domain.notices.objects import VERSIONS
    from compute_service.flows.edges import TOLD

    kinds = {
        f"instance.{verb}": kind
        for kind, told in TOLD.items()
        for verb in (told.verb, told.last, *(verb for edges in told.steps.values() for verb, _ in edges))
    }

    def names(name: str | None, event: Event) -> str:
        if name is None:
            return "–"
        return ", ".join(f"`{name}.{phase}`" for phase in event.phases) or f"`{name}`"

    def row(event: Event) -> tuple[object, ...]:
        when = event.about or (f"flow [{kinds[event.name]}](flows.md)" if event.name in kinds else "–")
        payload = f"`{event.payload}` {VERSIONS[event.payload]}"
        return names(event.name, event), payload, names(event.flat, event), f"`{event.source}`", when

    heads = ("with versions", "payload", "without versions", "publisher", "when")
    objects = ((f"`{name}`", version) for name, version in VERSIONS.items())
    return (
        "# Notifications\n\nGenerated from `domain/notices/` and `flows/edges.py`. How to switch them on and "
        "what is promised of them: [how-to/notifications.md](../how-to/notifications.md). Errors have the "
        "priority `ERROR`, all else that of `[notifications] default_level`. The publisher is "
        "`nova-compute:<host>` with versions and `compute.<host>` without; what happens to a server is told "
        "in the name of its host, and what happens to a service in its own.\n\n"
        + table(heads, (row(event) for event in EVENTS.values()))
        + "\n## Objects\n\nEach is a map of `nova_object.name`, `nova_object.namespace` (`nova`), "
        "`nova_object.version` and `nova_object.data`.\n\n" + table(("object", "version"), objects)
    )


def configuration_page() -> str:
    """Return every option of nova.conf."""
    from compute_service.config.sample import reference

    return reference()


def guest_properties_page() -> str:
    """Return what images and flavors may ask of guests on libvirt."""
    from compute_service.virt.libvirt.assemble.properties import PROPERTIES, REFUSED

    rules = {
        "image": "the image's counts",
        "flavor": "the flavor's counts",
        "agree": "must be equal",
        "most": "the flavor's is the limit of the image's",
    }
    rows = [
        (
            f"`{each.image}`" if each.image else "",
            f"`{each.flavor}`" if each.flavor else "",
            ", ".join(f"`{value}`" for value in each.takes) if isinstance(each.takes, tuple) else each.takes,
            rules[each.rule] if each.image and each.flavor else "",
            each.about,
        )
        for each in PROPERTIES
    ]
    refused = [(f"`{key}`", what) for key, what in REFUSED.items()]
    return (
        "# Image properties and extra specs on libvirt\n\n"
        "How a guest is assembled from its image and flavor. A value that a key does not take ends the build "
        "with an error that names the key.\n\n"
        + table(("Image property", "Flavor extra spec", "Values", "Where both speak", "What it does"), rows)
        + "\nA server that asks for one of these is refused, as is a CPU policy other than `shared`:\n\n"
        + table(("Key", "What it asks for"), refused)
    )


PAGES: dict[str, Page] = {
    "actions.md": actions_page,
    "configuration.md": configuration_page,
    "filters.md": lambda: filters_page(table),
    "flows.md": flows_page,
    "guest-properties.md": guest_properties_page,
    "metrics.md": metrics_page,
    "notifications.md": notifications_page,
    "microversions.md": lambda: microversions_page(table),
    "policies.md": lambda: policies_page(table),
    "routes.md": lambda: routes_page(table),
}
"""File name → what prints it."""


def stale(folder: Path) -> list[str]:
    """Return the names of pages that differ from what the code says."""
    return [
        name
        for name, page in PAGES.items()
        if not (folder / name).exists() or (folder / name).read_text() != page()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages, or with --check only tell which are out of date."""
    parser = argparse.ArgumentParser(description="Write the reference pages.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when a page is out of date"
    )
    options = parser.parse_args(argv)
    if options.check:
        old = stale(options.folder)
        for name in old:
            print(f"out of date: {name}")
        return 1 if old else 0
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (options.folder / name).write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
