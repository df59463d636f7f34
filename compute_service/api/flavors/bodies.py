"""What requests about flavors hold. Source: Compute API reference, "Flavors"."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.fields import (
    BOOLISH,
    NAME,
    SPARE_INT,
    Bad,
    Either,
    Field,
    Map,
    OneOf,
    Printable,
    Schema,
    Text,
    Whole,
)
from compute_service.api.query import Paged
from compute_service.api.servers.views import named
from compute_service.api.shape import Body, FreeBody, since
from compute_service.api.versions import minor

_GREATEST_FLOAT = 3.40282e38
_FLAVOR_ID = Text(1, 255, "^(?! )[a-zA-Z0-9. _-]+(?<! )$")
_SIZE = Whole(0, SPARE_INT)
_COUNT = Whole(1, SPARE_INT)
_DESCRIPTION = Printable(65_535)


class Factor(Field):
    """A number above zero, or a string of one."""

    _TEXT = Text(pattern=r"^[0-9]+(\.[0-9]+)?$")

    def check(self, value: Any) -> float:
        if value.__class__ is str:
            number = float(self._TEXT.check(value))
        elif value.__class__ in (int, float):
            number = float(value)
        else:
            raise Bad(value, f"{value!r} is not of type 'number', 'string'")
        if not 0 < number <= _GREATEST_FLOAT:
            raise Bad(value, f"{value!r} is not above 0 and at most {_GREATEST_FLOAT}")
        return number

    def schema(self) -> Schema:
        return {"type": ["number", "string"], "exclusiveMinimum": 0, "maximum": _GREATEST_FLOAT}


class SpecValue(Field):
    """The value of an extra spec: a text, or a number that is kept as text."""

    _TEXT = Text(0, 255)

    def check(self, value: Any) -> str:
        if value.__class__ in (int, float):
            return str(value)
        if value.__class__ is not str:
            raise Bad(value, f"{value!r} is not of type 'string', 'number'")
        return str(self._TEXT.check(value))

    def schema(self) -> Schema:
        return {"type": ["string", "number"], "maxLength": 255}


class FlavorId(Field):
    """The identifier of a new flavor: a word or a number."""

    def check(self, value: Any) -> str:
        return str(_FLAVOR_ID.check(str(value) if value.__class__ in (int, float) else value))

    def schema(self) -> Schema:
        return {**_FLAVOR_ID.schema(), "type": ["string", "number"]}


SPECS = Map(SpecValue(), keys=r"^[a-zA-Z0-9-_:. ]{1,255}$")
ONE_SPEC = Map(SpecValue(), keys=r"^[a-zA-Z0-9-_:. ]{1,255}$", least=1, most=1)


class FlavorNew(Body):
    """The flavor of a POST. Sizes in MB (ram, swap) and GB."""

    name: Annotated[str, NAME]
    ram: Annotated[int, _COUNT]
    vcpus: Annotated[int, _COUNT]
    disk: Annotated[int, _SIZE]
    id: Annotated[str | UnsetType | None, FlavorId()] = UNSET
    ephemeral: Annotated[int | UnsetType, _SIZE] = named("OS-FLV-EXT-DATA:ephemeral")
    swap: Annotated[int | UnsetType, _SIZE] = UNSET
    rxtx_factor: Annotated[float | UnsetType, Factor(), since("2.1", until="2.101")] = UNSET
    is_public: Annotated[bool | UnsetType, BOOLISH] = named("os-flavor-access:is_public")
    description: Annotated[str | UnsetType | None, _DESCRIPTION, since("2.55")] = UNSET


class FlavorCreate(Body):
    """POST /flavors."""

    flavor: FlavorNew


class FlavorChange(Body):
    """The flavor of a PUT."""

    description: Annotated[str | None, _DESCRIPTION]


class FlavorUpdate(Body):
    """PUT /flavors/{flavor_id}."""

    flavor: FlavorChange


class Access(Body):
    """The value of addTenantAccess and removeTenantAccess."""

    tenant: Annotated[str, Text(1, 255)]


class SpecsCreate(Body):
    """POST /flavors/{flavor_id}/os-extra_specs."""

    extra_specs: Annotated[dict[str, str], SPECS]


class OneSpec(FreeBody):
    """PUT /flavors/{flavor_id}/os-extra_specs/{key}: the key and its value."""

    WHOLE = ONE_SPEC


class FlavorQuery(Paged):
    """GET /flavors and /flavors/detail."""

    STRICT = minor("2.75")

    is_public: str | UnsetType = UNSET
    min_ram: str | UnsetType = msgspec.field(default=UNSET, name="minRam")
    min_disk: str | UnsetType = msgspec.field(default=UNSET, name="minDisk")
    names: Annotated[list[str] | UnsetType, since("2.102")] = msgspec.field(default=UNSET, name="name")
    sort_key: Annotated[
        str | UnsetType,
        since(
            "2.1",
            kind=OneOf(
                "created_at", "description", "disabled", "ephemeral_gb", "flavorid", "id", "is_public",
                "memory_mb", "name", "root_gb", "rxtx_factor", "swap", "updated_at", "vcpu_weight", "vcpus",
            ),
        ),
        since(
            "2.102",
            kind=OneOf(
                "created_at", "description", "disabled", "ephemeral_gb", "flavorid", "id", "is_public",
                "memory_mb", "name", "root_gb", "swap", "updated_at", "vcpu_weight", "vcpus",
            ),
        ),
    ] = UNSET  # fmt: skip
    sort_dir: Annotated[str | UnsetType, Either((OneOf("asc", "desc"),))] = UNSET
