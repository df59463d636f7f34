"""One struct a body: each field says in which microversions it exists and what it may hold.

    class ServerUpdate(Body):
        name: Annotated[str | UnsetType, NAME] = UNSET
        description: Annotated[str | None | UnsetType, Printable(255), since("2.19")] = UNSET
        hostname: Annotated[
            str | UnsetType, since("2.90", until="2.93", kind=LABEL), since("2.94", kind=FULL_NAME)
        ] = UNSET

- A `Body` is what a request sends, `read` checks and converts it. Without a default a field is required; with
  `since(..., required=True)` it is so in that window. Of several windows the last that holds counts.
- A `Query` is the parameters of an address; see `query.py`.
- A `View` is what an answer shows. A handler fills every field it can; `trim` takes away what the version
  does not have, and `includes` tells beforehand what need not be fetched.

What changes meaning rather than presence is a `versions.change(...)` beside its use.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar, dataclass_transform

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.fields import (
    Anything,
    Bad,
    Boolean,
    Either,
    Field,
    Map,
    Null,
    OneOf,
    Schema,
    Seq,
    Text,
    Whole,
)
from compute_service.api.versions import HIGHEST, LOWEST, minor
from compute_service.domain.errors import Invalid

T = TypeVar("T")
B = TypeVar("B", bound="Body")
V = TypeVar("V", bound="View")


class _ShapeType(msgspec.StructMeta):
    """Makes the fields of every shape keyword-only, a setting that msgspec would not inherit."""

    def __new__(mcls, name: str, bases: tuple[type, ...], body: dict[str, Any], **settings: Any) -> Any:
        return super().__new__(mcls, name, bases, body, **{"kw_only": True, **settings})


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Body(msgspec.Struct, kw_only=True, metaclass=_ShapeType):
    """A JSON object in a request. `OPEN` lets unknown keys pass, unseen."""

    OPEN: ClassVar[bool] = False


class FreeBody(Body):
    """A request whose keys are free: the object as a whole is of the kind `WHOLE`."""

    WHOLE: ClassVar[Field] = Field()
    items: dict[str, Any]


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class View(msgspec.Struct, kw_only=True, metaclass=_ShapeType):
    """A JSON object in an answer."""


class FreeView(View):
    """An answer whose keys are free: `items` is what is sent."""

    items: dict[str, Any]


class Window(NamedTuple):
    """The versions in which a field exists, what it then holds if not what its type says (a `Field` or a type
    hint), and whether it must be there."""

    since: int
    until: int
    kind: Any = None
    required: bool | None = None

    def holds(self, version: int) -> bool:
        """Tell whether a version lies in it."""
        return self.since <= version <= self.until


def given(value: T | UnsetType, default: T) -> T:
    """Return what a field holds, or `default` when it was not there."""
    return default if isinstance(value, UnsetType) else value


def since(first: str, until: str | None = None, *, kind: Any = None, required: bool | None = None) -> Window:
    """Return the window from a version on, up to and with another one; see `Window`."""
    return Window(minor(first), HIGHEST if until is None else minor(until), kind, required)


class Items(NamedTuple):
    """How many elements an array may have."""

    least: int = 0
    most: int | None = None
    unique: bool = False


@cache
def hints(cls: type) -> dict[str, Any]:
    """Return the type hints of a shape's fields, annotations included."""
    return typing.get_type_hints(cls, include_extras=True)


@cache
def _windows(cls: type) -> dict[str, tuple[Window, ...]]:
    return {
        name: tuple(m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Window))
        for name, hint in hints(cls).items()
        if typing.get_origin(hint) is not ClassVar
    }


def window_of(cls: type, name: str, version: int) -> Window | None:
    """Return the window of a field that holds a version, or None."""
    windows = _windows(cls)[name]
    if not windows:
        return Window(LOWEST, HIGHEST)
    return next((w for w in reversed(windows) if w.holds(version)), None)


def includes(cls: type[msgspec.Struct], name: str, version: int) -> bool:
    """Tell whether a body or view has a field at a version."""
    return window_of(cls, name, version) is not None


def _union_of(parts: tuple[Any, ...], metadata: tuple[Any, ...], version: int, lenient: bool) -> Field:
    given = next((m for m in metadata if isinstance(m, Field)), None)
    members = [p for p in parts if p is not UnsetType and p is not type(None)]
    kinds = [given] if given else [field_of(member, version, lenient, metadata) for member in members]
    nullable = type(None) in parts
    return kinds[0] if len(kinds) == 1 and not nullable else Either(kinds, nullable)


def _array_of(item: Any, metadata: tuple[Any, ...], version: int, lenient: bool) -> Field:
    items = next((m for m in metadata if isinstance(m, Items)), Items())
    return Seq(field_of(item, version, lenient), *items)


_PLAIN: dict[Any, Callable[[], Field]] = {
    str: Text,
    int: lambda: Whole(strings=False),
    bool: Boolean,
    Any: Anything,
    type(None): Null,
}


def field_of(hint: Any, version: int, lenient: bool = False, metadata: tuple[Any, ...] = ()) -> Field:
    """Return the check of a type hint at a version. A `Field` in its annotation decides, else its type."""
    origin = typing.get_origin(hint)
    args = typing.get_args(hint)
    if origin is Annotated:
        return field_of(args[0], version, lenient, (*hint.__metadata__, *metadata))
    if origin in (typing.Union, types.UnionType):
        return _union_of(args, metadata, version, lenient)
    given = next((m for m in metadata if isinstance(m, Field)), None)
    if given is not None:
        return given
    if origin in (list, tuple):
        return _array_of(args[0], metadata, version, lenient)
    return _plain(hint, origin, version, lenient)


