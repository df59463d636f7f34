from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from compute_service.api.fields import (
    BOOLISH,
    IPV4,
    METADATA,
    NAME,
    REGEX,
    TAG,
    TIME,
    UUID,
    Printable,
    Text,
    Whole,
    base64_text,
)
from compute_service.api.query import Limit, Paged, Query, pairs_of, read_query
from compute_service.api.shape import Body, Items, View, body_field, includes, read, since, trim
from compute_service.api.versions import minor
from compute_service.domain.errors import Invalid

ID = "8c19174f-4220-44f0-824a-cd1eeef10287"


class Inner(Body):
    uuid: Annotated[str | UnsetType, UUID] = UNSET
    tag: Annotated[str | UnsetType, TAG, since("2.32", until="2.36"), since("2.42")] = UNSET


class Outer(Body):
    name: Annotated[str, NAME]
    count: Annotated[int | UnsetType, Whole(1)] = UNSET
    flag: Annotated[bool | UnsetType, BOOLISH] = UNSET
    mode: Literal["AUTO", "MANUAL"] | UnsetType = msgspec.field(default=UNSET, name="OS-DCF:diskConfig")
    note: Annotated[str | UnsetType | None, Printable(5), since("2.19")] = UNSET
    nets: Annotated[list[Inner] | UnsetType, Items(0, 2), since("2.1"), since("2.37", required=True)] = UNSET
    labels: Annotated[dict[str, str] | UnsetType, METADATA] = UNSET
    host: Annotated[
        str | UnsetType, since("2.90", until="2.93", kind=Text(2, 5)), since("2.94", kind=Text(1, 10))
    ] = UNSET
    tags: Annotated[list[Annotated[str, TAG]] | UnsetType, Items(0, 3, unique=True)] = UNSET


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "[] is not of type 'object'"),
        ({}, "'name' is a required property"),
        (
            {"name": 5},
            "Invalid input for field/attribute name. Value: 5. 5 is not of type 'string'",
        ),
        ({"name": ""}, "Invalid input for field/attribute name. Value: . '' is too short"),
        (
            {"name": " a"},
            "An invalid 'name' value was provided. The name must be: printable characters. "
            "Can not start or end with whitespace.",
        ),
        (
            {"name": "a", "x": 1, "y": 2},
            "Additional properties are not allowed ('x', 'y' were unexpected)",
        ),
        (
            {"name": "a", "count": 0},
            "Invalid input for field/attribute count. Value: 0. 0 is less than the minimum of 1",
        ),
        (
            {"name": "a", "count": "x"},
            "Invalid input for field/attribute count. Value: x. 'x' does not match '^[0-9]*$'",
        ),
        (
            {"name": "a", "count": True},
            "Invalid input for field/attribute count. Value: True. True is not of type 'integer', 'string'",
        ),
        (
            {"name": "a", "OS-DCF:diskConfig": "auto"},
            "Invalid input for field/attribute OS-DCF:diskConfig. Value: auto. "
            "'auto' is not one of ['AUTO', 'MANUAL']",
        ),
        (
            {"name": "a", "nets": [{}, {"uuid": "x"}]},
            "Invalid input for field/attribute uuid. Value: x. 'x' is not a 'uuid'",
        ),
        (
            {"name": "a", "nets": [1]},
            "Invalid input for field/attribute 0. Value: 1. 1 is not of type 'object'",
        ),
        (
            {"name": "a", "nets": [{}, {}, {}]},
            "Invalid input for field/attribute nets. Value: [{}, {}, {}]. [{}, {}, {}] is too long",
        ),
        (
            {"name": "a", "labels": {"k": 1}},
            "Invalid input for field/attribute k. Value: 1. 1 is not of type 'string'",
        ),
        (
            {"name": "a", "labels": {"k/": "v"}},
            "Invalid input for field/attribute labels. Value: {'k/': 'v'}. "
            "Additional properties are not allowed ('k/' was unexpected)",
        ),
        (
            {"name": "a", "tags": ["x", "x"]},
            "Invalid input for field/attribute tags. Value: ['x', 'x']. ['x', 'x'] has non-unique elements",
        ),
        (
            {"name": "a", "tags": ["x,y"]},
            "Invalid input for field/attribute 0. Value: x,y. 'x,y' does not match '^[^,/]*$'",
        ),
    ],
)
def test_refusals_speak_the_words_of_json_schema(body: Any, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(Outer, body, minor("2.19"))
    assert refused.value.message == message


def test_values_come_in_the_form_the_code_wants() -> None:
    body = {"name": "a", "count": "3", "flag": "True", "OS-DCF:diskConfig": "AUTO", "note": None}
    found = read(Outer, body, minor("2.19"))
    assert (found.name, found.count, found.flag, found.mode, found.note) == ("a", 3, True, "AUTO", None)
    assert found.tags is UNSET


@pytest.mark.parametrize(
    ("version", "ok"), [("2.31", False), ("2.32", True), ("2.36", True), ("2.37", False), ("2.42", True)]
)
def test_a_field_may_have_several_windows(version: str, ok: bool) -> None:
    body = {"name": "a", "nets": [{"tag": "x"}]}
    if ok:
        read(Outer, body, minor(version))
        return
    with pytest.raises(Invalid, match="'tag' was unexpected"):
        read(Outer, body, minor(version))


def test_a_kind_may_change_with_the_version() -> None:
    body = {"name": "a", "nets": [], "host": "longer"}
    with pytest.raises(Invalid, match="'longer' is too long"):
        read(Outer, body, minor("2.93"))
    assert read(Outer, body, minor("2.94")).host == "longer"


def test_lenient_reading_passes_over_unknown_keys_at_any_depth() -> None:
    found = read(Outer, {"name": "a", "x": 1, "nets": [{"y": 2}]}, 1, lenient=True)
    assert found.nets == [Inner()]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (IPV4, "10.0.0.1", "::1"),
        (base64_text(), "aGk=", "a"),
        (REGEX, "a.*", "*"),
        (BOOLISH, "on", "maybe"),
        (TAG, "a", "a\n" + "x" * 60),
    ],
)
def test_kinds_refuse_what_does_not_fit(kind: Any, good: str, bad: str) -> None:
    kind.check(good)
    with pytest.raises(Exception, match=r"is not a|is not one of|is too long"):
        kind.check(bad)


