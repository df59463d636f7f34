"""[console]: what the console proxies have in common."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Console(Section):
    """Options of the section [console]."""

    allowed_origins: tuple[str, ...] = opt((), "Further host names whose pages may open a console.")
    ssl_ciphers: str | None = opt(None, "The ciphers a proxy offers, in OpenSSL's form.")
    ssl_minimum_version: str = opt(
        "default", "The lowest version of TLS.", choices=("default", "tlsv1_1", "tlsv1_2", "tlsv1_3")
    )
