"""Reads nova.conf into `Settings` by oslo.config: its file format, command line and `$name` references."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_config import types as oslo_types

from compute_service.config.keystoneauth import Credentials
from compute_service.config.option import Option
from compute_service.config.settings import Settings, all_options, section_name, sections, settings_of
from compute_service.version import VERSION

LOG = logging.getLogger(__name__)

COMMAND_LINE = frozenset({"debug", "log_dir", "log_file", "use_journal"})
"""Options of [DEFAULT] that may also be given on the command line."""

_FLAG = "flag_"
"""Flags are kept apart from the options of the same name, whose values in files then fail as any other's."""

_OTHERS_READ = ("oslo_messaging_", "mdev_", "oslo_reports", "ssl", "profiler")
"""Beginnings of section names with options that are not declared here on purpose."""

_OSLO_TYPES = {
    str: oslo_types.String,
    int: oslo_types.Integer,
    float: oslo_types.Float,
    bool: oslo_types.Boolean,
    tuple: oslo_types.List,
    dict: oslo_types.Dict,
}


class ConfigError(Exception):
    """The configuration cannot be used. The message names the file, the section and the option."""


@dataclass(frozen=True)
class Unknown:
    """An option in a file that nobody reads."""

    file: str
    section: str
    option: str


def load(
    argv: Sequence[str] = (),
    files: Sequence[str | Path] | None = None,
    prog: str = "nova",
    conf: cfg.ConfigOpts | None = None,
) -> Settings:
    """Return the settings from `files` and the command line.

    Without `files`, `--config-file` and `--config-dir` name them, or else nova.conf is looked for where any
    OpenStack service looks for it. Options are registered on `conf`, by default a private object.
    Raises ConfigError, and SystemExit for `--help`, `--version` and bad flags.
    """
    conf = cfg.ConfigOpts() if conf is None else conf
    declared = all_options()
    for _, option in declared:
        _register(conf, option)
    paths = None if files is None else [str(path) for path in files]
    try:
        conf(list(argv), project="nova", prog=prog, version=VERSION, default_config_files=paths)
    except cfg.ConfigFileParseError as error:
        raise ConfigError(str(error)) from None
    except (cfg.ConfigFilesNotFoundError, cfg.ConfigFilesPermissionDeniedError) as error:
        raise ConfigError(f"cannot read {', '.join(error.config_files)}") from None
    values: dict[str, dict[str, Any]] = {}
    for _, option in declared:
        values.setdefault(option.section, {})[option.name] = _value(conf, option)
    return _with_shared_credentials(settings_of(values, tuple(_files_read(conf))))


def oslo_option(option: Option) -> cfg.Opt:
    """Return the oslo.config option that reads `option`."""
    rules = option.rules
    given: dict[str, Any] = {"secret": rules.secret, "mutable": rules.mutable, "help": rules.help}
    if rules.multi:
        return cfg.MultiOpt(option.name, item_type=oslo_types.String(), default=list(option.default), **given)
    limits: dict[str, Any] = {}
    if rules.choices is not None:
        limits["choices"] = [choice for choice in rules.choices if choice is not None]
    if option.type in (int, float):
        limits |= {"min": rules.min, "max": rules.max}
    default = list(option.default) if isinstance(option.default, tuple) else option.default
    return cfg.Opt(option.name, type=_OSLO_TYPES[option.type](**limits), default=default, **given)


def unknown_options(settings: Settings) -> Iterator[Unknown]:
    """Yield what stands in the files but is not read: misspelled, or of another release."""
    known: dict[str, set[str]] = {}
    for _, option in all_options():
        known.setdefault(option.section, set()).add(option.name)
    for file in settings.files:
        found: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(file, found).parse()
        for section, options in found.items():
            if section.startswith(_OTHERS_READ):
                continue
            for name in options:
                if name.replace("-", "_") not in known.get(section, ()):
                    yield Unknown(file, section, name)


def warn_of_unknown(settings: Settings) -> None:
    """Log what stands in the files but is not read."""
    for unknown in unknown_options(settings):
        LOG.warning("%s: nobody reads [%s] %s", unknown.file, unknown.section, unknown.option)


