"""The OpenAPI document of a version, made from the route table and the shapes.

`python -m compute_service.api.openapi [directory]` writes the first and the highest version's; they are
checked in under `openapi/`, and `tests/unit/api/test_openapi.py` tells when they are out of date.
"""

from __future__ import annotations

import json
import sys
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UnsetType

from compute_service.api.fields import Schema
from compute_service.api.query import query_field
from compute_service.api.routes import ROUTES
from compute_service.api.shape import FreeView, View, body_field, hints, includes
from compute_service.api.table import Route
from compute_service.api.versions import HIGHEST, LOWEST, MICROVERSIONS, text

_FAULT: Schema = {
    "description": "A fault: one key that names it, with code and message.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": {
                    "type": "object",
                    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
                    "required": ["code", "message"],
                },
            }
        }
    },
}
_DONE = {202: "Accepted.", 207: "Done in part."}
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}


class Document:
    """One version's document in the making: views become components."""

    def __init__(self, version: int) -> None:
        self._version = version
        self._components: dict[str, Schema] = {}

    def of(self, routes: Iterable[Route]) -> Schema:
        """Return the document of some routes."""
        paths: dict[str, dict[str, Schema]] = {}
        for route in routes:
            if route.handler is not None and route.first <= self._version <= route.last:
                self._add(paths.setdefault(route.path, {}), route)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Compute API",
                "version": text(self._version),
                "description": MICROVERSIONS[self._version - LOWEST].note,
            },
            "servers": [{"url": "/v2.1"}],
            "security": [{"token": []}],
            "paths": {path: paths[path] for path in sorted(paths)},
            "components": {
                "schemas": dict(sorted(self._components.items())),
                "responses": {"fault": _FAULT},
                "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
            },
        }

    def _add(self, place: dict[str, Schema], route: Route) -> None:
        method = route.method.lower()
        operation = self._operation(route)
        if route.action is None or method not in place:
            place[method] = operation
            return
        there = place[method]
        bodies = there["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
        bodies += operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
        there["x-policies"] = {**there.get("x-policies", {}), **operation.get("x-policies", {})}
        for status, answer in operation["responses"].items():
            _join(there["responses"], status, answer)

    def _operation(self, route: Route) -> Schema:
        found: Schema = {}
        if route.about or route.handler is not None:
            found["summary"] = route.about or _first_line(route.handler)
        parameters: list[Schema] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in route.names
        ]
        if route.query is not None:
            parameters += query_field(route.query, self._version).schema()
        if parameters:
            found["parameters"] = parameters
        if route.rule is not None and route.action is None:
            found["x-policy"] = route.rule.name
        if route.action is not None:
            found["summary"] = "Act on it: the body's only key names the action."
            if route.rule is not None:
                found["x-policies"] = {route.action: route.rule.name}
        body = self._body(route)
        if body is not None:
            found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        found["responses"] = self._responses(route)
        return found

    def _body(self, route: Route) -> Schema | None:
        inner = None if route.body is None else body_field(route.body, self._version).schema()
        if route.action is None:
            return inner
        value = inner or {}
        if route.optional:
            value = {"anyOf": [value, {"type": "null"}]}
        schema = {
            "type": "object",
            "properties": {route.action: value},
            "required": [route.action],
            "additionalProperties": False,
        }
        return {"oneOf": [schema]}

    def _responses(self, route: Route) -> Schema:
        answers: dict[str, Schema] = {}
        for status in (route.status, *route.also):
            answer = answers[str(status)] = {"description": _DONE.get(status, "Done.")}
            if route.reply is not None:
                answer["content"] = {"application/json": {"schema": self._view(route.reply)}}
        return {**answers, "default": {"$ref": "#/components/responses/fault"}}

    def reply(self, route: Route) -> Schema | None:
        """Return the schema of a row's good answers; None when they have no body."""
        if route.reply is None:
            return None
        schema = self._view(route.reply)
        return {**schema, "components": {"schemas": self._components}}

    def _view(self, cls: type[View]) -> Schema:
        if issubclass(cls, FreeView):
            return self._schema(hints(cls)["items"])
        name = f"{cls.__module__.removeprefix('compute_service.api.').split('.')[0]}.{cls.__name__}"
        if name not in self._components:
            self._components[name] = {}
            self._components[name] = self._object(cls)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, cls: type[View]) -> Schema:
        shown = [f for f in msgspec.structs.fields(cls) if includes(cls, f.name, self._version)]
        return {
            "type": "object",
            "description": (cls.__doc__ or "").strip().splitlines()[0],
            "properties": {f.encode_name: self._schema(hints(cls)[f.name]) for f in shown},
            "required": [f.encode_name for f in shown if f.required],
        }

    def _schema(self, hint: Any) -> Schema:
        if hint in _PLAIN:
            return _PLAIN[hint]
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin is Annotated:
            return self._schema(args[0])
        if origin in (typing.Union, types.UnionType):
            return _any_of([self._schema(arg) for arg in args if arg is not UnsetType])
        if origin in (list, tuple):
            return {"type": "array", "items": self._schema(args[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self._schema(args[1])}
        return {"enum": list(args)} if origin is Literal else self._view(hint)


def _any_of(parts: list[Schema]) -> Schema:
    if len(parts) == 1:
        return parts[0]
    if all(part.keys() == {"type"} for part in parts):
        return {"type": [part["type"] for part in parts]}
    return {"anyOf": parts}


def _join(responses: Schema, status: str, answer: Schema) -> None:
    """Add an action's answer to those of the other actions of its path."""
    there = responses.setdefault(status, answer)
    if there is answer or "content" not in answer:
        return
    if "content" not in there:
        there["content"] = answer["content"]
        return
    media = there["content"]["application/json"]
    schema = answer["content"]["application/json"]["schema"]
    known = media["schema"].get("anyOf", [media["schema"]])
    if schema not in known:
        media["schema"] = {"anyOf": [*known, schema]}


def _first_line(handler: Any) -> str:
    return str(handler.__doc__ or handler.__name__).strip().splitlines()[0]


def document(version: int) -> Schema:
    """Return the OpenAPI document of a version (its minor number)."""
    return Document(version).of(ROUTES)


def reply_schema(route: Route, version: int) -> Schema | None:
    """Return the schema of a row's good answers at a version, complete in itself; None without a body."""
    return Document(version).reply(route)


def rendered(version: int) -> str:
    """Return the document as it is checked in."""
    return json.dumps(document(version), indent=1, ensure_ascii=False) + "\n"


def main(directory: Path) -> None:
    """Write the documents of the first and the highest version."""
    directory.mkdir(parents=True, exist_ok=True)
    for version in (LOWEST, HIGHEST):
        (directory / f"{text(version)}.json").write_text(rendered(version), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "openapi"))
