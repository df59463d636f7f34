from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import requests
from keystoneauth1 import token_endpoint

from compute_service.clients.auth import session_of
from compute_service.clients.glance import GlanceImages, image_of
from compute_service.clients.http import Patience, Reach
from compute_service.config.keystoneauth import Session
from compute_service.domain.errors import Unavailable

ADDRESS = "http://images.invalid"
IMAGE = {
    "id": "one",
    "status": "active",
    "size": 4,
    "min_disk": 1,
    "min_ram": 2,
    "os_hash_algo": "sha256",
    "os_hash_value": "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7",
    "created_at": "2026-03-01T10:20:30Z",
    "name": None,
    "disk_format": None,
    "hw_numa_nodes": "2",
    "img_hide": None,
    "tags": ["x"],
    "schema": "/v2/schemas/image",
}
"""Its data is `data`."""


def images(data: Callable[[], Iterable[bytes]], **fields: object) -> GlanceImages:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        whole = environ["PATH_INFO"].endswith("/file")
        start_response(
            "200 OK", [("Content-Type", "application/octet-stream" if whole else "application/json")]
        )
        return data() if whole else [json.dumps({**IMAGE, **fields}).encode()]

    return GlanceImages(
        Reach(
            name="glance",
            session=session_of(Session(), {ADDRESS: application}),
            auth=token_endpoint.Token(ADDRESS, "token"),
            service_type="image",
            addresses=(ADDRESS,),
            patience=Patience(connects=0),
        )
    )


def test_an_image_is_read_with_all_its_gaps() -> None:
    image = image_of(IMAGE)
    assert (image.name, image.disk_format, image.size, image.min_disk_gb) == ("", "", 4, 1)
    assert image.properties == {"hw_numa_nodes": "2"}
    assert image.created_at is not None
    assert image.created_at.isoformat() == "2026-03-01T10:20:30"


def test_good_data_comes_through() -> None:
    assert b"".join(images(lambda: [b"da", b"ta"]).download("one")) == b"data"


def test_damaged_data_is_noticed_at_its_end() -> None:
    with pytest.raises(Unavailable, match="damaged"):
        list(images(lambda: [b"dada"]).download("one"))


@pytest.mark.parametrize("algorithm", ["rot13", None])
def test_data_without_a_usable_hash_is_taken_as_it_is(algorithm: str | None) -> None:
    assert b"".join(images(lambda: [b"x"], os_hash_algo=algorithm).download("one")) == b"x"


def test_data_that_breaks_off_is_noticed() -> None:
    def broken() -> Iterator[bytes]:
        yield b"da"
        raise requests.exceptions.ChunkedEncodingError("reset")

    with pytest.raises(Unavailable, match="broke off"):
        list(images(broken).download("one"))