def _plain(hint: Any, origin: Any, version: int, lenient: bool) -> Field:
    args = typing.get_args(hint)
    if origin is Literal:
        return OneOf(*args)
    if origin is dict:
        return Map(field_of(args[1], version, lenient))
    if isinstance(hint, type) and issubclass(hint, Body):
        return body_field(hint, version, lenient)
    made = _PLAIN.get(hint)
    if made is None:
        raise TypeError(f"{hint!r} cannot stand in a body")
    return made()


class _Key(NamedTuple):
    attribute: str
    check: Callable[[Any], Any]
    field: Field
    required: bool


class Obj(Field):
    """An object with known keys: the fields of a `Body` at one version."""

    def __init__(self, cls: type[Body], version: int, lenient: bool) -> None:
        self.cls, self.ignores = cls, lenient or cls.OPEN
        self.keys = {
            info.encode_name: key
            for info in msgspec.structs.fields(cls)
            if (key := self._key(info, version, lenient)) is not None
        }
        self.required = tuple(name for name, key in self.keys.items() if key.required)

    def _key(self, info: Any, version: int, lenient: bool) -> _Key | None:
        window = window_of(self.cls, info.name, version)
        if window is None:
            return None
        hint = hints(self.cls)[info.name]
        if not isinstance(window.kind, Field):
            kind = field_of(hint if window.kind is None else window.kind, version, lenient)
        else:
            nullable = type(None) in typing.get_args(typing.get_args(hint)[0])
            kind = Either((window.kind,), nullable=True) if nullable else window.kind
        required = info.required if window.required is None else window.required
        return _Key(info.name, kind.check, kind, required)

    def check(self, value: Any) -> Body:
        if value.__class__ is not dict:
            raise Bad(value, f"{value!r} is not of type 'object'")
        out: dict[str, Any] = {}
        extra: list[str] = []
        keys = self.keys
        for name, item in value.items():
            key = keys.get(name)
            if key is None:
                extra.append(name)
                continue
            try:
                out[key.attribute] = key.check(item)
            except Bad as bad:
                bad.at = name if bad.at is None else bad.at
                raise
        for name in self.required:
            if name not in value:
                raise Bad(value, f"'{name}' is a required property")
        if extra and not self.ignores:
            raise Bad(value, unexpected(extra))
        return self.cls(**out)

    def schema(self) -> Schema:
        out: Schema = {
            "type": "object",
            "properties": {name: key.field.schema() for name, key in self.keys.items()},
        }
        if self.required:
            out["required"] = list(self.required)
        if not self.ignores:
            out["additionalProperties"] = False
        return out


def unexpected(names: list[str]) -> str:
    """Say which keys should not be there, as JSON Schema does."""
    listed = ", ".join(repr(name) for name in names)
    return (
        f"Additional properties are not allowed ({listed} {'was' if len(names) == 1 else 'were'} unexpected)"
    )


class _FreeObj(Field):
    """The whole object of a `FreeBody`."""

    def __init__(self, cls: type[FreeBody]) -> None:
        self._cls = cls

    def check(self, value: Any) -> FreeBody:
        return self._cls(items=self._cls.WHOLE.check(value))

    def schema(self) -> Schema:
        return self._cls.WHOLE.schema()


@cache
def body_field(cls: type[Body], version: int, lenient: bool = False) -> Field:
    """Return the check of a body at a version; `lenient` passes over unknown keys, as the v2 API does."""
    return _FreeObj(cls) if issubclass(cls, FreeBody) else Obj(cls, version, lenient)


def complaint(bad: Bad, of: str = "field/attribute") -> Invalid:
    """Frame a refusal for the requester."""
    if bad.whole or bad.at is None:
        return Invalid(bad.message)
    return Invalid(f"Invalid input for {of} {bad.at}. Value: {bad.value}. {bad.message}")


def read(cls: type[B], value: Any, version: int, lenient: bool = False) -> B:
    """Check a decoded JSON body and return it as `cls`. Raises Invalid in the field's words."""
    try:
        return typing.cast(B, body_field(cls, version, lenient).check(value))
    except Bad as bad:
        raise complaint(bad) from None


class _Trim(NamedTuple):
    hidden: tuple[str, ...]
    inner: tuple[tuple[str, dict[type[View], _Trim]], ...]


def _views_in(hint: Any) -> list[type[View]]:
    if isinstance(hint, type) and issubclass(hint, View):
        return [hint]
    if typing.get_origin(hint) in (dict, Literal):
        return []
    return [found for arg in typing.get_args(hint) for found in _views_in(arg)]


@cache
def _trim_plan(cls: type[View], version: int) -> _Trim | None:
    """Return what has to go from a view at a version; None when nothing has."""
    hidden: list[str] = []
    inner: list[tuple[str, dict[type[View], _Trim]]] = []
    for name, hint in hints(cls).items():
        if typing.get_origin(hint) is ClassVar:
            continue
        if window_of(cls, name, version) is None:
            hidden.append(name)
            continue
        plans = {view: plan for view in _views_in(hint) if (plan := _trim_plan(view, version)) is not None}
        if plans:
            inner.append((name, plans))
    return _Trim(tuple(hidden), tuple(inner)) if hidden or inner else None


def _trim(view: Any, plan: _Trim) -> None:
    for name in plan.hidden:
        setattr(view, name, UNSET)
    for name, plans in plan.inner:
        value = getattr(view, name)
        for item in value if value.__class__ is list else (value,):
            inner = plans.get(item.__class__)
            if inner is not None:
                _trim(item, inner)


def trim(view: V, version: int) -> V:
    """Take away, in place, what a version does not show, at every depth."""
    plan = _trim_plan(type(view), version)
    if plan is not None:
        _trim(view, plan)
    return view
