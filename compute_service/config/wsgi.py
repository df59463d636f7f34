"""[wsgi]: how the APIs are served."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Wsgi(Section):
    """Options of the section [wsgi]."""

    api_paste_config: str = opt(
        "api-paste.ini", "Accepted and unused: the order of the API's layers is fixed."
    )
    secure_proxy_ssl_header: str | None = opt(
        None, "The header in which a proxy tells the scheme of the original request."
    )
