"""The base of every record: frozen, compared by value, encodable by msgspec.

All times in records are naive datetimes in UTC. All sizes carry their unit in the field's name.
Identifiers are strings in the canonical lower-case UUID form unless a field says otherwise.
"""

from __future__ import annotations

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
