"""Whether an answer is one that the API gives: its status, its fault, its headers, the shape of its body."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator

from compute_service.api.openapi import reply_schema
from compute_service.api.routes import ROUTES
from compute_service.api.table import Route, row_at
from compute_service.api.versions import minor
from proving.fuzz.ask import Answer, Ask

SECONDS = 10.0
"""Within which an answer must come."""
FAULTS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
"""Status → the key of its fault body; any other is a computeFault."""
_SERVER_FAULTS = (501,)


@dataclass(frozen=True)
class Complaint:
    """One answer that is not right. Those of the same `rule` and `where` are one defect."""

    rule: str
    where: str
    told: str
    ask: Ask


@dataclass
class Tally:
    """What was found."""

    statuses: Counter[int] = field(default_factory=Counter)
    routes: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    slowest: float = 0.0


class Judge:
    """Looks at answers, and counts them."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._rows: dict[str, list[Route]] = defaultdict(list)
        for row in ROUTES:
            self._rows[f"{row.method} {_label(row)}"].append(row)
        self._checks: dict[tuple[int, int], Draft202012Validator | None] = {}

    def complaints(self, ask: Ask, answer: Answer) -> list[Complaint]:
        """Return what is wrong with an answer."""
        route = f"{ask.method} {answer.route or '?'}"
        self.tally.statuses[answer.status] += 1
        self.tally.routes[route][answer.status] += 1
        self.tally.slowest = max(self.tally.slowest, answer.seconds)
        found = [*self._general(ask, answer)]
        if answer.status >= 400:
            found += _fault(ask, answer)
        elif ask.method != "HEAD":
            found += self._success(ask, answer)
        return [Complaint(rule, answer.trace or route, told, ask) for rule, told in found]

    def _general(self, ask: Ask, answer: Answer) -> Iterator[tuple[str, str]]:
        if answer.status >= 500 and answer.status not in _SERVER_FAULTS:
            yield f"answers {answer.status}", answer.trace or answer.body[:300].decode("utf-8", "replace")
        if answer.seconds > SECONDS:
            yield "is slow", f"{answer.seconds:.1f} s"
        named = answer.header("x-compute-request-id") or ""
        if not named.startswith("req-"):
            yield "has no request id", repr(named)
        if "\n" in str(answer.headers) or "\r" in str(answer.headers):
            yield "has a line break in a header", str(answer.headers)

    def _success(self, ask: Ask, answer: Answer) -> Iterator[tuple[str, str]]:
        if answer.body:
            try:
                body = answer.json
            except ValueError as error:
                yield "is no JSON", str(error)
                return
        else:
            body = None
        rows = self._rows.get(f"{ask.method} {answer.route}")
        shown = (answer.header("OpenStack-API-Version") or "compute 2.1").partition(" ")[2]
        row = row_at(rows, minor(shown)) if rows else None
        if row is None:
            return
        if answer.status not in (row.status, *row.also):
            yield "has a status that is not documented", str(answer.status)
        check = self._check(row, minor(shown))
        if check is None:
            if body is not None:
                yield "has a body that is not documented", answer.body[:200].decode()
            return
        wrong = next(check.iter_errors(body), None)
        if wrong is not None:
            yield "is not as documented", f"{wrong.json_path}: {wrong.message}"[:400]

    def _check(self, row: Route, version: int) -> Draft202012Validator | None:
        key = (id(row), version)
        if key not in self._checks:
            schema = reply_schema(row, version)
            self._checks[key] = None if schema is None else Draft202012Validator(closed(schema))
        return self._checks[key]


def closed(schema: Any) -> Any:
    """Return a schema whose objects hold nothing that it does not name."""
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(inner) for key, inner in schema.items()}
    if isinstance(out.get("properties"), dict) and out.get("type") == "object":
        out.setdefault("additionalProperties", False)
    return out


def _fault(ask: Ask, answer: Answer) -> Iterator[tuple[str, str]]:
    if ask.method == "HEAD":
        return
    try:
        body = answer.json
    except ValueError:
        yield "has no fault body", answer.body[:200].decode("utf-8", "replace")
        return
    name = FAULTS.get(answer.status, "computeFault")
    fault = body.get(name) if isinstance(body, dict) and len(body) == 1 else None
    if not isinstance(fault, dict) or fault.get("code") != answer.status:
        yield "has a fault of another shape", answer.body[:200].decode("utf-8", "replace")
    elif not isinstance(fault.get("message"), str) or not fault["message"]:
        yield "has a fault without a message", answer.body[:200].decode("utf-8", "replace")


def _label(row: Route) -> str:
    return row.path if row.action is None else f"{row.path} {row.action}"
