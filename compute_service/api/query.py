"""The parameters of an address, typed and checked like a body.

    class FlavorQuery(Query):
        STRICT = minor("2.75")
        limit: Limit = UNSET
        is_public: str | UnsetType = UNSET

A parameter may be repeated: a field of a list type gets all values, any other the last one. Unknown ones are
passed over below the version `STRICT` and refused from it on.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar
from urllib.parse import parse_qsl

from msgspec import UNSET, UnsetType
from msgspec.structs import fields

from compute_service.api.fields import Bad, Field, Schema, Seq, Text, Whole
from compute_service.api.shape import Body, complaint, field_of, hints, unexpected, window_of
from compute_service.api.versions import HIGHEST, minor
from compute_service.domain.errors import Invalid

Q = TypeVar("Q", bound="Query")

NEVER = HIGHEST + 1
"""For `STRICT`: unknown parameters are passed over at every version."""

Limit = Annotated[int | UnsetType, Whole(0)]
"""How many to list; 0 stands for the most there may be."""

MOST_PARAMETERS = 1000


class Query(Body):
    """The parameters of a route that has none of its own: unknown ones are refused from 2.102 on."""

    STRICT: ClassVar[int] = minor("2.102")
    ONCE: ClassVar[bool] = False
    """Whether a parameter that is repeated is refused (if it is known)."""


class Paged(Query):
    """The parameters of a route that is listed in pages."""

    limit: Limit = UNSET
    marker: Annotated[str | UnsetType, Text(1)] = UNSET


class _Parameter(NamedTuple):
    attribute: str
    check: Callable[[Any], Any]
    field: Field
    many: bool


class QueryField:
    """The parameters of a `Query` at one version."""

    def __init__(self, cls: type[Query], version: int) -> None:
        self.cls, self.strict = cls, version >= cls.STRICT
        self.parameters: dict[str, _Parameter] = {}
        for info in fields(cls):
            window = window_of(cls, info.name, version)
            if window is None:
                continue
            kind = window.kind or field_of(hints(cls)[info.name], version)
            many = isinstance(kind, Seq)
            one = kind.item if isinstance(kind, Seq) else kind
            self.parameters[info.encode_name] = _Parameter(info.name, one.check, one, many)

    def check(self, pairs: list[tuple[str, str]]) -> Query:
        """Return the checked parameters. Raises Bad."""
        out: dict[str, Any] = {}
        extra: list[str] = []
        for name, value in pairs:
            parameter = self.parameters.get(name)
            if parameter is None:
                if name not in extra:
                    extra.append(name)
                continue
            try:
                found = parameter.check(value)
            except Bad as bad:
                bad.at = name
                raise
            if self.cls.ONCE and parameter.attribute in out:
                twice = Bad([v for n, v in pairs if n == name], "It is given more than once.")
                twice.at = name
                raise twice
            if parameter.many:
                out.setdefault(parameter.attribute, []).append(found)
            else:
                out[parameter.attribute] = found
        if extra and self.strict:
            raise Bad(extra, unexpected(extra))
        return self.cls(**out)

    def schema(self) -> list[Schema]:
        """Return the OpenAPI parameters."""
        return [
            {
                "name": name,
                "in": "query",
                "schema": {"type": "array", "items": p.field.schema()} if p.many else p.field.schema(),
            }
            for name, p in self.parameters.items()
        ]


@cache
def query_field(cls: type[Query], version: int) -> QueryField:
    """Return the check of a query at a version."""
    return QueryField(cls, version)


def pairs_of(query_string: str) -> list[tuple[str, str]]:
    """Return the parameters in the order given. Raises Invalid."""
    if not query_string:
        return []
    try:
        return parse_qsl(
            query_string, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError:
        raise Invalid("The query string cannot be read as UTF-8 parameters.") from None


def read_query(cls: type[Q], pairs: list[tuple[str, str]], version: int) -> Q:
    """Check the parameters of an address. Raises Invalid in the field's words."""
    try:
        return typing.cast(Q, query_field(cls, version).check(pairs))
    except Bad as bad:
        raise complaint(bad, "query parameters") from None


_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "off", "n", "no"})


def loosely_true(text: str | UnsetType) -> bool:
    """Tell whether a parameter says yes; anything unclear says no."""
    return not isinstance(text, UnsetType) and text.strip().lower() in _TRUE


def strictly_true(name: str, text: str) -> bool:
    """Read a parameter that must say yes or no. Raises Invalid."""
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise Invalid(f"Invalid value for {name}: {text!r} is neither true nor false.")
