from __future__ import annotations

import logging

import pytest

from compute_service.api.context import no_auth
from compute_service.cmd.authenticate import authenticator, middleware_options
from compute_service.config.settings import settings_of
from compute_service.domain.errors import Invalid


def test_without_authentication_tokens_are_believed() -> None:
    assert authenticator(settings_of({"api": {"auth_strategy": "noauth2"}})) is no_auth


def test_keystone_needs_a_way_to_sign_in() -> None:
    with pytest.raises(Invalid, match=r"\[keystone_authtoken\] auth_type is not set"):
        authenticator(settings_of({}))


def test_the_middleware_gets_every_option_that_is_set() -> None:
    settings = settings_of(
        {
            "keystone_authtoken": {
                "auth_type": "password",
                "auth_url": "http://127.0.0.1:1/",
                "username": "nova",
                "password": "secretword",
                "project_name": "service",
                "user_domain_id": "default",
                "project_domain_id": "default",
                "memcached_servers": ("127.0.0.1:1",),
                "service_token_roles_required": True,
            }
        }
    )
    options = middleware_options(settings)
    assert options["memcached_servers"] == ["127.0.0.1:1"]
    assert options["service_token_roles_required"] is True
    assert "cafile" not in options
    assert "auth_section" not in options
    app = authenticator(settings)(lambda environ, start: [b"in"])
    seen: list[str] = []
    body = app(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/",
            "wsgi.url_scheme": "http",
            "SERVER_NAME": "h",
            "SERVER_PORT": "1",
        },
        lambda status, headers, exc_info=None: seen.append(status),
    )
    assert seen[0].startswith("401")
    assert b"requires authentication" in b"".join(body)


def test_options_of_the_sign_in_plugin_are_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    section = {
        "auth_type": "password",
        "auth_url": "http://127.0.0.1:1/",
        "username": "nova",
        "password": "secretword",
        "memcached_servers": ("127.0.0.1:1",),
    }
    authenticator(settings_of({"keystone_authtoken": section}))(no_auth)
    assert "is not known" not in caplog.text
    assert not logging.getLogger("keystonemiddleware._common.config").disabled
