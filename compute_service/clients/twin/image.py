"""The image API, version 2, over an image service in memory. Development only."""

from __future__ import annotations

import html
import itertools
import uuid
from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from typing import Any

from compute_service.clients.fake.images import FakeImages
from compute_service.clients.glance import NOT_PROPERTIES
from compute_service.clients.twin.router import Answer, Request, Route, Router
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, Forbidden, Invalid, NotFound
from compute_service.domain.image import Image

PAGE = 1000
"""Most images in one answer."""
_FIELDS = {
    "name": "name",
    "disk_format": "disk_format",
    "container_format": "container_format",
    "min_disk": "min_disk_gb",
    "min_ram": "min_ram_mb",
    "visibility": "visibility",
    "protected": "protected",
    "owner": "owner",
}
"""What a client may write, and the record's name for it."""
_TYPES: dict[str, type] = {"min_disk": int, "min_ram": int, "protected": bool}
_READERS = frozenset({"admin", "manager", "member", "reader"})
"""Roles that list images; the identity service implies each lesser one."""
_VISIBILITIES = ("public", "community", "shared", "private")


def image_app(images: FakeImages) -> Router:
    """Return the WSGI application; a check of tokens must stand before it."""
    return Router(_Images(images).routes(), _error)


class _Images:
    """The handlers."""

    def __init__(self, images: FakeImages) -> None:
        self._images = images

    def routes(self) -> list[Route]:
        """Return the table."""
        return [
            Route("GET", "/", self.versions),
            Route("GET", "/versions", self.versions),
            Route("GET", "/v2/images", self.index),
            Route("POST", "/v2/images", self.create),
            Route("GET", "/v2/images/{image_id}", self.show),
            Route("PATCH", "/v2/images/{image_id}", self.patch),
            Route("DELETE", "/v2/images/{image_id}", self.delete),
            Route("GET", "/v2/images/{image_id}/file", self.download),
            Route("PUT", "/v2/images/{image_id}/file", self.upload),
            Route("POST", "/v2/images/{image_id}/actions/{action}", self.act),
            Route("PUT", "/v2/images/{image_id}/tags/{tag}", self.add_tag),
            Route("DELETE", "/v2/images/{image_id}/tags/{tag}", self.remove_tag),
            Route("GET", "/v2/images/{image_id}/members", self.members),
            Route("POST", "/v2/images/{image_id}/members", self.add_member),
            Route("GET", "/v2/images/{image_id}/members/{project_id}", self.member),
            Route("GET", "/v2/schemas/image", self.schema),
            Route("GET", "/v2/schemas/images", self.schema),
            Route("GET", "/v2/tasks", self.tasks),
        ]

    def versions(self, request: Request) -> Answer:
        """GET / : which versions there are."""
        links = [{"rel": "self", "href": f"{request.root}/v2/"}]
        return Answer({"versions": [{"id": "v2.9", "status": "CURRENT", "links": links}]}, 300)

    def index(self, request: Request) -> Answer:
        """GET /v2/images, filtered, sorted and in pages: for who may read."""
        ctx = request.ctx
        if not _READERS & set(ctx.roles):
            raise Forbidden("You are not authorized to complete get_images action.")
        shown = [
            _body(i, self._images.tags_of(i.id))
            for i in self._images.images.values()
            if self._in_list(i, ctx)
        ]
        rows = _sorted([row for row in shown if _matches(row, request)], request)
        marker, limit = request.last("marker"), _number(request.last("limit"), PAGE)
        if marker is not None:
            if marker not in {row["id"] for row in rows}:
                raise Invalid("Invalid marker")
            rows = list(itertools.dropwhile(lambda row: row["id"] != marker, rows))[1:]
        page = rows[:limit]
        body: dict[str, Any] = {"images": page, "first": "/v2/images", "schema": "/v2/schemas/images"}
        if len(rows) > limit and page:
            body["next"] = f"/v2/images?marker={page[-1]['id']}&limit={limit}"
        return Answer(body)

    def show(self, request: Request, image_id: str) -> Answer:
        """GET /v2/images/{id}."""
        return Answer(self._shown(self._images.show(image_id, request.ctx)))

    def create(self, request: Request) -> Answer:
        """POST /v2/images."""
        body = request.json()
        if not isinstance(body, dict):
            raise Invalid("The body must be an object.")
        ctx = request.ctx
        image_id = str(body.pop("id", None) or uuid.uuid4())
        tags = body.pop("tags", [])
        image = Image(id=image_id, visibility="shared", disk_format="", container_format="")
        for name, value in body.items():
            image = _set(image, name, value, ctx)
        if image_id in self._images.images:
            raise _Exists(f"Image ID {image_id} already exists!")
        made = self._images.create(image, ctx)
        self._images.tag(made.id, tags)
        location = (("Location", f"{request.root}/v2/images/{made.id}"),)
        return Answer(self._shown(made), 201, location)

    def patch(self, request: Request, image_id: str) -> Answer:
        """PATCH /v2/images/{id}: a list of JSON patch operations on top-level fields."""
        image = self._own(request, image_id)
        operations = request.json()
        if not isinstance(operations, list):
            raise Invalid("The body must be a list of operations.")
        tags = self._images.tags_of(image_id)
        for operation in operations:
            verb, name, value = _operation(operation)
            if name == "tags":
                tags = tuple(value or ())
            elif verb == "remove":
                image = _unset(image, name)
            else:
                image = _set(image, name, value, request.ctx)
        changes = {field: getattr(image, field) for field in (*_FIELDS.values(), "properties")}
        made = self._images.update(image_id, **changes)
        self._images.tag(image_id, tags)
        return Answer(self._shown(made))

    def delete(self, request: Request, image_id: str) -> Answer:
        """DELETE /v2/images/{id}."""
        self._own(request, image_id)
        self._images.delete(image_id)
        return Answer(None, 204)

    def download(self, request: Request, image_id: str) -> Answer:
        """GET /v2/images/{id}/file."""
        image = self._images.show(image_id, request.ctx)
        if image_id not in self._images.data and image.status != "deactivated":
            return Answer(None, 204)
        headers = (("Content-Length", str(image.size)), ("Content-MD5", image.checksum or ""))
        return Answer(self._images.download(image_id), 200, headers, "application/octet-stream")

    def upload(self, request: Request, image_id: str) -> Answer:
        """PUT /v2/images/{id}/file."""
        image = self._own(request, image_id)
        if not image.disk_format or not image.container_format:
            raise Invalid("Properties disk_format, container_format must be set prior to saving data.")
        if image.status != "queued":
            raise _Exists(f"Image status transition from {image.status} to saving is not allowed")
        self._images.upload(image_id, request.pieces(), image.disk_format)
        return Answer(None, 204)

    def act(self, request: Request, image_id: str, action: str) -> Answer:
        """POST /v2/images/{id}/actions/deactivate and …/reactivate."""
        status = {"deactivate": "deactivated", "reactivate": "active"}.get(action)
        image = self._own(request, image_id)
        if status is None:
            raise NotFound(f"There is no action {action}.")
        if not request.ctx.is_admin:
            raise Forbidden("You are not authorized to complete this action.")
        if image.status not in ("active", "deactivated"):
            raise Forbidden(f"Not allowed to {action} image in status '{image.status}'")
        self._images.update(image_id, status=status)
        return Answer(None, 204)

    def add_tag(self, request: Request, image_id: str, tag: str) -> Answer:
        """PUT /v2/images/{id}/tags/{tag}."""
        self._own(request, image_id)
        self._images.tag(image_id, (*self._images.tags_of(image_id), tag))
        return Answer(None, 204)

    def remove_tag(self, request: Request, image_id: str, tag: str) -> Answer:
        """DELETE /v2/images/{id}/tags/{tag}."""
        self._own(request, image_id)
        tags = self._images.tags_of(image_id)
        if tag not in tags:
            raise NotFound(f"Image {image_id} has no tag {tag}.")
        self._images.tag(image_id, [t for t in tags if t != tag])
        return Answer(None, 204)

    def members(self, request: Request, image_id: str) -> Answer:
        """GET /v2/images/{id}/members."""
        self._images.show(image_id, request.ctx)
        members = [_member(image_id, project) for project in self._images.members_of(image_id)]
        return Answer({"members": members, "schema": "/v2/schemas/members"})

    def add_member(self, request: Request, image_id: str) -> Answer:
        """POST /v2/images/{id}/members; a member is accepted at once."""
        image = self._own(request, image_id)
        if image.visibility != "shared":
            raise Forbidden("Only shared images have members.")
        body = request.json()
        if not isinstance(body, dict) or not isinstance(body.get("member"), str):
            raise Invalid("The body must name a 'member'.")
        self._images.share(image_id, body["member"])
        return Answer(_member(image_id, body["member"]))

    def member(self, request: Request, image_id: str, project_id: str) -> Answer:
        """GET /v2/images/{id}/members/{project}."""
        self._images.show(image_id, request.ctx)
        if project_id not in self._images.members_of(image_id):
            raise NotFound(f"{project_id} is no member of image {image_id}.")
        return Answer(_member(image_id, project_id))

    def schema(self, request: Request) -> Answer:
        """GET /v2/schemas/…: the barest of schemas."""
        return Answer({"name": request.path.rpartition("/")[2], "properties": {}})

    def tasks(self, request: Request) -> Answer:
        """GET /v2/tasks: there are none."""
        return Answer({"tasks": [], "first": "/v2/tasks", "schema": "/v2/schemas/tasks"})

    def _in_list(self, image: Image, ctx: Context) -> bool:
        if image.visibility == "community" and image.owner != ctx.project_id:
            return False
        return self._images.visible(image, ctx.project_id, ctx.is_admin)

    def _own(self, request: Request, image_id: str) -> Image:
        image = self._images.show(image_id, request.ctx)
        if image.owner != request.ctx.project_id and not request.ctx.is_admin:
            raise Forbidden("You are not authorized to complete this action.")
        return image

    def _shown(self, image: Image) -> dict[str, Any]:
        return _body(image, self._images.tags_of(image.id))


