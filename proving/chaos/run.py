"""One run: a site, users and faults on it, and the reckoning."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from proving.chaos.client import Client
from proving.chaos.faults import Faults
from proving.chaos.invariants import Violation, check
from proving.chaos.lives import Life, lives
from proving.chaos.truth import look, unsettled
from proving.chaos.users import Book, Halt, Orders, User, begin
from proving.plan import Plan
from proving.site import Site, site

END_SECONDS = 600.0
"""For which users may go on with the lives that they are in, when no new ones are begun."""
_TOKEN_SECONDS = 1800.0
KEPT_SECONDS = 7200
"""For which a deleted server can be restored: longer than a run."""


@dataclass(frozen=True)
class Trial:
    """What is tried."""

    seed: int = 1
    lives: int = 500
    users: int = 8
    kill_every: float = 3.0
    """Seconds; 0: nothing is killed."""
    settle: float = 60.0
    seconds: float = 3600.0
    """After which no life is begun any more."""
    cells: int = 1
    hosts: int = 4
    conductors: int = 2
    database: str = "mariadb"


@dataclass
class Outcome:
    """What came of it. Times in seconds."""

    servers: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """What was asked for and what came back, and what was accepted."""
    faults: Counter[str] = field(default_factory=Counter)
    lived: float = 0.0
    """From the first request until the faults were stopped."""
    settled: float = 0.0
    """From the last fault, under full load, until all that was asked for was done."""
    times: dict[str, tuple[int, float, float, float]] = field(default_factory=dict)
    """Verb → how often, and the median, the 95th of a hundred and the longest of its times until idle."""
    failed: Counter[str] = field(default_factory=Counter)
    """Flows that failed: kind and reason → how many."""
    slow: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    """What still went on when the time was over."""
    not_up: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    """Of servers with a violation: their flows, and what the daemons wrote of them."""
    begun: int = 0
    """Lives that there was time for."""
    not_led: int = 0
    """Lives that were begun and not led to their end in time."""

    @property
    def is_good(self) -> bool:
        """Whether everything was done, came up again, settled and is as it must be."""
        return not (self.violations or self.unsettled or self.not_up or self.not_led)


def run(trial: Trial, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Do one run in a folder that is empty or made. `say` is told how far it is."""
    plan = Plan(
        cells=trial.cells,
        hosts=trial.hosts,
        conductors=trial.conductors,
        database=trial.database,
        options={"DEFAULT": {"reclaim_instance_interval": KEPT_SECONDS}},
    )
    with site(folder, plan) as made:
        say(f"a site is up after {made.timings['ready']:.0f} s: {', '.join(sorted(made.daemons))}")
        return _run_on(made, trial, say)


def _run_on(made: Site, trial: Trial, say: Callable[[str], None]) -> Outcome:
    book, work, halt = Book(), SimpleQueue[Life](), Halt()
    for life in lives(trial.seed, trial.lives):
        work.put(life)
    private = next(net.id for net in made.network.networks.values() if net.name == "private")
    orders, token = Orders(made.image, private), Tokens(made)
    users = [
        User(Client(made.compute_url, token, book.tally), orders, book, work, halt)
        for _ in range(trial.users)
    ]
    faults = Faults(made, trial.seed, trial.kill_every or 1.0, lambda: progress(trial, work, began))
    began = time.monotonic()
    threads = begin(users)
    if trial.kill_every:
        faults.start()
    over = began + trial.seconds
    _follow(lambda: not work.empty() and time.monotonic() < over, work, book, began, say)
    # Every user is in the middle of a life now.
    halt.ask()
    outcome = Outcome(lived=time.monotonic() - began, begun=trial.lives - _drained(work))
    if trial.kill_every:
        faults.stop()
    stopped = faults.last if trial.kill_every else time.monotonic()
    say(f"the faults are over after {outcome.lived:.0f} s; waiting until nothing goes on")
    _settle(made, trial, outcome, stopped, lambda: _are_halted(threads, halt))
    halt.end()
    over = time.monotonic() + END_SECONDS
    _follow(
        lambda: any(thread.is_alive() for thread in threads) and time.monotonic() < over,
        work,
        book,
        began,
        say,
    )
    outcome.not_led = sum(thread.is_alive() for thread in threads)
    if not outcome.unsettled:
        _settle(made, trial, Outcome(), time.monotonic(), lambda: True)
    _reckon(made, book, faults, outcome)
    return outcome


def progress(trial: Trial, work: SimpleQueue[Life], began: float) -> float:
    """Return how much of a run is over, by lives or by time, from 0 to 1."""
    return min(1.0, max(1 - work.qsize() / trial.lives, (time.monotonic() - began) / trial.seconds))


def _reckon(made: Site, book: Book, faults: Faults, outcome: Outcome) -> None:
    """Look at everything, and tell what there is to tell."""
    truth = look(made)
    outcome.servers, outcome.answers, outcome.faults = len(book.servers), book.tally.answers, faults.seen
    outcome.times = {act: figures(seconds) for act, seconds in sorted(book.times.items())}
    outcome.failed, outcome.slow, outcome.not_up = truth.failed, book.slow, faults.failures
    outcome.violations = check(truth, book)
    outcome.logs = {one.server: _log(made, one.server) for one in outcome.violations[:20]}


def figures(seconds: list[float]) -> tuple[int, float, float, float]:
    """Return how many there are, and their median, 95th of a hundred and longest."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return len(ordered), ordered[last // 2], ordered[round(last * 0.95)], ordered[last]


class Tokens:
    """An admin's token, new when it grows old. Safe for threads."""

    def __init__(self, made: Site) -> None:
        self._made, self._lock = made, threading.Lock()
        self._token, self._since = made.token(), time.monotonic()

    def __call__(self) -> str:
        """Return a token that is good for a while."""
        with self._lock:
            if time.monotonic() - self._since > _TOKEN_SECONDS:
                self._token, self._since = self._made.token(), time.monotonic()
            return self._token


def _follow(
    goes_on: Callable[[], bool],
    work: SimpleQueue[Life],
    book: Book,
    began: float,
    say: Callable[[str], None],
) -> None:
    told = began
    while goes_on():
        time.sleep(0.2)
        if time.monotonic() - told > 20:
            told = time.monotonic()
            say(f"{told - began:4.0f} s: {work.qsize()} lives to go, {len(book.promises)} promises")


def _drained(work: SimpleQueue[Life]) -> int:
    """Take back the lives that nobody began; returns how many they were."""
    left = 0
    with suppress(Empty):
        while True:
            work.get_nowait()
            left += 1
    return left


def _are_halted(threads: list[threading.Thread], halt: Halt) -> bool:
    return halt.halted >= sum(thread.is_alive() for thread in threads)


def _settle(
    made: Site, trial: Trial, outcome: Outcome, since: float, users_are_done: Callable[[], bool]
) -> None:
    """Wait until nothing goes on any more, or the time is over."""
    while True:
        done = users_are_done()
        outcome.unsettled = unsettled(made) or ([] if done else ["users wait for their servers"])
        outcome.settled = time.monotonic() - since
        if not outcome.unsettled or outcome.settled > trial.settle:
            return
        time.sleep(0.5)


def _log(made: Site, server: str) -> str:
    """Return what operators would look at first: a server's flows, and log lines that name it."""
    lines = [made.manage("flow", "list", "--all", "--instance", server)] if server else []
    for daemon in made.daemons.values():
        named = [line for line in daemon.log.read_text(errors="replace").splitlines() if server in line]
        lines += [f"--- {daemon.name}", *named[-8:]]
    return "\n".join(lines)
