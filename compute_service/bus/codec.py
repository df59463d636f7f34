"""How the verbs of a Protocol travel: arguments and answers as plain values by the types of the signature.

A verb's arguments become one record, so that a receiver of another release ignores fields it does not know
and fills in defaults for those that were not sent. A message says which version of the topic its verb came
with (`SINCE` of the Protocol, else 1): a receiver that is older refuses it instead of guessing.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from compute_service.domain import errors
from compute_service.domain.errors import ComputeError, Invalid, NotSupported
from compute_service.domain.record import Record


class Fault(Record):
    """An error on its way back: the name of its class in `domain.errors`, its message, its attributes."""

    kind: str
    message: str
    details: dict[str, Any] = {}


class Reply(Record):
    """What comes back from a call."""

    value: Any = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Verb:
    """One method of a Protocol."""

    name: str
    args: type[msgspec.Struct]
    """The arguments as a record, in the order of the signature."""
    returns: Any
    cast: bool
    """It returns None: nobody waits for it."""
    since: int
    """The version of the topic that has it."""

    def unpack(self, args: msgspec.Struct) -> dict[str, Any]:
        """Return the arguments by name."""
        return {name: getattr(args, name) for name in self.args.__struct_fields__}


@cache
def verbs_of(protocol: Any) -> Mapping[str, Verb]:
    """Return the verbs of a Protocol by name. Raises TypeError for a signature that cannot travel."""
    since: dict[str, int] = getattr(protocol, "SINCE", {})
    methods = inspect.getmembers(protocol, inspect.isfunction)
    return {
        name: _verb(protocol, name, method, since.get(name, 1))
        for name, method in methods
        if not name.startswith("_")
    }


def _verb(protocol: type[Any], name: str, method: Any, since: int) -> Verb:
    hints = typing.get_type_hints(method)
    fields: list[Any] = []
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or parameter.name not in hints:
            raise TypeError(f"{protocol.__name__}.{name}: {parameter.name} cannot travel")
        field = (parameter.name, hints[parameter.name])
        fields.append(field if parameter.default is parameter.empty else (*field, parameter.default))
    returns = hints.get("return")
    args = msgspec.defstruct(f"{protocol.__name__}_{name}", fields, frozen=True)
    # Messages come in many threads at once; see `learn_types`.
    msgspec.json.Decoder(args)
    msgspec.json.Decoder(returns)
    return Verb(
        name=name,
        args=args,
        returns=returns,
        cast=returns is type(None),
        since=since,
    )


def fault_of(error: Exception) -> Fault:
    """Return an error in the form that travels; one that is not ours becomes a plain ComputeError."""
    if not isinstance(error, ComputeError):
        return Fault(kind="ComputeError", message=f"{type(error).__name__}: {error}")
    details = {name: value for name, value in vars(error).items() if name != "message"}
    return Fault(
        kind=errors.kind_of(error),
        message=error.message,
        details=msgspec.to_builtins(details, str_keys=True),
    )


def error_of(fault: Fault) -> ComputeError:
    """Return the error that a fault stands for; a class that is not known here becomes a ComputeError."""
    kind = getattr(errors, fault.kind, None)
    if not (isinstance(kind, type) and issubclass(kind, ComputeError)):
        kind = ComputeError
    error = kind.__new__(kind)
    # Classes have constructors of their own; what they made of their arguments is what travelled.
    ComputeError.__init__(error, fault.message)
    vars(error).update(fault.details)
    return error


def check_version(topic: str, name: str, wanted: int, spoken: int) -> None:
    """Refuse a verb that came with a later version of the topic than this side speaks."""
    if wanted > spoken:
        raise NotSupported(
            f"'{name}' needs version {wanted} of the topic '{topic}' and this side speaks {spoken}; "
            "upgrade it before those that send to it"
        )


def args_from(verb: Verb, values: Any) -> msgspec.Struct:
    """Return the arguments from plain values. Raises Invalid when they do not fit the signature."""
    try:
        return msgspec.convert(values, type=verb.args)
    except msgspec.ValidationError as error:
        raise misfit(verb, error) from None


def answer_from(verb: Verb, value: Any) -> Any:
    """Return a call's answer from plain values. Raises Invalid when it does not fit the signature."""
    try:
        return msgspec.convert(value, type=verb.returns)
    except msgspec.ValidationError as error:
        raise misfit(verb, error) from None


def misfit(verb: Verb, error: msgspec.ValidationError) -> Invalid:
    """Return the error for a message or an answer whose content does not fit the verb."""
    return Invalid(f"a message '{verb.name}' does not fit: {error}")
