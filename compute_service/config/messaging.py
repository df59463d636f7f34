"""The configuration object that the messaging library wants, made from `Settings` and the same files.

Options that are not declared here (the library has many) are read from the files directly.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from oslo_config import cfg

from compute_service.config.settings import Settings

_DEFAULT = ("control_exchange", "rpc_response_timeout", "executor_thread_pool_size")
_SECTIONS = ("oslo_messaging_rabbit", "oslo_messaging_kafka", "oslo_messaging_notifications")


def messaging_conf(settings: Settings) -> cfg.ConfigOpts:
    """Return a configuration object with the files' values; declared options are those of `settings`."""
    library = importlib.import_module("oslo_messaging.opts")
    conf = cfg.ConfigOpts()
    for section, options in library.list_opts():
        conf.register_opts(options, group=section)
    _register_unlisted(conf)
    conf([], project="nova", default_config_files=list(settings.files))
    for name in _DEFAULT:
        conf.set_override(name, getattr(settings.default, name))
    for section in _SECTIONS:
        for name, value in dataclasses.asdict(getattr(settings, section)).items():
            if name in conf[section] and value is not None:
                conf.set_override(name, _plain(value), group=section)
    return conf


def _register_unlisted(conf: cfg.ConfigOpts) -> None:
    """Register what the library registers on the global object only, yet asks of the one it is given."""
    for part in ("tracing", "metrics"):
        try:
            module = importlib.import_module(f"oslo_messaging._{part}.client")
        except ImportError:  # an older release, which has no such part
            continue
        group = f"oslo_messaging_{part}"
        conf.register_opts(getattr(module, group), group=group)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
