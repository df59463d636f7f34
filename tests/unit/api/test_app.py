from __future__ import annotations

import inspect
from typing import Annotated, Any

import pecan.core
import pytest
from msgspec import UNSET, UnsetType

from compute_service.api.app import Parts, application
from compute_service.api.context import no_auth
from compute_service.api.fields import NAME, Printable
from compute_service.api.policies.rule import Grant, Rule
from compute_service.api.policy import Policy
from compute_service.api.request import Reply, Request
from compute_service.api.routes import ROUTES
from compute_service.api.shape import Body, View, since
from compute_service.api.table import Act, Delete, Get, Post, Table, actions, alias
from compute_service.config.settings import Settings
from compute_service.domain.errors import Conflict
from tests.unit.api.wsgi import OTHER, OWN, Caller

ADMINS = Rule("test:admins", Grant.ADMIN, "Only admins.")
MEMBERS = Rule("test:members", Grant.MEMBER, "Members.")


class Thing(View):
    name: str
    note: Annotated[str | UnsetType, since("2.19")] = UNSET


class Made(Body):
    name: Annotated[str, NAME]
    note: Annotated[str | UnsetType, Printable(10), since("2.19")] = UNSET


def show(ctx: Any, svc: Any, req: Request) -> Thing:
    return Thing(name=req.params.get("thing_id", "all"), note="n")


def make(ctx: Any, svc: Any, req: Request) -> Thing:
    return Thing(name=req.body(Made).name)


def refuse(ctx: Any, svc: Any, req: Request) -> None:
    raise Conflict("busy")


def fail(ctx: Any, svc: Any, req: Request) -> None:
    raise RuntimeError("secret")


def nothing(ctx: Any, svc: Any, req: Request) -> None:
    return None


THINGS = (
    Get("/things", show),
    Get("/things/{thing_id}", show, reply=Thing),
    Get("/things/{thing_id}/secret", show, ADMINS),
    Get("/things/{thing_id}/late", show, since="2.50"),
    Get("/things/{thing_id}/early", show, until="2.35"),
    Get("/things/{thing_id}/broken", fail),
    Post("/things", make, MEMBERS, body=Made, status=200, until="2.1"),
    Post("/things", make, MEMBERS, body=Made, status=201, since="2.2"),
    Delete("/things/{thing_id}", nothing),
    *actions(
        "/things/{thing_id}/action",
        Act("rename", make, body=Made),
        Act("refuse", refuse),
        Act("old", nothing, until="2.5"),
    ),
)


class Outside:
    settings = Settings()


@pytest.fixture(scope="module")
def app() -> Any:
    table = Table((*ROUTES, *THINGS, *alias("/relics", "/things", THINGS, "2.102")))
    return application(Parts(Outside(), Policy(()), table), no_auth)  # type: ignore[arg-type]


@pytest.fixture
def caller(app: Any) -> Caller:
    return Caller(app)


def test_pecan_still_has_the_methods_that_are_overridden() -> None:
    base = pecan.core.PecanBase
    assert list(inspect.signature(base.find_controller).parameters) == ["self", "state"]
    assert list(inspect.signature(base.invoke_controller).parameters) == [
        "self",
        "controller",
        "args",
        "kwargs",
        "state",
    ]
    assert list(inspect.signature(base.determine_hooks).parameters) == ["self", "controller"]
    assert list(inspect.signature(base._handle_empty_response_body).parameters) == ["self", "state"]


def test_every_answer_names_its_request_twice(caller: Caller) -> None:
    reply = caller.get("/things/a")
    [request_id] = reply.header("x-openstack-request-id")
    assert request_id.startswith("req-")
    assert reply.header("x-compute-request-id") == [request_id]


def test_the_version_headers_come_with_two_vary_values(caller: Caller) -> None:
    reply = caller.get("/things/a", "2.9")
    assert reply.header("OpenStack-API-Version") == ["compute 2.9"]
    assert reply.header("X-OpenStack-Nova-API-Version") == ["2.9"]
    assert reply.header("Vary") == ["OpenStack-API-Version", "X-OpenStack-Nova-API-Version"]


def test_faults_carry_the_version_headers_too(caller: Caller) -> None:
    reply = caller.post("/things/a/action", {"refuse": None}, "2.9")
    assert reply.status == 409
    assert reply.body == {"conflictingRequest": {"code": 409, "message": "busy"}}
    assert reply.header("OpenStack-API-Version") == ["compute 2.9"]


