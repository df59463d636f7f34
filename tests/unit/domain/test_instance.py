"""What a guest is called on its host."""

from __future__ import annotations

import pytest

from compute_service.domain.instance import instance_name
from tests.fixtures.records import an_instance

SERVER = an_instance(id=42, uuid="6f70656e-0000-4000-8000-000000000001")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("instance-%08x", f"instance-{SERVER.id:08x}"),
        ("vm-%d", f"vm-{SERVER.id}"),
        ("guest", "guest"),
        ("vm-%(uuid)s", f"vm-{SERVER.uuid}"),
        ("%(project_id)s-%(id)06d", f"{SERVER.project_id}-{SERVER.id:06d}"),
        ("%(hostname)s.%(launch_index)d", f"{SERVER.hostname}.{SERVER.launch_index}"),
        ("%(no_such_field)s", SERVER.uuid),
        ("%d-%d", SERVER.uuid),
        ("100%", SERVER.uuid),
    ],
)
def test_a_name_follows_the_template(template: str, name: str) -> None:
    assert instance_name(SERVER, template) == name
