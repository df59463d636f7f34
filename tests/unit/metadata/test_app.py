from __future__ import annotations

import pytest

from compute_service.metadata.app import application


@pytest.mark.parametrize(
    ("path", "status"), [("/healthcheck", "200 OK"), ("/openstack/latest/meta_data.json", "404 Not Found")]
)
def test_only_the_health_check_is_answered_until_guests_can_ask(path: str, status: str) -> None:
    seen: list[str] = []
    body = b"".join(
        application({"PATH_INFO": path, "REQUEST_METHOD": "GET"}, lambda s, headers: seen.append(s))
    )
    assert seen == [status]
    assert body
