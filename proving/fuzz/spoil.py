"""Breaking what is right: one place of a JSON value, or the bytes it is sent as."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from proving.fuzz import odd

_Place = tuple[Any, Any]
"""A dict or list, and the key or index of a value in it."""


def spoil_value(rng: random.Random, value: Any) -> Any:
    """Return the value with one to three of its places broken; the value itself may be."""
    box = [value]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = _places(box)
        holder, key = rng.choice(places)
        _spoil(rng, holder, key)
    return box[0] if box else None


def _places(root: list[Any]) -> list[_Place]:
    found: list[_Place] = []
    left: list[Any] = [root]
    while left and len(found) < 400:
        holder = left.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, inner in items:
            found.append((holder, key))
            if isinstance(inner, dict | list):
                left.append(inner)
    return found or [(root, 0)]


def _spoil(rng: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, list) and key >= len(holder):
        holder.append(_odd(rng))
        return
    value = holder[key]
    chance = rng.random()
    if chance < 0.55:
        holder[key] = _odd(rng)
    elif chance < 0.65 and isinstance(holder, dict):
        del holder[key]
    elif chance < 0.75 and isinstance(holder, dict):
        holder[str(rng.choice(odd.TEXTS))[:300]] = _odd(rng)
    elif chance < 0.80:
        holder[key] = [value, copy.deepcopy(value)]
    elif chance < 0.85:
        holder[key] = {"x": value}
    elif chance < 0.93:
        holder[key] = str(value) if rng.random() < 0.5 else f"{value}{rng.choice(odd.TEXTS)}"
    elif isinstance(value, dict) and value:
        inner = rng.choice(list(value))
        value[str(inner).upper()] = value.pop(inner)
    else:
        holder[key] = nested(rng.choice((10, 100, 300)))


def _odd(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(odd.ANY))


def nested(depth: int) -> Any:
    """Return lists in lists."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def encoded(rng: random.Random, value: Any) -> bytes:
    """Return a value as JSON, now and then in an unusual spelling."""
    return json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def spoil_bytes(rng: random.Random, raw: bytes) -> bytes:
    """Return bytes that are not, or not quite, what they were."""
    at = rng.randrange(len(raw)) if raw else 0
    ways = (
        lambda: rng.choice(odd.BODIES),
        lambda: raw[:at],
        lambda: raw + rng.choice((b"x", b"{}", b"\x00", b"\n\n")),
        lambda: raw[:at] + bytes((rng.randrange(256),)) + raw[at + 1 :],
        lambda: raw.decode("utf-8", "replace").encode("utf-16"),
        lambda: b"\xef\xbb\xbf" + raw,
        lambda: raw + b" " * rng.choice((10, 114_688, 200_000)),
        lambda: raw.replace(b'"', b"'"),
        lambda: raw.replace(b": ", b": [", 1),
    )
    return rng.choice(ways)()
