"""`python -m proving.bench.lists`: times lists of very many servers and tells how the database finds them."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from compute_service.api.context import WsgiApp
from compute_service.store.engine import Store
from proving.bench.lists.fill import LARGE, Crowd, fill
from proving.bench.lists.place import CELL, KINDS, api_over, serving
from proving.bench.lists.questions import USER, VERSION, Question, questions
from proving.bench.lists.watch import Way, watching
from proving.fuzz.ask import Ask
from proving.fuzz.target import InProcess
from proving.process import Missing

ROUNDS = 3


@dataclass(frozen=True)
class Asked:
    """What a list cost, in milliseconds: the best of a few rounds. `ways` are of the cell's database."""

    question: Question
    status: int
    size: int
    statements: int
    database: float
    whole: float
    ways: tuple[Way, ...]

    @property
    def is_of_a_project(self) -> bool:
        """Whether a user asked, who sees one project."""
        return self.question.token == USER


def main(argv: Sequence[str] | None = None) -> int:
    """Fill a database with servers, ask for lists, and print one table; returns the exit code."""
    options = _parser().parse_args(argv)
    crowd = Crowd(servers=options.servers, large=options.servers // 10, deleted=options.servers // 20)
    try:
        with serving(options.database) as store:
            began = time.monotonic()
            fill(store, CELL, crowd)
            took = time.monotonic() - began
            print(
                f"{options.database}: {crowd.servers:,} servers, {crowd.large:,} of them in one project, "
                f"filled in {took:.0f} s; load {os.getloadavg()[0]:.0f}"
            )
            for asked in ask_all(store, crowd):
                print(line(asked, options.markdown), flush=True)
    except Missing as missing:
        print(f"not measured: {missing}", file=sys.stderr)
        return 1
    return 0


def ask_all(store: Store, crowd: Crowd, rounds: int = ROUNDS) -> list[Asked]:
    """Ask every question and return what it cost."""
    app = api_over(store)
    middle, last, anywhere = markers(store, crowd)
    return [ask(app, store, one, rounds) for one in questions(crowd, middle, last, anywhere)]


def markers(store: Store, crowd: Crowd) -> tuple[str, str, str]:
    """Return servers halfway and near the end of the large project's list, and halfway of all."""
    from sqlalchemy import select

    from compute_service.store.tables.instances import instances

    i = instances.c
    listed = select(i.uuid).where(i.deleted == 0).order_by(i.created_at.desc(), i.uuid.desc()).limit(1)
    own = listed.where(i.project_id == LARGE)
    with store.database(CELL).read() as tx:
        found = (
            own.offset(crowd.large // 2),
            own.offset(crowd.large - 20),
            listed.offset(crowd.servers // 2),
        )
        middle, last, anywhere = (str(tx.scalar(one)) for one in found)
    return middle, last, anywhere


def ask(app: WsgiApp, store: Store, question: Question, rounds: int) -> Asked:
    """Ask one question a few times. Raises RuntimeError when it is refused."""
    headers = (("X-Auth-Token", question.token), ("OpenStack-API-Version", f"compute {VERSION}"))
    sent = Ask(0, 0, "GET", f"/v2.1{question.path}", headers)
    target = InProcess(app)
    costs: list[tuple[float, float]] = []
    for _ in range(rounds):
        with watching(store) as watch:
            answer = target.send(sent)
        if answer.status != 200:
            raise RuntimeError(f"{question.path}: {answer.status} {answer.body[:300]!r} {answer.trace}")
        costs.append((answer.seconds * 1000, watch.seconds * 1000))
    target.close()
    whole, database = min(costs)
    body = answer.json
    size = max((len(value) for value in body.values() if isinstance(value, list)), default=1)
    ways = tuple(watch.ways(store.database(CELL).engine))
    return Asked(question, answer.status, size, len(watch.ran), database, whole, ways)


def line(asked: Asked, markdown: bool) -> str:
    """Return one row of the table."""
    scanned = sorted({name for way in asked.ways for name in way.scanned if name in ("instances", "flows")})
    indexes = sorted({name for way in asked.ways for name in way.indexes if name.startswith("instance")})
    sorts = max((way.sorts for way in asked.ways), default=0)
    how = ", ".join(
        [*indexes, *(f"ALL of {name}" for name in scanned), *([f"sorts {sorts:,}"] if sorts > 1000 else [])]
    )
    cells = (
        asked.question.name,
        f"{asked.size:,}",
        f"{asked.statements}",
        f"{asked.database:.0f} ms",
        f"{asked.whole:.0f} ms",
        how,
    )
    if markdown:
        return "| " + " | ".join(cells) + " |"
    return "{:34}{:>7}{:>4}{:>10}{:>10}  {}".format(*cells)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proving.bench.lists", description=(main.__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--servers", type=int, default=100_000, metavar="N", help="living servers in the cell"
    )
    parser.add_argument("--database", choices=sorted(KINDS), default="mariadb")
    parser.add_argument("--markdown", action="store_true", help="print rows of a Markdown table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
