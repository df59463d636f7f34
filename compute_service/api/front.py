"""What can be asked without a token: which versions there are."""

from __future__ import annotations

from collections.abc import Iterable

from compute_service.api import discovery, versions
from compute_service.api.context import Environ, StartResponse, WsgiApp
from compute_service.api.edge import answer
from compute_service.api.errors import NO_SUCH_PLACE, fault, fault_of
from compute_service.api.links import application_root
from compute_service.api.request import encode
from compute_service.domain.errors import ComputeError


class Front:
    """Answers about versions, and passes on what needs a token."""

    def __init__(self, app: WsgiApp, link_prefix: str | None) -> None:
        self._app, self._prefix = app, link_prefix

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer about versions, or pass on."""
        path: str = environ.get("PATH_INFO", "")
        version, _, rest = path.lstrip("/").partition("/")
        if version in ("v2.1", "v2") and rest.strip("/"):
            return self._app(environ, start_response)
        root = application_root(environ, self._prefix)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            refused = fault(404, NO_SUCH_PLACE)
            return self._send(environ, start_response, refused.status, refused.body)
        if path == "":
            start_response("302 Found", [("Location", f"{root}/"), ("Content-Length", "0")])
            return [b""]
        if not path.strip("/"):
            return self._send(environ, start_response, 200, encode(discovery.version_list(root)))
        if version in ("v2.1", "v2"):
            return self._document(environ, start_response, root, version)
        return self._send(environ, start_response, 300, encode(discovery.choices(root, path)))

    def _document(
        self, environ: Environ, start_response: StartResponse, root: str, version: str
    ) -> Iterable[bytes]:
        headers: list[tuple[str, str]] = []
        if version == "v2.1":
            try:
                asked = versions.asked_by(environ)
            except ComputeError as error:
                refused = fault_of(error)
                return self._send(environ, start_response, refused.status, refused.body)
            headers = versions.headers(asked)
        document = discovery.version_document(root, "v2.0" if version == "v2" else version)
        assert document is not None  # noqa: S101
        return self._send(environ, start_response, 200, encode(document), headers)

    @staticmethod
    def _send(
        environ: Environ,
        start_response: StartResponse,
        status: int,
        body: bytes,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Iterable[bytes]:
        sent = answer(start_response, status, body, headers)
        return [b""] if environ["REQUEST_METHOD"] == "HEAD" else sent
