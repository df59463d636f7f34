"""The site of one process: everything within this one, on SQLite, beside services in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from compute_service.cmd.allinone import AllInOne, clouds_yaml
from compute_service.domain.image import Image
from compute_service.virt.fake import FakeHypervisor
from tests.functional.cloud import Cloud


class OneProcess(Cloud):
    """An all-in-one site."""

    def __init__(self, site: AllInOne) -> None:
        self._site = site
        self.url, self.metadata_url, self.store = site.url, site.metadata_url, site.store
        self.network, self.images, self.placement = site.network, site.images, site.placement
        self.hypervisors = cast(Mapping[str, FakeHypervisor], site.hypervisors)
        self.agents = [site.agent]
        self.seed()

    def close(self) -> None:
        """End it. Raises AssertionError when work was left undone."""
        assert self._site.stop(), "work was left undone"

    def token(self, user: str, project: str | None = None) -> str:
        """Return a token."""
        return self._site.token(user, project)

    def user_id(self, user: str) -> str:
        """Return the identifier of a user."""
        return str(self._identity.find(self._identity.users.values(), user).id)

    def project_id(self, name: str) -> str:
        """Return the identifier of a project, which is made if there is none of that name."""
        known = {one.name: one for one in self._identity.projects.values()}
        return str((known.get(name) or self._identity.add_project(name)).id)

    def enlist(self, user: str, project: str, *roles: str) -> None:
        """Make a user with roles in a project, unless there is one of that name, and maybe the project."""
        scope = self._identity.projects[self.project_id(project)]
        if user not in {one.name for one in self._identity.users.values()}:
            made = self._identity.add_user(user, "secret")
            for role in roles:
                self._identity.grant(made, role, scope)

    def add_image(self, image: Image, data: bytes) -> None:
        """Make an image that has its data."""
        self._site.images.add(image, data)

    def clouds_yaml(self) -> str:
        """Return a clouds.yaml in which `stratus` is demo and `stratus-admin` is admin."""
        return clouds_yaml(self._site)

    @property
    def _identity(self) -> Any:
        return self._site.identity
