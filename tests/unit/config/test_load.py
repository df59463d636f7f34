from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from oslo_config import cfg

from compute_service.config.load import ConfigError, Unknown, adopt, load, unknown_options
from compute_service.config.settings import Settings

Conf = Callable[[str], Path]


@pytest.fixture
def conf(tmp_path: Path) -> Conf:
    """Write text as nova.conf and return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "nova.conf"
        path.write_text(text)
        return path

    return write


def test_no_file_gives_the_defaults() -> None:
    assert load([], []) == Settings()


def test_values_of_each_type_are_read(conf: Conf) -> None:
    path = conf(
        """
[DEFAULT]
debug = yes
cpu_allocation_ratio = 1.5
[quota]
cores = -1
[neutron]
valid_interfaces = admin, internal
[pci]
alias = {"name": "a"}
alias = {"name": "b"}
"""
    )
    settings = load([], [path])
    assert settings.default.debug is True
    assert settings.default.cpu_allocation_ratio == 1.5
    assert settings.quota.cores == -1
    assert settings.neutron.valid_interfaces == ("admin", "internal")
    assert settings.pci.alias == ('{"name": "a"}', '{"name": "b"}')
    assert settings.files == (str(path),)


def test_an_option_may_refer_to_one_of_default(conf: Conf) -> None:
    settings = load([], [conf("[DEFAULT]\nmy_ip = 192.0.2.7\n[vnc]\nserver_listen = $my_ip\n")])
    assert settings.vnc.server_listen == "192.0.2.7"
    assert settings.default.my_block_storage_ip == "192.0.2.7"


def test_defaults_follow_what_they_refer_to(conf: Conf) -> None:
    settings = load([], [conf("[DEFAULT]\nstate_path = /srv/nova\n")])
    assert settings.default.instances_path == "/srv/nova/instances"
    assert settings.libvirt.snapshots_directory == "/srv/nova/instances/snapshots"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[quota]\ncores = many", "[quota] cores = many: must be a whole number, at least -1"),
        ("[scheduler]\nmax_attempts = 0", "[scheduler] max_attempts = 0: must be a whole number, at least 1"),
        (
            "[stratus]\nmetrics_port = 70000",
            "metrics_port = 70000: must be a whole number, at least 0, at most",
        ),
        ("[vnc]\nenabled = perhaps", "[vnc] enabled = perhaps: must be true or false"),
        ("[DEFAULT]\ndebug = perhaps", "[DEFAULT] debug = perhaps: must be true or false"),
        ("[libvirt]\nvirt_type = xen", "[libvirt] virt_type = xen: must be one of kvm, lxc, qemu, parallels"),
        ("[DEFAULT]\nconcurrency_backend = eventlet", "concurrency_backend = eventlet: must be one of auto"),
        (
            "[glance]\nregion_name = $nowhere",
            "[glance] region_name = $nowhere: refers to an option that does",
        ),
    ],
)
def test_a_bad_value_names_file_section_and_option(conf: Conf, text: str, complaint: str) -> None:
    path = conf(text)
    with pytest.raises(ConfigError) as raised:
        load([], [path])
    assert str(raised.value).startswith(f"{path}: ")
    assert complaint in str(raised.value)


def test_a_bad_secret_is_not_shown(conf: Conf) -> None:
    with pytest.raises(ConfigError) as raised:
        load([], [conf("[database]\nconnection = mysql://u:pa$sword@h/n")])
    assert "[database] connection: refers" in str(raised.value)
    assert "sword" not in str(raised.value)


def test_a_broken_file_and_a_missing_one_are_named(conf: Conf, tmp_path: Path) -> None:
    path = conf("no section here")
    with pytest.raises(ConfigError, match=str(path)):
        load([], [path])
    with pytest.raises(ConfigError, match=r"cannot read .*absent\.conf"):
        load([], [tmp_path / "absent.conf"])


def test_flags_go_before_the_file(conf: Conf) -> None:
    path = conf("[DEFAULT]\ndebug = false\nlog_file = a.log\n")
    settings = load(["--debug", "--log-file", "b.log", "--config-file", str(path)])
    assert settings.default.debug is True
    assert settings.default.log_file == "b.log"
    assert load(["--config-file", str(path)]).default.log_file == "a.log"


def test_a_directory_of_files_is_read_and_remembered(conf: Conf, tmp_path: Path) -> None:
    path = conf("[quota]\ncores = 1\nram = 1\n")
    extra = tmp_path / "nova.conf.d"
    extra.mkdir()
    (extra / "10-more.conf").write_text("[quota]\ncores = 2\n")
    settings = load(["--config-file", str(path), "--config-dir", str(extra)])
    assert (settings.quota.cores, settings.quota.ram) == (2, 1)
    assert settings.files == (str(path), str(extra / "10-more.conf"))


def test_a_section_can_use_the_credentials_of_another(conf: Conf) -> None:
    owner = "[service_user]\nauth_type = password\nusername = nova\npassword = s\n"
    settings = load([], [conf(owner + "[glance]\nauth_section = service_user\n")])
    assert settings.glance.username == "nova"
    assert settings.glance.password == "s"
    with pytest.raises(ConfigError, match=r"\[glance\] auth_section"):
        load([], [conf("[glance]\nauth_section = nowhere\n")])


def test_options_nobody_reads_are_found(conf: Conf) -> None:
    path = conf("[quota]\ncoers = 3\n[nosuch]\nx = 1\n[oslo_messaging_rabbit]\nrabbit_login_method = PLAIN\n")
    assert set(unknown_options(load([], [path]))) == {
        Unknown(str(path), "quota", "coers"),
        Unknown(str(path), "nosuch", "x"),
    }


def test_only_mutable_options_are_adopted(conf: Conf) -> None:
    settings = load([], [conf("[DEFAULT]\ndebug = false\n")])
    fresh = load([], [conf("[DEFAULT]\ndebug = true\nlog_dir = /x\n")])
    assert adopt(settings, fresh) == (["[DEFAULT] debug"], ["[DEFAULT] log_dir"])
    assert settings.default.debug is True
    assert settings.default.log_dir is None


def test_the_global_configuration_can_be_used() -> None:
    conf = cfg.ConfigOpts()
    settings = load([], [], conf=conf)
    assert conf.quota.cores == settings.quota.cores


def test_unified_limits_are_refused_rather_than_taken_for_kept(tmp_path: Path) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text("[quota]\ndriver = nova.quota.UnifiedLimitsDriver\n")
    with pytest.raises(
        ConfigError, match=r"driver = nova.quota.UnifiedLimitsDriver: must be .*DbQuotaDriver"
    ):
        load(files=[str(conf)])
