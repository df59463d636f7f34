from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compute_service.api.openapi import document, rendered
from compute_service.api.routes import ROUTES
from compute_service.api.versions import HIGHEST, LOWEST, text

CHECKED_IN = Path(__file__).resolve().parents[3] / "openapi"


@pytest.mark.parametrize("version", [LOWEST, HIGHEST])
def test_the_checked_in_document_is_current(version: int) -> None:
    path = CHECKED_IN / f"{text(version)}.json"
    assert path.read_text() == rendered(version), "run: python -m compute_service.api.openapi"


@pytest.mark.parametrize("version", range(LOWEST, HIGHEST + 1))
def test_every_version_has_a_document_without_loose_ends(version: int) -> None:
    made = json.loads(json.dumps(document(version)))
    schemas = made["components"]["schemas"]

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            found = [node["$ref"]] if "$ref" in node else []
            return found + [ref for value in node.values() for ref in references(value)]
        return [ref for item in node for ref in references(item)] if isinstance(node, list) else []

    names = {ref.rsplit("/", 1)[1] for ref in references(made["paths"])}
    assert names - {"fault"} <= schemas.keys()


def test_every_route_with_a_body_to_answer_says_which() -> None:
    silent = [
        f"{route.method} {route.path} {route.action or ''}"
        for route in ROUTES
        if route.handler is not None and route.method == "GET" and route.reply is None and route.status == 200
    ]
    assert silent == []
