"""The kinds of value that a request may hold, each with its own check and its own schema.

A `Field` stands in a type hint: `Annotated[str, Text(1, 255)]`. It takes what JSON (or a query string) gave,
refuses it by raising `Bad` in the words of JSON Schema, or returns it in the form the code wants: "1" as 1,
"True" as True, a time as a datetime. Source: Compute API reference, "Faults" and each route's parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from compute_service.api.forms import printable, read_base64, read_ip, read_regex, read_time, read_uuid

Schema = dict[str, Any]


class Bad(Exception):
    """A value that is refused. `at` is the name it stood under; `whole` says the message needs no frame."""

    def __init__(self, value: Any, message: str, whole: bool = False) -> None:
        super().__init__(message)
        self.value = value
        self.message = message
        self.whole = whole
        self.at: str | int | None = None


class Field:
    """One kind of value."""

    def check(self, value: Any) -> Any:
        """Return the value in the form the code wants. Raises Bad."""
        return value

    def schema(self) -> Schema:
        """Return its JSON Schema."""
        return {}


def _wrong_type(value: Any, *names: str) -> Bad:
    listed = ", ".join(f"'{name}'" for name in names)
    return Bad(value, f"{value!r} is not of type {listed}")


def _whole(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """Compile a JSON Schema pattern, whose `$` is the very end and not before a last line break."""
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern).search


class Anything(Field):
    """Any JSON value."""


class Null(Field):
    """Nothing but null."""

    def check(self, value: Any) -> None:
        if value is not None:
            raise _wrong_type(value, "null")

    def schema(self) -> Schema:
        return {"type": "null"}


class Text(Field):
    """A string of a length, perhaps of a pattern (that it must hold anywhere) or a form that `reads` it."""

    def __init__(
        self,
        least: int = 0,
        most: int | None = None,
        pattern: str | None = None,
        form: str | None = None,
        reads: Callable[[str], Any] | None = None,
    ) -> None:
        self.least, self.most, self.form, self._reads = least, most, form, reads
        self.pattern = pattern
        self._match = None if pattern is None else _whole(pattern)

    def check(self, value: Any) -> Any:
        if value.__class__ is not str:
            raise _wrong_type(value, "string")
        if len(value) < self.least:
            raise Bad(value, f"{value!r} is too short")
        if self.most is not None and len(value) > self.most:
            raise Bad(value, f"{value!r} is too long")
        if self._match is not None and self._match(value) is None:
            raise Bad(value, f"{value!r} does not match {self.pattern!r}")
        if self._reads is not None:
            try:
                return self._reads(value)
            except ValueError:
                raise Bad(value, f"{value!r} is not a '{self.form}'") from None
        return value

    def schema(self) -> Schema:
        known = {
            "type": "string",
            "minLength": self.least or None,
            "maxLength": self.most,
            "pattern": self.pattern,
            "format": self.form,
        }
        return {key: value for key, value in known.items() if value is not None}


class Named(Field):
    """A name: printable characters, at most 255, blanks only inside."""

    WORDS = "The name must be: printable characters. Can not start or end with whitespace."

    def __init__(self, most: int = 255, strip: bool = False) -> None:
        self.most, self.strip = most, strip

    def check(self, value: Any) -> str:
        if value.__class__ is not str:
            raise _wrong_type(value, "string")
        name: str = value.strip() if self.strip else value
        if not value:
            raise Bad(value, f"{value!r} is too short")
        if len(name) > self.most:
            raise Bad(value, f"{value!r} is too long")
        if not name or name != name.strip() or not printable(name):
            raise Bad(value, f"An invalid 'name' value was provided. {self.WORDS}", whole=True)
        return name

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1, "maxLength": self.most, "format": "name"}


class Printable(Field):
    """A text of printable characters, as for descriptions."""

    def __init__(self, most: int) -> None:
        self.most = most

    def check(self, value: Any) -> str:
        if value.__class__ is not str:
            raise _wrong_type(value, "string", "null")
        text: str = value
        if len(text) > self.most:
            raise Bad(value, f"{value!r} is too long")
        if not printable(text):
            raise Bad(value, f"{value!r} does not match '^[printable characters]*$'")
        return text

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 0, "maxLength": self.most, "format": "printable"}


class Whole(Field):
    """A whole number, or a string of one."""

    def __init__(self, least: int | None = None, most: int | None = None, strings: bool = True) -> None:
        self.least, self.most, self.strings = least, most, strings
        negative = least is None or least < 0
        self.pattern = "^-?[0-9]+$" if negative else "^[0-9]*$"
        self._match = re.compile(self.pattern.replace("*", "+"), re.ASCII).match

    def check(self, value: Any) -> int:
        if value.__class__ is str and self.strings:
            if self._match(value) is None or len(value) > 20:
                raise Bad(value, f"{value!r} does not match {self.pattern!r}")
            number = int(value)
        elif value.__class__ is int:
            number = value
        elif value.__class__ is float and value.is_integer():
            number = int(value)
        else:
            raise _wrong_type(value, "integer", *(("string",) if self.strings else ()))
        if self.least is not None and number < self.least:
            raise Bad(value, f"{value!r} is less than the minimum of {self.least}")
        if self.most is not None and number > self.most:
            raise Bad(value, f"{value!r} is greater than the maximum of {self.most}")
        return number

    def schema(self) -> Schema:
        known = {
            "type": ["integer", "string"] if self.strings else "integer",
            "minimum": self.least,
            "maximum": self.most,
            "pattern": self.pattern if self.strings else None,
        }
        return {key: value for key, value in known.items() if value is not None}


_TRUE = ("True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes")
_FALSE = ("False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no")


class Boolish(Field):
    """A boolean, or one of the strings that people write for one."""

    VALUES = (True, *_TRUE, False, *_FALSE)

    def check(self, value: Any) -> bool:
        if value.__class__ is bool:
            return value is True
        if value.__class__ is not str:
            raise _wrong_type(value, "boolean", "string")
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
        raise Bad(value, f"{value!r} is not one of {list(self.VALUES)!r}")

    def schema(self) -> Schema:
        return {"type": ["boolean", "string"], "enum": list(self.VALUES)}


class Boolean(Field):
    """True or false and nothing else."""

    def check(self, value: Any) -> bool:
        if value.__class__ is not bool:
            raise _wrong_type(value, "boolean")
        return value is True

    def schema(self) -> Schema:
        return {"type": "boolean"}


class OneOf(Field):
    """One of a few values."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def check(self, value: Any) -> Any:
        if value not in self.values:
            raise Bad(value, f"{value!r} is not one of {list(self.values)!r}")
        return value

    def schema(self) -> Schema:
        return {"enum": list(self.values)}


