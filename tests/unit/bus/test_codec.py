from __future__ import annotations

from typing import ClassVar, Protocol

import msgspec
import pytest

from compute_service.bus.codec import Fault, answer_from, args_from, error_of, fault_of, verbs_of
from compute_service.domain import errors
from compute_service.domain.errors import (
    ComputeError,
    Invalid,
    InvalidState,
    Locked,
    NoValidHost,
    PolicyDenied,
    Unavailable,
)
from compute_service.domain.protocol import ComputeAgent, Conductor
from compute_service.domain.record import Record
from compute_service.store.dialects import DatabaseDown


class Box(Record):
    """A record that grew by a field."""

    name: str
    size: int = 3


class Old(Protocol):
    """A topic of this test."""

    VERSION: ClassVar[int] = 1

    def put(self, box: Box, count: int = 1) -> Box: ...


def test_casts_are_the_verbs_that_return_nothing() -> None:
    casts = {name for name, verb in verbs_of(Conductor).items() if verb.cast}
    assert casts == {"wake", "finished", "progress", "report"}
    assert not verbs_of(ComputeAgent)["console_output"].cast


def test_missing_fields_take_defaults_and_unknown_ones_are_ignored() -> None:
    verb = verbs_of(Old)["put"]
    args = args_from(verb, {"box": {"name": "a", "later": True}, "even": "later"})
    assert verb.unpack(args) == {"box": Box(name="a"), "count": 1}


def test_what_does_not_fit_is_refused_by_name() -> None:
    verb = verbs_of(Old)["put"]
    with pytest.raises(Invalid, match="a message 'put' does not fit: Expected `int`, got `str`"):
        args_from(verb, {"box": {"name": "a"}, "count": "many"})
    with pytest.raises(Invalid, match="missing required field `name`"):
        answer_from(verb, {})


def test_a_signature_without_types_cannot_travel() -> None:
    class Vague(Protocol):
        def put(self, *things: int) -> None: ...

    with pytest.raises(TypeError, match=r"Vague\.put: things cannot travel"):
        verbs_of(Vague)


@pytest.mark.parametrize(
    "error",
    [
        InvalidState("u", "stop", "vm_state", "error"),
        Locked("u"),
        PolicyDenied("os_compute_api:servers:create"),
        NoValidHost("none", {"RamFilter": 2}),
        ComputeError("plain"),
    ],
)
def test_errors_survive_the_way(error: ComputeError) -> None:
    travelled = msgspec.json.decode(msgspec.json.encode(fault_of(error)), type=Fault)
    back = error_of(travelled)
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)
    assert back.status == error.status


def test_every_error_class_can_come_back() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ComputeError)
    ]
    assert len(kinds) > 10
    for kind in kinds:
        assert type(error_of(Fault(kind=kind.__name__, message="m"))) is kind


def test_an_error_of_one_part_alone_comes_back_as_the_kind_of_error_it_is() -> None:
    back = error_of(fault_of(DatabaseDown("Database api does not answer.")))
    assert type(back) is Unavailable
    assert str(back) == "Database api does not answer."


def test_an_unknown_class_becomes_a_plain_error() -> None:
    assert type(error_of(Fault(kind="Any", message="m"))) is ComputeError
    assert type(error_of(Fault(kind="OfTomorrow", message="m"))) is ComputeError
    assert fault_of(ValueError("x")).message == "ValueError: x"
