from __future__ import annotations

import pytest

from compute_service.clients.fake.identity import TOKEN_LIFE, FakeIdentity, NotAuthenticated, Project, User
from compute_service.domain.errors import Conflict, NotFound
from tests.fakes.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def identity(clock: ManualClock) -> FakeIdentity:
    made = FakeIdentity(clock)
    made.add_domain("Default", "default")
    for role in ("member", "reader"):
        made.add_role(role)
    return made


@pytest.fixture
def project(identity: FakeIdentity) -> Project:
    return identity.add_project("demo")


@pytest.fixture
def ann(identity: FakeIdentity, project: Project) -> User:
    user = identity.add_user("ann", "secret")
    identity.grant(user, "reader", project)
    identity.grant(user, "member", project)
    return user


def test_a_token_says_who_and_what(identity: FakeIdentity, ann: User, project: Project) -> None:
    token = identity.issue(ann, project)
    found = identity.validate(token.id)
    assert (found.user, found.project, found.system) == (ann, project, False)
    assert [role.name for role in found.roles] == ["member", "reader"]


def test_a_token_runs_out(identity: FakeIdentity, ann: User, project: Project, clock: ManualClock) -> None:
    token = identity.issue(ann, project)
    clock.advance(TOKEN_LIFE.total_seconds() - 1)
    identity.validate(token.id)
    clock.advance(1)
    with pytest.raises(NotAuthenticated):
        identity.validate(token.id)


def test_a_revoked_token_is_worthless(identity: FakeIdentity, ann: User, project: Project) -> None:
    token = identity.issue(ann, project)
    identity.revoke(token.id)
    with pytest.raises(NotAuthenticated):
        identity.validate(token.id)


def test_a_token_needs_a_role_there(identity: FakeIdentity, ann: User) -> None:
    with pytest.raises(NotAuthenticated):
        identity.issue(ann, identity.add_project("other"))
    with pytest.raises(NotAuthenticated):
        identity.issue(ann, system=True)
    identity.grant(ann, "reader")
    assert identity.issue(ann, system=True).system
    assert identity.issue(ann).roles == ()


def test_a_password_is_checked(identity: FakeIdentity, ann: User) -> None:
    identity.check_password(ann, "secret")
    with pytest.raises(NotAuthenticated):
        identity.check_password(ann, "Secret")
    with pytest.raises(NotAuthenticated):
        identity.check_password(ann.replace(enabled=False), "secret")


def test_names_are_unique_in_a_domain(identity: FakeIdentity, project: Project) -> None:
    with pytest.raises(Conflict):
        identity.add_project("demo")
    other = identity.add_domain("Other")
    assert identity.add_project("demo", other.id).id != project.id
    assert identity.find(identity.projects.values(), "demo", other.id).domain_id == other.id
    with pytest.raises(NotFound):
        identity.find(identity.projects.values(), "demo", "nowhere")


def test_a_service_is_listed_once(identity: FakeIdentity) -> None:
    identity.add_endpoint("compute", "nova", "http://old")
    identity.add_endpoint("compute", "nova", "http://new")
    assert {e.url for e in identity.endpoints} == {"http://new"}
    assert [e.interface for e in identity.endpoints] == ["public", "internal", "admin"]
