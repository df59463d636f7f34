"""The filters of the roles."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "collections/ansible_collections/stratus/compute/plugins/filter/stratus.py"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("stratus_filters", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FILTERS = load().FilterModule().filters()


def test_a_mapping_becomes_a_configuration_file() -> None:
    config = {
        "DEFAULT": {"debug": True, "workers": 2, "none": None, "apis": ["a", "b"]},
        "empty": {"left_out": None},
        "vnc": {"enabled": False},
    }
    assert FILTERS["to_oslo_ini"](config) == (
        "[DEFAULT]\ndebug = true\nworkers = 2\napis = a,b\n\n[vnc]\nenabled = false\n"
    )


def test_what_is_put_over_a_configuration_goes_option_by_option() -> None:
    base = {"a": {"x": 1, "y": 2}}
    merged = FILTERS["merge_config"](base, {"a": {"y": 3}, "b": {"z": 4}}, None)
    assert merged == {"a": {"x": 1, "y": 3}, "b": {"z": 4}}
    assert base == {"a": {"x": 1, "y": 2}}


@pytest.mark.parametrize("password", ["plain", "p@ss/w:rd?#%&", "ä ö", "[::1]"])
def test_any_password_is_safe_in_an_address(password: str) -> None:
    url = make_url(FILTERS["db_url"]("nova_api", "nova", password, "10.0.0.1"))
    assert (url.username, url.password, url.host, url.database) == ("nova", password, "10.0.0.1", "nova_api")
    broker = make_url(FILTERS["transport_url"](["10.0.0.1"], "stratus", password))
    assert (broker.password, broker.host, broker.port) == (password, "10.0.0.1", 5672)


def test_several_brokers_stand_in_one_address() -> None:
    assert FILTERS["transport_url"](["a", "b"], "u", "p", "/v") == "rabbit://u:p@a:5672,u:p@b:5672/v"


def test_a_password_for_rabbitmq_is_salted_and_always_the_same() -> None:
    made = FILTERS["rabbitmq_password_hash"]("secret")
    raw = base64.b64decode(made)
    assert raw[4:] == hashlib.sha256(raw[:4] + b"secret").digest()
    assert made == FILTERS["rabbitmq_password_hash"]("secret")
    assert raw[:4] != base64.b64decode(FILTERS["rabbitmq_password_hash"]("other"))[:4]


@pytest.mark.parametrize(
    ("service", "user", "secret"),
    [
        ("MariaDB", "nova", "nova_database_password"),
        ("RabbitMQ", "stratus", "rabbitmq_password"),
        ("Keystone", "admin", "keystone_admin_password"),
        ("Keystone", "glance", "glance_password"),
    ],
)
def test_a_refused_login_names_the_secret_and_its_file(service: str, user: str, secret: str) -> None:
    told = FILTERS["refusal"]({"service": service, "user": user}, "site/secrets.yml")
    assert told.startswith(f"{service} refuses {user}: {secret} in site/secrets.yml is not")
    assert "run playbooks/site.yml" in told
