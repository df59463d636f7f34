"""One guest's tree of paths, and what stands at their ends.

/                                   the versions of EC2's metadata
/<version>/meta-data/...            names, one a line; or a value
/<version>/user-data
/openstack                          the versions of OpenStack's metadata
/openstack/<version>                the files of a version
/openstack/<version>/<file>
/openstack/content/<number>         an injected file
"""

from __future__ import annotations

import os
import posixpath
import threading
from typing import Any

from compute_service.control.server_facts import with_vendor_data
from compute_service.domain.errors import NotFound
from compute_service.domain.metadata import ec2, openstack
from compute_service.domain.metadata.facts import ServerFacts, VendorData
from compute_service.domain.record import Record
from compute_service.ports.vendor_data import VendorDataSource
from compute_service.store.servers import Located

TEXT, JSON, DATA = "text/plain; charset=UTF-8", "application/json", "application/octet-stream"

Path = tuple[str, ...]


class Found(Record):
    """What stands at a path."""

    body: bytes
    type: str = TEXT


def path_of(text: str) -> Path:
    """Return the parts of a request's path; slashes too many and dots do not count."""
    return tuple(part for part in posixpath.normpath(f"/{text.lstrip('/')}").split("/") if part)


def is_password(path: Path) -> bool:
    """Tell whether a path is that of the password, which is no fact of the server and is never remembered."""
    return (
        len(path) == 3
        and path[0] == "openstack"
        and path[2] == openstack.PASSWORD
        and openstack.has_password(path[1])
    )


class Guest:
    """A server as it was found, and the answers made of it so far."""

    def __init__(self, located: Located, facts: ServerFacts, vendor: VendorDataSource | None) -> None:
        self.located = located
        self._facts = facts
        self._vendor = vendor
        self._seed = os.urandom(openstack.SEED_BYTES)
        self._answers: dict[Path, Found] = {}
        self._asking = threading.Lock()
        self._asked = vendor is None

    def at(self, path: Path) -> Found:
        """Return what stands at a path. Raises NotFound, and Unavailable without vendor data."""
        found = self._answers.get(path)
        if found is None:
            made = self._openstack(path[1:]) if path[:1] == ("openstack",) else self._ec2(path)
            # Only what exists is kept, so there are never more answers than documents.
            found = self._answers[path] = made
        return found

    def _openstack(self, path: Path) -> Found:
        if not path:
            return _lines((*openstack.VERSIONS, openstack.LATEST))
        version, rest = path[0], path[1:]
        if version == "content" and len(rest) == 1:
            content = openstack.content(self._facts, rest[0])
            if content is None:
                raise _nothing()
            return Found(body=content, type=DATA)
        if version not in openstack.VERSIONS and version != openstack.LATEST:
            raise _nothing()
        names = openstack.files(self._facts, version)
        if not rest:
            return _lines(names)
        if len(rest) > 1 or rest[0] not in names or rest[0] == openstack.PASSWORD:
            raise _nothing()
        return self._document(version, rest[0])

    def _document(self, version: str, name: str) -> Found:
        facts = self._facts
        if name == openstack.VENDOR_DATA and self._vendor is not None:
            facts = facts.replace(vendor=VendorData(static=self._vendor.static()))
        elif name == openstack.VENDOR_DATA_2:
            facts = self._with_vendor_data()
        body = openstack.document(facts, version, name, self._seed)
        return Found(body=body, type=DATA if name == openstack.USER_DATA else JSON)

    def _with_vendor_data(self) -> ServerFacts:
        """Return the facts with the operator's; services are asked when a guest first wants to know."""
        with self._asking:
            if not self._asked:
                self._facts = with_vendor_data(self._facts, self._vendor)
                self._asked = True
        return self._facts

    def _ec2(self, path: Path) -> Found:
        if not path:
            return _lines((*ec2.VERSIONS, ec2.LATEST))
        if path[0] not in ec2.VERSIONS and path[0] != ec2.LATEST:
            raise _nothing()
        node: Any = ec2.tree(self._facts, path[0])
        for part in path[1:]:
            if not isinstance(node, dict) or part not in node:
                raise _nothing()
            node = node[part]
        if isinstance(node, dict):
            return Found(body=ec2.listing(self._facts, node, path[1:]).encode())
        return Found(body=ec2.leaf_bytes(node), type=DATA if path[1] == "user-data" else TEXT)


def _lines(names: Path) -> Found:
    return Found(body="\n".join(names).encode())


def _nothing() -> NotFound:
    return NotFound("There is nothing at this path.")
