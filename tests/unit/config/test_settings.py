from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from compute_service.config.option import Section, opt, options_of
from compute_service.config.sample import reference, rows, sample
from compute_service.config.settings import Settings, all_options, sections, settings_of

ROOT = Path(__file__).resolve().parents[3]


def test_defaults_are_those_of_the_field() -> None:
    settings = Settings()
    assert settings.quota.instances == 10
    assert settings.scheduler.max_attempts == 3
    assert settings.default.service_down_time == 60
    assert settings.filter_scheduler.enabled_filters[0] == "ComputeFilter"
    assert settings.cinder.catalog_info == "volumev3::publicURL"


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().quota.cores = 3


def test_secrets_are_never_printed() -> None:
    settings = settings_of(
        {
            "DEFAULT": {"transport_url": "rabbit://u:sekrit@h"},
            "database": {"connection": "mysql://u:sekrit@h"},
            "neutron": {"password": "sekrit", "metadata_proxy_shared_secret": "sekrit"},
            "keystone_authtoken": {"memcache_secret_key": "sekrit"},
        }
    )
    assert "sekrit" not in repr(settings)
    assert settings.neutron.password == "sekrit"


def test_values_by_section_change_what_refers_to_them() -> None:
    settings = settings_of({"DEFAULT": {"state_path": "/data"}})
    assert settings.default.instances_path == "/data/instances"
    assert settings.libvirt.snapshots_directory == "/data/instances/snapshots"


def test_an_explicit_value_is_not_touched() -> None:
    settings = settings_of({"DEFAULT": {"instances_path": "/a$b"}})
    assert settings.default.instances_path == "/a$b"


@pytest.mark.parametrize("values", [{"nosuch": {}}, {"quota": {"nosuch": 1}}])
def test_unknown_sections_and_options_are_refused(values: dict[str, dict[str, int]]) -> None:
    with pytest.raises(TypeError, match="nosuch"):
        settings_of(values)


def test_every_option_is_explained_in_a_sentence_or_two() -> None:
    unexplained = [
        f"{option.section}.{option.name}"
        for _, option in all_options()
        if not option.rules.help.endswith(".") or len(option.rules.help) > 330
    ]
    assert not unexplained


def test_defaults_respect_their_own_bounds_and_choices() -> None:
    for _, option in all_options():
        rules, value = option.rules, option.default
        if rules.choices is not None and value is not None:
            assert value in rules.choices, option.name
        if value is not None and option.type in (int, float):
            assert rules.min is None or value >= rules.min, option.name
            assert rules.max is None or value <= rules.max, option.name
        if value is None:
            assert option.optional, option.name


def test_passwords_and_urls_with_passwords_are_marked_secret() -> None:
    names = ("password", "secret", "connection", "transport_url", "fixed_key", "slave_connection")
    plain = {"ovsdb_connection", "rbd_secret_uuid", "memcache_security_strategy"}
    unmarked = [
        f"{option.section}.{option.name}"
        for _, option in all_options()
        if option.type is str
        and option.name not in plain
        and (option.name in names or option.name.endswith(("_secret", "_password")))
        and not option.rules.secret
    ]
    assert not unmarked


def test_the_sample_in_etc_is_current() -> None:
    assert (ROOT / "etc/nova/nova.conf.sample").read_text() == sample(), (
        "run: python -m compute_service.config.sample > etc/nova/nova.conf.sample"
    )


def test_the_reference_page_is_current() -> None:
    assert (ROOT / "docs/reference/configuration.md").read_text() == reference(), (
        "run: python -m compute_service.config.sample reference > docs/reference/configuration.md"
    )


def test_the_sample_says_nothing_of_this_host() -> None:
    settings = Settings()
    assert f"host = {settings.default.host}" not in sample()
    assert f"my_ip = {settings.default.my_ip}" not in sample()


def test_rows_and_reference_have_every_option() -> None:
    count = len(list(all_options()))
    assert len(list(rows())) == count > 500
    assert reference().count("\n| `") == count
    assert all(
        f"\n## [{'DEFAULT' if name == 'default' else name}]\n" in reference() for name, _ in sections()
    )


def test_an_optional_type_is_taken_apart() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Small(Section):
        number: int | None = opt(None, "A number.", min=1)

    (option,) = options_of(Small, "small")
    assert option.type is int
    assert option.optional