def test_no_token_is_401_without_version_headers(app: Any) -> None:
    reply = Caller(app, token=None).get("/things/a")
    assert reply.status == 401
    assert reply.body["unauthorized"]["code"] == 401
    assert reply.header("OpenStack-API-Version") == []
    assert reply.header("x-openstack-request-id")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2.1/nothing"),
        ("GET", "/v2.1/things/a/b/c"),
        ("PATCH", "/v2.1/things"),
        ("HEAD", "/v2.1/things"),
        ("GET", "/v2.1/things/a/action"),
    ],
)
def test_an_unknown_path_or_verb_is_404(caller: Caller, method: str, path: str) -> None:
    assert caller.call(method, path).status == 404


def test_a_star_in_a_path_is_a_name_like_any_other(caller: Caller) -> None:
    assert caller.get("/things/*").body["name"] == "*"


@pytest.mark.parametrize(("version", "status"), [("2.49", 404), ("2.50", 200)])
def test_a_row_does_not_exist_before_its_version(caller: Caller, version: str, status: int) -> None:
    assert caller.get("/things/a/late", version).status == status


@pytest.mark.parametrize(("version", "status"), [("2.35", 200), ("2.36", 404)])
def test_a_row_does_not_exist_after_its_version(caller: Caller, version: str, status: int) -> None:
    assert caller.get("/things/a/early", version).status == status


@pytest.mark.parametrize(("version", "status"), [("2.1", 200), ("2.2", 201)])
def test_a_status_changes_with_the_version(caller: Caller, version: str, status: int) -> None:
    assert caller.post("/things", {"name": "x"}, version).status == status


@pytest.mark.parametrize(("version", "status"), [("2.102", 200), ("2.103", 404)])
def test_an_alias_ends(caller: Caller, version: str, status: int) -> None:
    assert caller.get("/relics/a", version).status == status


def test_the_view_is_cut_to_the_version(caller: Caller) -> None:
    assert caller.get("/things/a", "2.18").body == {"name": "a"}
    assert caller.get("/things/a", "2.19").body == {"name": "a", "note": "n"}


def test_policy_refuses_by_the_rules_name(caller: Caller, app: Any) -> None:
    reply = caller.get("/things/a/secret")
    assert reply.status == 403
    assert reply.message == "Policy doesn't allow test:admins to be performed."
    assert Caller(app, token=f"root:{OWN}:admin").get("/things/a/secret").status == 200
    assert Caller(app, token=f"r:{OWN}:reader").post("/things", {"name": "x"}).status == 403


def test_the_project_in_the_path_is_optional_and_must_be_the_tokens(caller: Caller) -> None:
    assert caller.get(f"/{OWN}/things/a").status == 200
    reply = caller.get(f"/{OTHER}/things/a")
    assert reply.status == 400
    assert reply.message.startswith("Malformed request URL: URL's project_id")


def test_an_unknown_action_is_told_before_the_wrong_project(caller: Caller) -> None:
    reply = caller.post(f"/{OTHER}/things/a/action", {"fly": None})
    assert (reply.status, reply.message) == (400, "There is no such action: fly")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"rename": {}, "old": 1}', b'"x"', b"\xff"])
def test_an_action_body_is_an_object_with_one_key(caller: Caller, body: bytes) -> None:
    reply = caller.call("POST", "/v2.1/things/a/action", body)
    assert (reply.status, reply.message) == (400, "Malformed request body")


def test_an_action_has_a_window(caller: Caller) -> None:
    assert caller.post("/things/a/action", {"old": None}, "2.5").status == 202
    assert caller.post("/things/a/action", {"old": None}, "2.6").status == 404


def test_an_actions_body_is_what_stands_under_its_name(caller: Caller) -> None:
    assert caller.post("/things/a/action", {"rename": {"name": "b"}}).body == {"name": "b"}
    reply = caller.post("/things/a/action", {"rename": "b"})
    assert reply.message == "Invalid input for field/attribute rename. Value: b. 'b' is not of type 'object'"


def test_an_empty_answer_keeps_its_status(caller: Caller) -> None:
    reply = caller.delete("/things/a")
    assert (reply.status, reply.raw) == (204, b"")
    assert reply.header("Content-Length") == reply.header("Content-Type") == []


def test_an_unforeseen_error_shows_its_class_only(caller: Caller) -> None:
    reply = caller.get("/things/a/broken", "2.9")
    assert reply.status == 500
    assert "RuntimeError" in reply.body["computeFault"]["message"]
    assert b"secret" not in reply.raw
    assert reply.header("OpenStack-API-Version") == ["compute 2.9"]


