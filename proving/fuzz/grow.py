"""Values that a JSON Schema allows; where a name tells what is meant, one that exists."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Any

from proving.fuzz import odd
from proving.fuzz.stock import Stock

_NAMED = {
    "flavorRef": "flavor",
    "flavor": "flavor",
    "imageRef": "image",
    "image_id": "image",
    "image": "image",
    "image_ref": "image",
    "key_name": "keypair",
    "host": "host",
    "node": "host",
    "hypervisor_hostname": "host",
    "add_host": "host",
    "server_uuid": "server",
    "same_host": "server",
    "different_host": "server",
    "instance_uuid": "server",
    "marker": "server",
    "group": "group",
    "tenant": "project",
    "tenant_id": "project",
    "project_id": "project",
    "user_id": "user",
    "availability_zone": "zone",
    "pinned_availability_zone": "zone",
    "volume_id": "volume",
    "port": "port",
    "port_id": "port",
    "net_id": "network",
    "public_key": "public key",
    "status": "status",
    "state": "state",
    "hypervisor_hostname_pattern": "host",
    "binary": "binary",
}
_WANTED = ("imageRef", "flavorRef")
"""Without these, or with what the schema lets them be beside a name, next to nothing is done."""
_COUNTS = ("min_count", "max_count")
_FORMATS: dict[str, tuple[str, ...]] = {
    "date-time": odd.TIMES[:4],
    "ipv4": ("10.1.0.7", "192.0.2.1"),
    "ipv6": ("2001:db8::7", "fd00::1"),
    "ip": ("10.1.0.9", "2001:db8::9"),
    "regex": ("web", "^w.*b$", ".", "a|b", "[0-9]+", "ACTIVE"),
    "base64": (base64.b64encode(b"#!/bin/sh\n").decode(), ""),
}
_STRINGS = ("web", "a", "x1", "blue-2", "1", "10", "true", "desc", "ACTIVE", "/dev/vda", "nova")


class Grower:
    """Grows values from schemas. `optional` is how likely what may be left out is there."""

    def __init__(self, rng: random.Random, stock: Stock, optional: float) -> None:
        self._rng, self._stock, self._optional = rng, stock, optional
        self._by_type: dict[str, Callable[[dict[str, Any], str], Any]] = {
            "object": self._object,
            "array": self._array,
            "integer": self._integer,
            "number": self._integer,
            "boolean": lambda schema, name: rng.random() < 0.5,
            "null": lambda schema, name: None,
            "string": self._string,
        }

    def grow(self, schema: dict[str, Any], name: str = "") -> Any:
        """Return a value; `name` is what it will stand under."""
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices and name in _WANTED and self._rng.random() < 0.9:
            return self._stock.one(self._rng, _NAMED[name]) or self.grow(choices[-1], name)
        if choices:
            return self.grow(self._rng.choice(choices), name)
        if "enum" in schema:
            return self._rng.choice(schema["enum"])
        kinds = schema.get("type", "string")
        kind = kinds if isinstance(kinds, str) else self._rng.choice(kinds)
        if kind == "string" and (known := self._known(schema, name)) is not None:
            return known
        return self._by_type[kind](schema, name)

    def _known(self, schema: dict[str, Any], name: str) -> str | None:
        if schema.get("maxLength") == 0 or schema.get("format") == "date-time":
            return None
        if name in ("uuid", "id") and schema.get("format") == "uuid":
            return self._stock.one(self._rng, "network" if name == "uuid" else "image")
        kind = _NAMED.get(name)
        return None if kind is None or self._rng.random() < 0.1 else self._stock.one(self._rng, kind)

    def _object(self, schema: dict[str, Any], name: str) -> dict[str, Any]:
        required = schema.get("required", ())
        out = {
            key: self.grow(inner, key)
            for key, inner in schema.get("properties", {}).items()
            if key in required or key in _WANTED or self._rng.random() < self._optional
        }
        free = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))
        least = schema.get("minProperties", 0)
        if isinstance(free, dict) and not schema.get("properties"):
            for _ in range(max(least, self._rng.randrange(4))):
                out[self._stock.pick(self._rng, "key")[:255]] = self.grow(free)
        return out

    def _array(self, schema: dict[str, Any], name: str) -> list[Any]:
        least = schema.get("minItems", 0)
        count = min(schema.get("maxItems", 99), max(least, self._rng.choice((1, 1, 1, 2, 3, 0))))
        return [self.grow(schema.get("items", {}), name) for _ in range(count)]

    def _integer(self, schema: dict[str, Any], name: str) -> int:
        least, most = schema.get("minimum", -1), schema.get("maximum", 2**31 - 1)
        if name in _COUNTS:
            return self._rng.choice((1, 1, 2, 3))
        return int(self._rng.choice((least, least + 1, 1, 2, 10, 64, most)))

    def _string(self, schema: dict[str, Any], name: str) -> str:
        rng, form, pattern = self._rng, schema.get("format"), schema.get("pattern", "")
        if form == "uuid":
            return self._stock.pick(rng, "server")
        if form in _FORMATS:
            return rng.choice(_FORMATS[form])
        if pattern in ("^[0-9]*$", "^-?[0-9]+$"):
            return str(self._integer(schema, name))
        text = rng.choice(_STRINGS)
        least, most = schema.get("minLength") or 0, schema.get("maxLength")
        if rng.random() < 0.1 and most:
            text = "a" * min(most, 4096)
        return text.ljust(least, "a")[:most]