class Either(Field):
    """The first kind that takes the value; null counts as a kind when `nullable`."""

    def __init__(self, kinds: Iterable[Field], nullable: bool = False) -> None:
        self.kinds, self.nullable = tuple(kinds), nullable

    def check(self, value: Any) -> Any:
        if value is None and self.nullable:
            return None
        first: Bad | None = None
        for kind in self.kinds:
            try:
                return kind.check(value)
            except Bad as bad:
                first = first or bad
        if first is not None and len(self.kinds) == 1:
            raise first
        raise Bad(value, f"{value!r} is not valid under any of the given schemas")

    def schema(self) -> Schema:
        parts = [kind.schema() for kind in self.kinds] + ([{"type": "null"}] if self.nullable else [])
        return parts[0] if len(parts) == 1 else {"anyOf": parts}


class Seq(Field):
    """An array."""

    def __init__(self, item: Field, least: int = 0, most: int | None = None, unique: bool = False) -> None:
        self.item, self.least, self.most, self.unique = item, least, most, unique

    def check(self, value: Any) -> list[Any]:
        if value.__class__ is not list:
            raise _wrong_type(value, "array")
        if len(value) < self.least:
            raise Bad(value, f"{value!r} is too short")
        if self.most is not None and len(value) > self.most:
            raise Bad(value, f"{value!r} is too long")
        if self.unique and any(item in value[:at] for at, item in enumerate(value)):
            raise Bad(value, f"{value!r} has non-unique elements")
        out = []
        for at, item in enumerate(value):
            try:
                out.append(self.item.check(item))
            except Bad as bad:
                bad.at = at if bad.at is None else bad.at
                raise
        return out

    def schema(self) -> Schema:
        known = {
            "type": "array",
            "items": self.item.schema(),
            "minItems": self.least or None,
            "maxItems": self.most,
            "uniqueItems": self.unique or None,
        }
        return {key: value for key, value in known.items() if value is not None}


class Map(Field):
    """An object with free keys of a pattern, at least `least` of them."""

    def __init__(
        self, value: Field, keys: str | None = None, least: int = 0, most: int | None = None
    ) -> None:
        self.value, self.keys, self.least, self.most = value, keys, least, most
        self._match = None if keys is None else _whole(keys)

    def check(self, value: Any) -> dict[str, Any]:
        if value.__class__ is not dict:
            raise _wrong_type(value, "object")
        if len(value) < self.least:
            raise Bad(value, f"{value!r} does not have enough properties")
        if self.most is not None and len(value) > self.most:
            raise Bad(value, f"{value!r} has too many properties")
        out: dict[str, Any] = {}
        for key, item in value.items():
            if self._match is not None and self._match(key) is None:
                raise Bad(
                    value,
                    f"Additional properties are not allowed ({key!r} was unexpected)",
                )
            try:
                out[key] = self.value.check(item)
            except Bad as bad:
                bad.at = key if bad.at is None else bad.at
                raise
        return out

    def schema(self) -> Schema:
        values = self.value.schema()
        out: Schema = {"type": "object"}
        if self.keys is None:
            out["additionalProperties"] = values
        else:
            out |= {"patternProperties": {self.keys: values}, "additionalProperties": False}
        if self.least:
            out["minProperties"] = self.least
        if self.most is not None:
            out["maxProperties"] = self.most
        return out


UUID = Text(form="uuid", reads=read_uuid)
TIME = Text(form="date-time", reads=read_time)
REGEX = Text(form="regex", reads=read_regex)
IPV4 = Text(form="ipv4", reads=read_ip(4))
IPV6 = Text(form="ipv6", reads=read_ip(6))
IP = Text(form="ip", reads=read_ip(0))
NAME = Named()
BOOLISH = Boolish()
HOST_NAME = Text(1, 255, r"^[a-zA-Z0-9-._]*$")
TAG = Text(1, 60, "^[^,/]*$")
METADATA = Map(Text(0, 255), keys=r"^[a-zA-Z0-9-_:. ]{1,255}$")
SPARE_INT = 2_147_483_647
"""The greatest number a database column holds."""


def base64_text(most: int | None = None) -> Text:
    """Return the kind of a base64 text of at most `most` characters."""
    return Text(0, most, form="base64", reads=read_base64)
