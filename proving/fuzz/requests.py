"""The stream of requests: number `index` of seed `seed`, out of the rows of the route table."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_from_bytes

from compute_service.api.query import query_field
from compute_service.api.routes import ROUTES
from compute_service.api.shape import body_field
from compute_service.api.table import Route
from compute_service.api.versions import HIGHEST, LOWEST
from proving.fuzz import odd
from proving.fuzz.ask import Ask
from proving.fuzz.grow import Grower
from proving.fuzz.spoil import encoded, spoil_bytes, spoil_value
from proving.fuzz.stock import Stock, kind_of

ROLES = ("admin", "manager", "member", "reader", "service", "other", "none")
_SHARES = (30, 8, 36, 8, 4, 8, 2)
_DELETES = 0.35
"""How likely a request that removes something is sent rather than another."""


class RequestMaker:
    """Makes requests. `tokens` has one for each role but `none`; `projects` are the project of each."""

    def __init__(
        self,
        seed: int,
        stock: Stock,
        tokens: Mapping[str, str],
        projects: Mapping[str, str],
        prefix: str = "",
    ) -> None:
        self._seed, self._stock, self._prefix = seed, stock, prefix
        self._tokens, self._projects = tokens, projects
        self._rows = [row for row in ROUTES for _ in range(1 if row.handler is None else 8)]

    def make(self, index: int) -> Ask:
        """Return one request."""
        rng = random.Random(f"{self._seed}/{index}")  # noqa: S311 - to be made again, not to be secret
        row = rng.choice(self._rows)
        if row.method == "DELETE" and rng.random() > _DELETES:
            row = rng.choice(self._rows)
        version = self._version(rng, row)
        role = rng.choices(ROLES, _SHARES)[0]
        grower = Grower(rng, self._stock, rng.choice((0.0, 0.0, 0.03, 0.1, 0.3, 0.9)))
        whole = rng.random() < 0.45
        body = self._body(rng, row, version, grower, whole)
        method = row.method if whole or rng.random() > 0.03 else rng.choice(odd.METHODS)
        target = self._path(rng, row, role, whole) + self._query(rng, row, version, grower, whole)
        headers = self._headers(rng, row, version, role, whole, bool(body))
        return Ask(self._seed, index, method, target, headers, body)

    def _version(self, rng: random.Random, row: Route) -> int:
        if rng.random() < 0.92:
            return rng.choice((row.first, row.last, rng.randint(row.first, row.last)))
        return rng.randint(LOWEST, HIGHEST)

    def _body(self, rng: random.Random, row: Route, version: int, grower: Grower, whole: bool) -> bytes:
        if row.method not in ("POST", "PUT") and (whole or rng.random() < 0.97):
            return b""
        value: Any = {}
        if row.body is not None:
            at = min(max(version, row.first), row.last)
            schema = body_field(row.body, at).schema()
            value = None if row.optional and rng.random() < 0.3 else grower.grow(schema, row.action or "")
        elif row.action is not None:
            value = None
        if row.action is not None:
            value = {row.action: value}
        if whole:
            return encoded(rng, value)
        if rng.random() < 0.8:
            value = spoil_value(rng, value)
        raw = encoded(rng, value)
        return spoil_bytes(rng, raw) if rng.random() < 0.15 else raw

    def _path(self, rng: random.Random, row: Route, role: str, whole: bool) -> str:
        parts = []
        place = row.path.split("/")[1]
        for part in row.path.strip("/").split("/"):
            named = part.startswith("{")
            thing = self._stock.pick(rng, kind_of(place, part[1:-1])) if named else part
            parts.append(_quoted(rng, thing))
        chance = rng.random()
        prefix = "/v2.1"
        if chance < 0.06:
            prefix += f"/{self._projects.get(role, '0' * 32)}"
        elif chance < 0.08:
            prefix += f"/{rng.choice(list(self._projects.values()))}"
        elif chance < 0.11:
            prefix = "/v2"
        path = f"{prefix}/{'/'.join(parts)}"
        return self._prefix + (path if whole or rng.random() > 0.06 else _bent(rng, path))

    def _query(self, rng: random.Random, row: Route, version: int, grower: Grower, whole: bool) -> str:
        pairs: list[tuple[str, str]] = []
        if row.query is not None:
            known = query_field(row.query, min(max(version, row.first), row.last)).schema()
            count = rng.choice((0, 0, 1, 1, 2, 3)) if known else 0
            pairs = [_grown(grower, rng.choice(known)) for _ in range(count)]
        if not whole:
            pairs = _spoiled_pairs(rng, pairs)
        if not pairs:
            return ""
        query = "&".join(f"{_coded(name)}={_coded(value)}" for name, value in pairs)
        if not whole and rng.random() < 0.06:
            query = rng.choice(
                ("%", "%zz", "%ff=%fe", "a=%C3%28", "&&&", "=", "a&b", query + "&" + query, "?")
            )
        return "?" + query

    def _headers(
        self, rng: random.Random, row: Route, version: int, role: str, whole: bool, body: bool
    ) -> tuple[tuple[str, str], ...]:
        named: dict[str, str] = {}
        spoil = not whole
        if role != "none":
            named["X-Auth-Token"] = self._tokens[role]
        if spoil and rng.random() < 0.02:
            named["X-Auth-Token"] = rng.choice(odd.TOKENS)
        if body:
            named["Content-Type"] = "application/json"
        if spoil and rng.random() < 0.06:
            named["Content-Type"] = rng.choice(odd.MEDIA)
        chance = rng.random()
        if chance < 0.92:
            named["OpenStack-API-Version"] = f"compute 2.{version}"
        elif chance < 0.95:
            named["X-OpenStack-Nova-API-Version"] = f"2.{version}"
        elif spoil:
            named["OpenStack-API-Version"] = rng.choice(odd.VERSIONS)
        if spoil and rng.random() < 0.03:
            named["Accept"] = rng.choice(("text/html", "*/*;q=x", "application/xml", ""))
        if spoil and rng.random() < 0.03:
            named["X-OpenStack-Request-Id"] = rng.choice(("req-x", "a" * 500, "req-" + odd.UUIDS[0], "é"))
        return tuple((name, _wire(value)) for name, value in named.items())


def _grown(grower: Grower, parameter: dict[str, Any]) -> tuple[str, str]:
    schema = parameter["schema"]
    if schema.get("type") == "array":
        schema = schema["items"]
    value = grower.grow(schema, parameter["name"])
    return parameter["name"], value if isinstance(value, str) else json.dumps(value)


def _spoiled_pairs(rng: random.Random, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    chance = rng.random()
    if pairs and chance < 0.5:
        at = rng.randrange(len(pairs))
        odd_value = str(
            rng.choice(rng.choice((odd.TEXTS, odd.NUMERALS, odd.TIMES, odd.ADDRESSES, odd.UUIDS)))
        )
        pairs[at] = (pairs[at][0], odd_value[:8000])
    elif pairs and chance < 0.6:
        pairs.append((pairs[0][0], str(rng.choice(odd.TEXTS))[:300]))
    elif chance < 0.65:
        pairs.append((str(rng.choice(odd.TEXTS))[:300], "1"))
    elif chance < 0.66:
        pairs += [(f"p{n}", "1") for n in range(1100)]
    return pairs


def _quoted(rng: random.Random, part: str) -> str:
    chance = rng.random()
    if chance < 0.01:
        return quote_from_bytes(quote_from_bytes(_raw(part)).encode())
    if chance < 0.02:
        return "".join(f"%{byte:02X}" for byte in _raw(part)[:300])
    return quote(_raw(part)[:3000], safe="" if chance < 0.9 else "/:;=&@")


def _bent(rng: random.Random, path: str) -> str:
    at = rng.randrange(1, len(path))
    ways = (
        *(path + "/", path + "//", "/" + path, path.replace("/", "//"), path + ".json", path.upper()),
        *(path + "/x", path + "/%00", path + "%2F", path + "/%ff", path + "/..", path + "/" + "a" * 6000),
        *(
            path.rpartition("/")[0] or "/",
            path[:at],
            path[:at] + "%00" + path[at:],
            path[:at] + "%",
            "/",
            "//",
        ),
        *("/v2.1", "/v2.1/", "/v2", "/v3/servers", "/v2.1/%c0%af", "/v2.1/" + "/".join("a" * 300)),
    )
    return rng.choice(ways)


def _coded(text: str) -> str:
    return quote_from_bytes(_raw(text))


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _wire(value: str) -> str:
    """Return a header's value as WSGI sees it: its bytes as Latin-1, without what no header can hold."""
    return value.encode("utf-8").decode("latin-1").translate({0: None, 10: None, 13: None})