class _Exists(ComputeError):
    status = 409


def _body(image: Image, tags: Iterable[str]) -> dict[str, Any]:
    kept = image.status in ("active", "deactivated")
    return {
        **image.properties,
        "id": image.id,
        **{name: getattr(image, field) for name, field in _FIELDS.items()},
        "disk_format": image.disk_format or None,
        "container_format": image.container_format or None,
        "status": image.status,
        "size": image.size if kept else None,
        "virtual_size": None,
        "checksum": image.checksum if kept else None,
        "os_hash_algo": image.hash_algo if kept else None,
        "os_hash_value": image.hash_value if kept else None,
        "os_hidden": False,
        "tags": list(tags),
        "created_at": _moment(image.created_at),
        "updated_at": _moment(image.updated_at),
        "self": f"/v2/images/{image.id}",
        "file": f"/v2/images/{image.id}/file",
        "schema": "/v2/schemas/image",
    }


def _member(image_id: str, project_id: str) -> dict[str, str]:
    return {
        "image_id": image_id,
        "member_id": project_id,
        "status": "accepted",
        "schema": "/v2/schemas/member",
    }


def _moment(at: Any) -> str | None:
    return f"{at.replace(microsecond=0).isoformat()}Z" if at else None


def _set(image: Image, name: str, value: Any, ctx: Context) -> Image:
    """Return the image with a field or an extra property set. Raises Invalid, Forbidden."""
    if name == "os_hidden":
        return image
    field = _FIELDS.get(name)
    if field is None:
        if name in NOT_PROPERTIES:
            raise Forbidden(f"Attribute '{name}' is read-only.")
        if not isinstance(value, str):
            raise Invalid(f"The property {name} must be a string.")
        return image.replace(properties={**image.properties, name: value})
    if value is None and name in ("disk_format", "container_format", "name"):
        value = ""
    if not isinstance(value, _TYPES.get(name, str)):
        raise Invalid(f"{value!r} is not of type '{_TYPES.get(name, str).__name__}': {name}")
    if name == "visibility" and value not in _VISIBILITIES:
        raise Invalid(f"'{value}' is not one of {list(_VISIBILITIES)}")
    if not ctx.is_admin and (value == "public" or (name == "owner" and value != ctx.project_id)):
        raise Forbidden("You are not authorized to complete this action.")
    return image.replace(**{field: value})


