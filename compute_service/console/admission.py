"""Whom a console is opened to: the token in a request, and the page it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit


def token_of(path: str, cookies: Iterable[str] = ()) -> str | None:
    """Return the token in the address of a request, or in a cookie of the name `token`.

    noVNC's page moves the token from its own address into `path`, so it may stand in that parameter too.
    """
    query = parse_qs(urlsplit(path).query)
    if "token" in query:
        return query["token"][-1]
    for inner in query.get("path", ()):
        found = parse_qs(urlsplit(inner).query).get("token")
        if found:
            return found[-1]
    for header in cookies:
        try:
            morsel = SimpleCookie(header).get("token")
        except CookieError:
            continue
        if morsel is not None:
            return morsel.value
    return None


def page_may(origin: str | None, host: str | None, console_url: str, allowed: Iterable[str]) -> bool:
    """Tell whether a page may open a console: it comes from the proxy's own host, or from one of `allowed`,
    and by the same scheme as the console's address says.

    Programs other than browsers send no Origin and may. `host` is the request's Host header.
    """
    if origin is None:
        return True
    try:
        page, own = urlsplit(origin), urlsplit(f"//{host or ''}")
        schemes = {"ws": ("http",), "wss": ("https",)}
        console = urlsplit(console_url).scheme
        fits = page.scheme in (console, *schemes.get(console, ()))
        known = {own.hostname, *allowed}
    except ValueError:
        return False
    return fits and page.hostname is not None and page.hostname in known
