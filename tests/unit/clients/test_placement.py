from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from compute_service.clients.auth import session_of
from compute_service.clients.http import Patience, Reach
from compute_service.clients.placement import GenerationLost, PlacementClient, query_string
from compute_service.clients.placement_inprocess import InProcessPlacement
from compute_service.config.keystoneauth import Session
from compute_service.domain.errors import Conflict, Unavailable
from compute_service.ports.placement import CandidateQuery, ConsumerAllocations, Provider

ADDRESS = "http://placement.invalid"
UUID = "3d1f1d4a-4f0c-4b7a-9d5e-111111111111"
Answers = dict[tuple[str, str], tuple[int, object]]


class Service:
    """Answers by a table of (method, path), and keeps what it was asked."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        body = environ["wsgi.input"].read()
        version = environ["HTTP_OPENSTACK_API_VERSION"]
        self.asked.append((method, path, version, json.loads(body) if body else None))
        status, answer = self.answers[(method, path)]
        start_response(f"{status} Whatever", [("Content-Type", "application/json")])
        return [b"" if status == 204 else json.dumps(answer).encode()]

    def client(self) -> PlacementClient:
        from keystoneauth1 import token_endpoint

        return PlacementClient(
            Reach(
                name="placement",
                session=session_of(Session(), {ADDRESS: self}),
                auth=token_endpoint.Token(ADDRESS, "admin"),
                service_type="placement",
                addresses=(ADDRESS,),
                patience=Patience(connects=0),
            )
        )


def versions(highest: str) -> tuple[int, object]:
    return 200, {"versions": [{"id": "v1.0", "min_version": "1.0", "max_version": highest}]}


def test_a_query_is_written_as_the_service_reads_it() -> None:
    query = CandidateQuery(
        resources={"VCPU": 2, "MEMORY_MB": 512},
        required=("HW_CPU_X86_VMX", "COMPUTE_NODE"),
        forbidden=("COMPUTE_STATUS_DISABLED",),
        member_of=(("agg1", "agg2"), ("agg3",)),
        forbidden_aggregates=("agg4", "agg5"),
        in_tree="root",
        groups={
            "1": CandidateQuery(resources={"VGPU": 1}, required=("CUSTOM_FAST",), forbidden=("CUSTOM_OLD",)),
            "_net": CandidateQuery(resources={"NET_BW": 1000}, member_of=(("agg6",),), in_tree="tree"),
        },
        group_policy="isolate",
        limit=7,
    )
    assert query_string(query) == [
        ("resources", "VCPU:2,MEMORY_MB:512"),
        ("required", "HW_CPU_X86_VMX,COMPUTE_NODE,!COMPUTE_STATUS_DISABLED"),
        ("member_of", "in:agg1,agg2"),
        ("member_of", "in:agg3"),
        ("member_of", "!in:agg4,agg5"),
        ("in_tree", "root"),
        ("resources1", "VGPU:1"),
        ("required1", "CUSTOM_FAST,!CUSTOM_OLD"),
        ("resources_net", "NET_BW:1000"),
        ("member_of_net", "in:agg6"),
        ("in_tree_net", "tree"),
        ("group_policy", "isolate"),
        ("limit", "7"),
    ]


@pytest.mark.parametrize(
    ("highest", "used", "typed"), [("1.36", "1.36", False), ("1.38", "1.38", True), ("1.39", "1.38", True)]
)
def test_consumer_types_are_told_where_they_are_known(highest: str, used: str, typed: bool) -> None:
    service = Service({("GET", "/"): versions(highest), ("POST", "/allocations"): (204, None)})
    client = service.client()
    claim = ConsumerAllocations(
        consumer="c", project_id="p", user_id="u", allocations={"r": {"VCPU": 1}}, consumer_type="MIGRATION"
    )
    client.claim_many((claim,))
    client.claim_many((claim,))
    posts = [asked for asked in service.asked if asked[0] == "POST"]
    assert len(service.asked) == 3
    for _, _, version, body in posts:
        assert version == f"placement {used}"
        assert body["c"].get("consumer_type") == ("MIGRATION" if typed else None)
        assert body["c"]["consumer_generation"] is None


def test_a_service_too_old_is_told_of() -> None:
    service = Service({("GET", "/"): versions("1.35")})
    with pytest.raises(Unavailable, match=r"1\.36"):
        service.client().allocations("c")


CONCURRENT = {"errors": [{"status": 409, "detail": "lost", "code": "placement.concurrent_update"}]}


def test_a_lost_generation_is_read_again_a_few_times() -> None:
    traits = {"traits": [], "resource_provider_generation": 1}
    path = "/resource_providers/r/traits"
    service = Service({("GET", path): (200, traits), ("PUT", path): (409, CONCURRENT)})
    with pytest.raises(GenerationLost):
        service.client().set_trait("r", "COMPUTE_NODE", True)
    assert [asked[0] for asked in service.asked] == ["GET", "PUT"] * 4


def test_another_conflict_is_final() -> None:
    path = "/resource_providers/r/aggregates"
    service = Service(
        {
            ("GET", path): (200, {"aggregates": [], "resource_provider_generation": 1}),
            ("PUT", path): (409, {"errors": [{"detail": "Conflict.\n\n in use  ", "code": "other"}]}),
        }
    )
    with pytest.raises(Conflict) as caught:
        service.client().set_aggregates("r", ("a",))
    assert caught.value.message == "in use"
    assert len(service.asked) == 2


def test_nothing_is_written_that_is_there() -> None:
    path = "/resource_providers/r/traits"
    service = Service({("GET", path): (200, {"traits": ["A"], "resource_provider_generation": 1})})
    service.client().set_trait("r", "A", True)
    assert [asked[0] for asked in service.asked] == ["GET"]


def test_one_placement_at_a_time_and_another_after_it(tmp_path: Path) -> None:
    first = InProcessPlacement(tmp_path / "one.sqlite")
    with pytest.raises(Conflict):
        InProcessPlacement(tmp_path / "two.sqlite")
    PlacementClient(first.reach()).ensure_provider(Provider(uuid=UUID, name="one"))
    first.close()
    second = InProcessPlacement(tmp_path / "two.sqlite")
    assert PlacementClient(second.reach()).providers() == ()
    second.close()
    third = InProcessPlacement(tmp_path / "one.sqlite")
    assert [p.name for p in PlacementClient(third.reach()).providers()] == ["one"]
    third.close()
