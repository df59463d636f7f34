"""The documents that tell a client which versions there are.

Source: Compute API reference, "API Versions".
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.errors import NO_SUCH_PLACE
from compute_service.api.links import Link
from compute_service.api.request import Request
from compute_service.api.shape import View
from compute_service.api.versions import HIGHEST, LOWEST, text
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import NotFound

MEDIA = "application/vnd.openstack.compute+json"
DOCUMENTATION = "http://docs.openstack.org/"


class DocumentLink(Link):
    """A link that says what it leads to."""

    type: str


class MediaType(View):
    """A form in which bodies come."""

    base: str
    type: str


class Version(View):
    """One version of the API. `version` is the highest microversion."""

    id: str
    status: Literal["CURRENT", "SUPPORTED", "DEPRECATED"]
    version: str
    min_version: str
    updated: str
    links: list[Link | DocumentLink]
    media_types: list[MediaType] | UnsetType = msgspec.field(default=UNSET, name="media-types")


class VersionList(View):
    """GET /."""

    versions: list[Version]


class VersionDocument(View):
    """GET /v2.1/."""

    version: Version


class Choice(View):
    """One version under which a path may be found."""

    id: str
    status: str
    links: list[Link]
    media_types: list[MediaType] = msgspec.field(name="media-types")


class Choices(View):
    """The answer to a path without a version."""

    choices: list[Choice]


_PREFIX = {"v2.0": "v2", "v2.1": "v2.1"}


def _version(version_id: str, links: list[Link | DocumentLink]) -> Version:
    if version_id == "v2.0":
        return Version(
            id=version_id,
            status="DEPRECATED",
            version="",
            min_version="",
            updated="2025-07-04T12:00:00Z",
            links=links,
        )
    return Version(
        id=version_id,
        status="CURRENT",
        version=text(HIGHEST),
        min_version=text(LOWEST),
        updated="2013-07-23T11:33:21Z",
        links=links,
    )


def _media(version_id: str) -> list[MediaType]:
    number = "2" if version_id == "v2.0" else "2.1"
    return [MediaType(base="application/json", type=f"{MEDIA};version={number}")]


def version_list(root: str) -> VersionList:
    """Return the list of versions; `root` is the address of the API."""
    return VersionList(
        versions=[
            _version(name, [Link(rel="self", href=f"{root}/{prefix}/")]) for name, prefix in _PREFIX.items()
        ]
    )


def version_document(root: str, version_id: str) -> VersionDocument | None:
    """Return what is known of "v2.0" or "v2.1", or None for any other."""
    if version_id not in _PREFIX:
        return None
    version = _version(
        version_id,
        [
            Link(rel="self", href=f"{root}/{_PREFIX[version_id]}/"),
            DocumentLink(rel="describedby", type="text/html", href=DOCUMENTATION),
        ],
    )
    version.media_types = _media(version_id)
    return VersionDocument(version=version)


def choices(root: str, path: str) -> Choices:
    """Return where a path without a version may be found."""
    return Choices(
        choices=[
            Choice(
                id=name,
                status="DEPRECATED" if name == "v2.0" else "CURRENT",
                links=[Link(rel="self", href=f"{root}/{prefix}/{path.lstrip('/')}")],
                media_types=_media(name),
            )
            for name, prefix in _PREFIX.items()
        ]
    )


def own_version(ctx: Context, svc: Services, req: Request) -> VersionDocument:
    """Answer the document of the version that the request came through."""
    return _known(req, "v2.0" if req.legacy else "v2.1")


def named_version(ctx: Context, svc: Services, req: Request) -> VersionDocument:
    """Answer the document of a version by name. Raises NotFound."""
    return _known(req, req.params["version_id"])


def _known(req: Request, version_id: str) -> VersionDocument:
    document = version_document(req.links.root, version_id)
    if document is None:
        raise NotFound(NO_SUCH_PLACE)
    return document