def test_a_field_outside_its_window_is_refused(caller: Caller) -> None:
    reply = caller.post("/things", {"name": "x", "note": "y"}, "2.18")
    assert reply.status == 400
    assert reply.message == "Additional properties are not allowed ('note' was unexpected)"
    assert caller.post("/things", {"name": "x", "note": "y"}, "2.19").status == 201


def test_the_v2_api_passes_over_extra_keys_and_version_headers(caller: Caller) -> None:
    reply = caller.call("POST", "/v2/things", {"name": "x", "note": "y"}, "2.19")
    assert reply.status == 200
    assert reply.header("OpenStack-API-Version") == []
    assert reply.header("Vary") == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 201),
        ("application/vnd.openstack.compute+json", 201),
        ("application/json; charset=utf-8", 201),
        ("text/plain", 201),
        ("", 201),
        ("application/xml", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
def test_bodies_are_json(caller: Caller, kind: str, status: int) -> None:
    reply = caller.call("POST", "/v2.1/things", {"name": "x"}, "2.2", {"Content-Type": kind})
    assert reply.status == status
    if status == 415:
        assert "badMediaType" in reply.body


def test_a_body_beyond_the_limit_is_413(caller: Caller) -> None:
    reply = caller.call("POST", "/v2.1/things", b" " * 114_689)
    assert reply.status == 413
    assert "overLimit" in reply.body


def test_a_body_of_unknown_length_is_bounded_too(caller: Caller) -> None:
    chunked = {"Transfer-Encoding": "chunked", "Content-Length": ""}
    assert caller.call("POST", "/v2.1/things", b" " * 114_689, headers=chunked).status == 413
    assert caller.call("POST", "/v2.1/things", {"name": "x"}, headers=chunked).status == 200


@pytest.mark.parametrize(
    ("header", "status", "name"),
    [
        ("compute 2.999", 406, "computeFault"),
        ("compute 3.1", 406, "computeFault"),
        ("compute 2.0", 406, "computeFault"),
        ("compute x", 400, "badRequest"),
        ("compute 2.01", 400, "badRequest"),
        ("compute 2", 400, "badRequest"),
        ("compute 2." + "9" * 5000, 400, "badRequest"),
    ],
)
def test_a_bad_version_is_refused(caller: Caller, header: str, status: int, name: str) -> None:
    reply = caller.call("GET", "/v2.1/things/a", headers={"OpenStack-API-Version": header})
    assert reply.status == status
    assert name in reply.body


def test_an_unknown_path_is_404_even_with_a_bad_version(caller: Caller) -> None:
    headers = {"OpenStack-API-Version": "compute 2.999"}
    assert caller.call("GET", "/v2.1/nothing", headers=headers).status == 404


@pytest.mark.parametrize("path", ["/os-agents", "/os-cells/capacities", "/servers/x/consoles", "/os-fping/1"])
@pytest.mark.parametrize("version", ["2.1", "2.104"])
def test_routes_of_former_releases_are_gone(caller: Caller, path: str, version: str) -> None:
    assert caller.get(path, version).status == 410


def test_actions_of_former_releases_are_gone(caller: Caller) -> None:
    assert caller.post("/servers/x/action", {"resetNetwork": None}).status == 410
    assert caller.post("/os-fixed-ips/1.2.3.4/action", {"reserve": None}).status == 410


def test_unknown_parameters_are_refused_from_2_102_on(caller: Caller) -> None:
    assert caller.get("/things?x=1", "2.101").status == 200
    reply = caller.get("/things?x=1", "2.102")
    assert reply.message == "Additional properties are not allowed ('x' was unexpected)"


def test_the_document_of_the_version_can_be_had_with_a_token(caller: Caller) -> None:
    assert caller.get(f"/{OWN}/").body["version"]["id"] == "v2.1"
    assert caller.get("/versions/v2.0").body["version"]["status"] == "DEPRECATED"
    assert caller.get("/versions/v3").status == 404


def test_a_reply_may_bring_its_own_status_and_headers() -> None:
    def located(ctx: Any, svc: Any, req: Request) -> Reply:
        return Reply(status=201, headers=(("Location", "http://there/1"),))

    app = application(Parts(Outside(), Policy(()), Table((Get("/x", located),))), no_auth)  # type: ignore[arg-type]
    reply = Caller(app).get("/x")
    assert (reply.status, reply.header("Location")) == (201, ["http://there/1"])


def test_an_empty_name_after_a_collection_is_none_of_its_things(caller: Caller) -> None:
    assert caller.get("/things").status == 200
    assert caller.get("/things/").status == 404