def test_a_pattern_ends_at_the_very_end() -> None:
    with pytest.raises(Exception, match="does not match"):
        Text(pattern="^[a-z]+$").check("abc\n")


@pytest.mark.parametrize(
    "given", ["2020-01-02T03:04:05Z", "2020-01-02T05:04:05+02:00", "2020-01-02 03:04:05", "20200102T030405"]
)
def test_times_become_naive_utc(given: str) -> None:
    assert TIME.check(given) == datetime(2020, 1, 2, 3, 4, 5)


def test_the_schema_follows_the_version() -> None:
    early, late = body_field(Outer, 1).schema(), body_field(Outer, 94).schema()
    assert "note" not in early["properties"]
    assert early["required"] == ["name"]
    assert late["required"] == ["name", "nets"]
    assert late["properties"]["host"] == {"type": "string", "minLength": 1, "maxLength": 10}
    assert late["properties"]["nets"]["items"]["properties"]["uuid"] == {"type": "string", "format": "uuid"}
    assert late["additionalProperties"] is False


class Leaf(View):
    id: str
    late: Annotated[str | UnsetType, since("2.98")] = UNSET


class Tree(View):
    id: str
    early: Annotated[str | UnsetType, since("2.1", until="2.10")] = UNSET
    leaf: Leaf | None = None
    leaves: list[Leaf] | UnsetType = UNSET


def tree() -> Tree:
    return Tree(id="1", early="e", leaf=Leaf(id="2", late="l"), leaves=[Leaf(id="3", late="l")])


def test_a_view_is_cut_at_every_depth() -> None:
    assert msgspec.to_builtins(trim(tree(), 97)) == {"id": "1", "leaf": {"id": "2"}, "leaves": [{"id": "3"}]}
    assert msgspec.to_builtins(trim(tree(), 10))["early"] == "e"
    assert msgspec.to_builtins(trim(tree(), 98))["leaves"] == [{"id": "3", "late": "l"}]


def test_includes_tells_what_need_not_be_fetched() -> None:
    assert includes(Tree, "early", 10)
    assert not includes(Tree, "early", 11)


class Search(Paged):
    STRICT = minor("2.75")
    name: Annotated[str | UnsetType, REGEX] = UNSET
    status: list[str] | UnsetType = UNSET
    before: Annotated[datetime | UnsetType, TIME, since("2.66")] = msgspec.field(
        default=UNSET, name="changes-before"
    )


class Small(Query):
    limit: Limit = UNSET


def found(query: str, version: str) -> Search:
    return read_query(Search, pairs_of(query), minor(version))


def test_a_repeated_parameter_gives_its_last_value_or_all() -> None:
    search = found("limit=1&limit=2&status=a&status=b", "2.75")
    assert (search.limit, search.status) == (2, ["a", "b"])


def test_unknown_parameters_are_refused_from_a_version_on() -> None:
    assert found("x=1", "2.74").name is UNSET
    with pytest.raises(Invalid, match=r"Additional properties are not allowed \('x' was unexpected\)"):
        found("x=1", "2.75")


def test_a_parameter_has_a_window() -> None:
    assert found("changes-before=2020-01-02T03:04:05Z", "2.65").before is UNSET
    assert found("changes-before=2020-01-02T03:04:05Z", "2.66").before == datetime(2020, 1, 2, 3, 4, 5)


@pytest.mark.parametrize("limit", ["-1", "x", "", "1.5"])
def test_a_limit_is_a_number_not_below_zero(limit: str) -> None:
    with pytest.raises(Invalid, match="Invalid input for query parameters limit"):
        read_query(Small, [("limit", limit)], 1)


def test_parameters_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(Invalid):
        pairs_of("name=%ff")
