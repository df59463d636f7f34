"""One run: a site, users and faults on it, and the reckoning."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from proving.chaos.client import Client
from proving.chaos.faults import Faults
from proving.chaos.invariants import Violation, check
from proving.chaos.lives import Life, lives
from proving.chaos.truth import look, unsettled
from proving.chaos.users import Book, Orders, User, begin
from proving.plan import Plan
from proving.site import Site, site

MOST_SECONDS = 3600.0
"""For which users may lead their lives."""
_TOKEN_SECONDS = 1800.0


@dataclass(frozen=True)
class Trial:
    """What is tried."""

    seed: int = 1
    lives: int = 500
    users: int = 8
    kill_every: float = 3.0
    """Seconds; 0: nothing is killed."""
    settle: float = 60.0
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
    """From the first request to the last."""
    settled: float = 0.0
    """From the last daemon's return until nothing went on any more."""
    longest_wait: float = 0.0
    """Of a user, for a server to be idle."""
    slow: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    """What still went on when the time was over."""
    not_up: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    """Of servers with a violation: their flows, and what the daemons wrote of them."""
    not_led: int = 0
    """Lives that nobody led to their end, because the time for it was over."""

    @property
    def is_good(self) -> bool:
        """Whether everything was done, came up again, settled and is as it must be."""
        return not (self.violations or self.unsettled or self.not_up or self.not_led)


def run(trial: Trial, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Do one run in a folder that is empty or made. `say` is told how far it is."""
    plan = Plan(cells=trial.cells, hosts=trial.hosts, conductors=trial.conductors, database=trial.database)
    with site(folder, plan) as made:
        say(f"a site is up after {made.timings['ready']:.0f} s: {', '.join(sorted(made.daemons))}")
        return _run_on(made, trial, say)


def _run_on(made: Site, trial: Trial, say: Callable[[str], None]) -> Outcome:
    book, work = Book(), SimpleQueue[Life]()
    for life in lives(trial.seed, trial.lives):
        work.put(life)
    private = next(net.id for net in made.network.networks.values() if net.name == "private")
    orders = Orders(made.image, private)
    token = Tokens(made)
    users = [
        User(Client(made.compute_url, token, book.tally), orders, book, work) for _ in range(trial.users)
    ]
    expected = trial.kill_every * 10
    faults = Faults(made, trial.seed, trial.kill_every or 1.0, (expected, 2 * expected))
    began = time.monotonic()
    threads = begin(users)
    if trial.kill_every:
        faults.start()
    _follow(threads, work, book, began, say)
    outcome = Outcome(lived=time.monotonic() - began)
    outcome.not_led = work.qsize() + sum(thread.is_alive() for thread in threads)
    if trial.kill_every:
        faults.stop()
    _settle(made, trial, outcome)
    outcome.servers, outcome.answers, outcome.faults = len(book.servers), book.tally.answers, faults.seen
    outcome.longest_wait, outcome.slow = max(book.waits, default=0.0), book.slow
    outcome.not_up = faults.failures
    outcome.violations = check(look(made), book)
    outcome.logs = {one.server: _log(made, one.server) for one in outcome.violations[:20]}
    return outcome


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
    threads: list[threading.Thread],
    work: SimpleQueue[Life],
    book: Book,
    began: float,
    say: Callable[[str], None],
) -> None:
    told = began
    while any(thread.is_alive() for thread in threads) and time.monotonic() - began < MOST_SECONDS:
        time.sleep(0.5)
        if time.monotonic() - told > 20:
            told = time.monotonic()
            say(f"{told - began:4.0f} s: {work.qsize()} lives to go, {len(book.promises)} promises")


def _settle(made: Site, trial: Trial, outcome: Outcome) -> None:
    began = time.monotonic()
    while True:
        outcome.unsettled = unsettled(made)
        outcome.settled = time.monotonic() - began
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