def _unset(image: Image, name: str) -> Image:
    if name not in image.properties:
        raise _Exists(f"Property {name} does not exist.")
    return image.replace(properties={k: v for k, v in image.properties.items() if k != name})


def _operation(given: object) -> tuple[str, str, Any]:
    if not isinstance(given, dict) or given.get("op") not in ("add", "replace", "remove"):
        raise Invalid("Each operation needs an op of add, replace or remove.")
    path = given.get("path")
    if not isinstance(path, str) or not path.startswith("/"):
        raise Invalid("Each operation needs a path.")
    return str(given["op"]), path[1:].replace("~1", "/").replace("~0", "~"), given.get("value")


def _number(text: str | None, most: int) -> int:
    if text is None:
        return most
    if not text.isdigit():
        raise Invalid("limit param must be an integer")
    return min(int(text), most)


_NO_FILTERS = frozenset(
    {
        "limit",
        "marker",
        "sort",
        "sort_key",
        "sort_dir",
        "tag",
        "tags",
        "member_status",
        "size_min",
        "size_max",
        "created_at",
        "updated_at",
    }
)
"""Parameters that say how to list, or that this service takes and passes over."""


def _matches(row: dict[str, Any], request: Request) -> bool:
    """Tell whether a body matches the filters of a query; `in:a,b` is any of these.

    What is no field of every image is a property, which an image must have to match.
    """
    for name, wanted in request.query:
        if name == "tag" and wanted not in row["tags"]:
            return False
        if name in _NO_FILTERS or (name == "visibility" and wanted == "all"):
            continue
        values = wanted[3:].split(",") if wanted.startswith("in:") else [wanted]
        if name not in row or str(row[name]).lower() not in [v.lower() for v in values]:
            return False
    return True


def _sorted(rows: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Sort by the keys of a query, or the newest first; what is alike stays newest first."""
    rows = rows[::-1]
    keys: list[tuple[str, str]] = []
    if sort := request.last("sort"):
        keys = [(part.partition(":")[0], part.partition(":")[2] or "asc") for part in sort.split(",")]
    elif key := request.last("sort_key"):
        keys = [(key, request.last("sort_dir") or "asc")]
    for key, direction in reversed(keys or [("created_at", "desc")]):
        if key not in _body(Image(id=""), ()):
            raise Invalid(f"Invalid sort_key: {key}")
        rows = sorted(rows, key=partial(_text, key), reverse=direction == "desc")
    return rows


def _text(key: str, row: dict[str, Any]) -> str:
    return str(row[key] or "")


def _error(error: ComputeError) -> Answer:
    """Errors of the image service are pages."""
    title = f"{error.status} {HTTPStatus(error.status).phrase}"
    text = f"{html.escape(error.message)}<br /><br />"
    page = f"<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1>\n{text}\n</body></html>"
    return Answer(page.encode(), error.status, content_type="text/html; charset=UTF-8")
