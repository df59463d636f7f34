from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from compute_service.agent.identity import identify, member_of
from compute_service.domain.errors import Conflict, Invalid


def test_a_host_keeps_its_identity(tmp_path: Path) -> None:
    first = identify(tmp_path / "state", "h1")
    assert identify(tmp_path / "state", "h1") == first
    assert (tmp_path / "state" / "compute_id").read_text() == f"{first.node_uuid}\n"
    assert first.node_uuid != first.service_uuid


def test_an_identity_written_beforehand_is_taken(tmp_path: Path) -> None:
    node = uuid.uuid4()
    (tmp_path / "compute_id").write_text(f"{str(node).upper()}\n\n")
    assert identify(tmp_path, "h1").node_uuid == str(node)


def test_a_renamed_host_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    identify(tmp_path, "h1")
    with pytest.raises(Conflict, match="host = h1"):
        identify(tmp_path, "h2")
    identify(tmp_path, "h1")


def test_hosts_of_one_process_have_identities_that_last(tmp_path: Path) -> None:
    own = identify(tmp_path, "h1")
    one, two = member_of(own, "fake-1"), member_of(own, "fake-2")
    assert len({own.node_uuid, one.node_uuid, two.node_uuid}) == 3
    assert one.service_uuid != two.service_uuid
    assert member_of(identify(tmp_path, "h1"), "fake-1") == one


@pytest.mark.parametrize("text", ["", "not a uuid", "0" * 500])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "compute_id").write_text(text)
    with pytest.raises(Invalid, match="must hold one UUID"):
        identify(tmp_path, "h1")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "compute_id").mkdir()
    with pytest.raises(Invalid, match="cannot be read"):
        identify(tmp_path, "h1")
