"""Whether Keystone refuses a password."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request

UNAUTHORIZED = 401


def credentials(user: str, password: str) -> bytes:
    """Return a request for an unscoped token (Identity API reference, "Password authentication")."""
    who = {"name": user, "domain": {"id": "default"}, "password": password}
    return json.dumps(
        {"auth": {"identity": {"methods": ["password"], "password": {"user": who}}, "scope": "unscoped"}}
    ).encode()


def refuses(url: str, user: str, password: str, cafile: str | None = None, timeout: float = 20) -> bool:
    """Tell whether Keystone at `url` refuses a user's password. One that does not answer refuses nobody."""
    request = urllib.request.Request(  # noqa: S310
        f"{url}/auth/tokens",
        data=credentials(user, password),
        headers={"Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cafile=cafile)
    try:
        urllib.request.urlopen(request, timeout=timeout, context=context).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        return error.code == UNAUTHORIZED
    except OSError:
        return False
    return False
