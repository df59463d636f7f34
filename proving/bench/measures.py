"""What is measured, in the order in which it is cheapest to set up."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from proving.bench.boots import Booted, Boots, Crowd
from proving.bench.meter import Meter
from proving.bench.own_site import memory
from proving.bench.requests import Asked, ask, first_server
from proving.bench.target import COMPUTE, Target


@dataclass(frozen=True)
class Figure:
    """One cell of the table."""

    measure: str
    value: str
    load: float = math.nan


Figures = Iterator[Figure]


def small_requests(target: Target) -> Figures:
    """The version document, and one server."""
    yield _asked("GET /v2.1/", ask(target, "/", times=1000))
    yield _asked("GET servers/{id}", ask(target, f"/servers/{first_server(target)}", times=400))


def lists(target: Target) -> Figures:
    """All servers."""
    for path in ("servers/detail", "servers"):
        asked = ask(target, f"/{path}?limit=1000", times=400)
        yield _asked(f"GET {path}, {asked.parts} servers", asked)


def hypervisors(target: Target) -> Figures:
    """All hosts."""
    asked = ask(target, "/os-hypervisors/detail", times=100)
    yield _asked(f"GET os-hypervisors/detail, {asked.parts} hosts", asked)


def boots(target: Target, where: str, count: int = 40, rounds: int = 3) -> Figures:
    """Boots one by one: what they cost and how long they take."""
    made = Boots(target)
    made.latency(5)
    cost = made.cost(count, rounds, 0.3)
    yield from _booted(cost, where)
    p50, p95 = made.latency(count)
    yield Figure(f"POST to ACTIVE, {where}, p50 · p95", f"{p50:.3f} · {p95:.3f} s", cost.load)


def boot_cost(target: Target, where: str, count: int = 40, rounds: int = 3) -> Figures:
    """Boots one by one: what they cost only."""
    made = Boots(target)
    made.latency(5)
    yield from _booted(made.cost(count, rounds, 0.3), where)


def crowds(target: Target, hosts: int, counts: tuple[int, ...] = (50, 200), rounds: int = 3) -> Figures:
    """Many creates at once, on hosts that begin empty."""
    made = Boots(target)
    for count in counts:
        tries = []
        for _ in range(rounds):
            made.clear()
            tries.append(made.crowd(count))
        yield _crowd(tries, hosts)
    made.clear()


def idle(target: Target, where: str, seconds: float = 30.0, rounds: int = 3) -> Figures:
    """What is used while nobody asks for anything."""
    costs = []
    for _ in range(rounds):
        with Meter(target) as meter:
            time.sleep(seconds)
        costs.append(meter.cost)
    own = statistics.median(cost.own / cost.seconds for cost in costs)
    total = statistics.median(cost.total / cost.seconds for cost in costs)
    parts = {
        name: statistics.median(cost.cpu[name] / cost.seconds for cost in costs) for name in costs[0].cpu
    }
    text = f"{own * 1e3:.1f} CPU-ms/s; with all services {total * 1e3:.1f} ({_parts(parts, 1e3)})"
    yield Figure(f"idle, {where}", text, costs[-1].load)


def memory_now(target: Target, when: str) -> Figures:
    """What the control plane holds."""
    sizes = memory(target)
    if sizes:
        yield Figure(f"control plane PSS {when}", f"{sum(sizes.values()):.0f} MB ({_parts(sizes, 1)})")


def _asked(name: str, asked: Asked) -> Figure:
    text = (
        f"{asked.cpu_ms:.2f} CPU-ms (+ {asked.others_ms:.2f} elsewhere), {asked.statements:.1f} SQL"
        f" + {asked.boundaries:.1f} begin/end, p50 {asked.p50_ms:.1f} ms, p95 {asked.p95_ms:.1f} ms,"
        f" {asked.bytes:,} bytes"
    )
    return Figure(name, text, asked.load)


def _booted(booted: Booted, where: str) -> Figures:
    everything = sum(booted.cpu_ms.values())
    own = sum(booted.cpu_ms.get(name, 0.0) for name in COMPUTE)
    yield Figure(
        f"boot, {where}, CPU",
        f"{everything:.0f} CPU-ms, ours {own:.0f} ({_parts(booted.cpu_ms, 1)})",
        booted.load,
    )
    if booted.by_word:
        words = {word: number for word, number in booted.by_word.items() if number >= 0.05}
        yield Figure(
            f"boot, {where}, SQL",
            f"{booted.statements:.1f} + {booted.boundaries:.1f} begin/end ({_parts(words, 1)})",
            booted.load,
        )
    yield Figure(f"boot, {where}, Placement calls", f"{booted.placement_calls:.1f}", booted.load)


def _crowd(tries: list[Crowd], hosts: int) -> Figure:
    rate = statistics.median(one.rate for one in tries)
    accepted = statistics.median(one.accepted for one in tries)
    cpu = statistics.median(one.cpu_ms for one in tries)
    even = tries[0].count / hosts
    far = max(max(abs(held - even) for held in _held(one.spread, hosts)) for one in tries)
    text = f"{rate:.1f}/s, accepted {accepted:.1f}/s, spread within ±{far:.0f}, {cpu:.0f} CPU-ms each"
    return Figure(f"{tries[0].count} creates over {hosts} hosts", text, tries[-1].load)


def _held(spread: Mapping[str, int], hosts: int) -> list[int]:
    return [*spread.values(), *[0] * (hosts - len(spread))]


def _parts(values: Mapping[str, float], factor: float) -> str:
    shown = sorted(values.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} {value * factor:.1f}" for name, value in shown if value * factor >= 0.05)


Measure = Callable[[Target], Figures]