def adopt(settings: Settings, fresh: Settings) -> tuple[list[str], list[str]]:
    """Take the mutable options of `fresh` into `settings`, which every part of the process shares.

    This is the one place that changes a Settings, a section at a time. Returns the names of the options that
    changed, and of those that differ but need a restart.
    """
    taken: list[str] = []
    ignored: list[str] = []
    for attribute, option in all_options():
        section = getattr(settings, attribute)
        value = getattr(getattr(fresh, attribute), option.name)
        if getattr(section, option.name) == value:
            continue
        name = f"[{option.section}] {option.name}"
        if option.rules.mutable:
            object.__setattr__(settings, attribute, dataclasses.replace(section, **{option.name: value}))
            taken.append(name)
        else:
            ignored.append(name)
    return taken, ignored


def _register(conf: cfg.ConfigOpts, option: Option) -> None:
    made = oslo_option(option)
    if option.section != "DEFAULT":
        conf.register_opt(made, group=option.section)
        return
    conf.register_opt(made)
    if option.name in COMMAND_LINE:
        kind = cfg.BoolOpt if option.type is bool else cfg.StrOpt
        conf.register_cli_opt(
            kind(option.name.replace("_", "-"), dest=_FLAG + option.name, help=option.rules.help)
        )


def _value(conf: cfg.ConfigOpts, option: Option) -> Any:
    group = None if option.section == "DEFAULT" else option.section
    try:
        value = _given_flag(conf, option)
        if value is None:
            value = conf[option.name] if group is None else conf[group][option.name]
    except (cfg.Error, ValueError) as error:
        raise ConfigError(_complaint(conf, option, error)) from None
    if value is None:
        return () if option.type is tuple and not option.optional else None
    return tuple(value) if option.type is tuple else value


def _given_flag(conf: cfg.ConfigOpts, option: Option) -> Any:
    return conf[_FLAG + option.name] if option.section == "DEFAULT" and option.name in COMMAND_LINE else None


def _complaint(conf: cfg.ConfigOpts, option: Option, error: Exception) -> str:
    """Say where the option is set, to what, and what it must be."""
    place, given = f"[{option.section}] {option.name}", ""
    for file in reversed(list(_files_read(conf))):
        found: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(file, found).parse()
        if option.name in found.get(option.section, {}):
            place = f"{file}: {place}"
            given = "" if option.rules.secret else f" = {found[option.section][option.name][-1]}"
            break
    return f"{place}{given}: {_wanted(option, error)}"


def _wanted(option: Option, error: Exception) -> str:
    rules = option.rules
    if isinstance(error, cfg.NoSuchOptError | cfg.TemplateSubstitutionError):
        return "refers to an option that does not exist ($$ stands for a dollar sign)"
    if rules.choices is not None:
        choices = (str(choice) or "empty" for choice in rules.choices if choice is not None)
        return f"must be one of {', '.join(choices)}"
    wanted = {int: "a whole number", float: "a number", bool: "true or false"}.get(option.type, "well formed")
    if rules.min is not None:
        wanted += f", at least {rules.min:g}"
    if rules.max is not None:
        wanted += f", at most {rules.max:g}"
    return f"must be {wanted}"


def _files_read(conf: cfg.ConfigOpts) -> Iterator[str]:
    yield from conf.config_file or ()
    for directory in conf.config_dir or ():
        yield from sorted(str(path) for path in Path(directory).glob("*.conf"))


def _with_shared_credentials(settings: Settings) -> Settings:
    """Fill the credentials of sections that name another one by `auth_section`."""
    names = [f.name for f in dataclasses.fields(Credentials) if f.name != "auth_section"]
    changes: dict[str, Any] = {}
    for attribute, kind in sections():
        section = getattr(settings, attribute)
        if not issubclass(kind, Credentials) or not section.auth_section:
            continue
        source = getattr(settings, section.auth_section, None)
        if not isinstance(source, Credentials):
            raise ConfigError(
                f"[{section_name(attribute)}] auth_section: there are no credentials in a section "
                f"[{section.auth_section}]"
            )
        changes[attribute] = dataclasses.replace(section, **{name: getattr(source, name) for name in names})
    return dataclasses.replace(settings, **changes) if changes else settings
