"""The base of every record: frozen, compared by value, encodable by msgspec.

All times in records are naive datetimes in UTC. All sizes carry their unit in the field's name.
Identifiers are strings in the canonical lower-case UUID form unless a field says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Self, dataclass_transform

import msgspec


class _RecordType(msgspec.StructMeta):
    """Gives every record class its two settings, which msgspec would not inherit."""

    def __new__(mcls, name: str, bases: tuple[type, ...], body: dict[str, Any], **settings: Any) -> Any:
        return super().__new__(mcls, name, bases, body, **{"frozen": True, "kw_only": True, **settings})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Record(msgspec.Struct, frozen=True, kw_only=True, metaclass=_RecordType):
    """A value that never changes; `replace` gives a changed copy."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy with the named fields changed."""
        return msgspec.structs.replace(self, **changes)


def learn_types() -> int:
    """Have msgspec learn every record type that is defined by now; returns how many there are.

    To be called before threads decode anything. msgspec learns a type when it first meets it, and shows what
    it has half learned to other threads: two that meet a type at the same moment crash the process (seen with
    0.22).
    """
    types: list[type[Any]] = list(set(_below(msgspec.Struct)))
    for kind in types:
        # What is only ever written may have fields that cannot be read.
        with suppress(TypeError):
            msgspec.json.Decoder(kind)
    return len(types)


def _below(base: type[Any]) -> Iterator[type[Any]]:
    for one in base.__subclasses__():
        yield one
        yield from _below(one)
