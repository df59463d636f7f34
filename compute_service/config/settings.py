"""`Settings`: all of nova.conf as frozen records, one attribute a section, one field an option.

Section and option names and their defaults are the field's own (compute service configuration reference).
`Settings()` is all defaults; tests change single ones with `dataclasses.replace` or `settings_of`.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from string import Template
from typing import Any

from compute_service.config.api import Api
from compute_service.config.barbican import Barbican
from compute_service.config.cache import Cache
from compute_service.config.cinder import Cinder
from compute_service.config.compute import Compute
from compute_service.config.conductor import Conductor
from compute_service.config.console import Console
from compute_service.config.consoleauth import Consoleauth
from compute_service.config.cors import Cors
from compute_service.config.database import Database
from compute_service.config.default import Default
from compute_service.config.devices import Devices
from compute_service.config.fake import Fake
from compute_service.config.filter_scheduler import FilterScheduler
from compute_service.config.glance import Glance
from compute_service.config.image_cache import ImageCache
from compute_service.config.key_manager import KeyManager
from compute_service.config.keystone import Keystone
from compute_service.config.keystone_authtoken import KeystoneAuthtoken
from compute_service.config.libvirt import Libvirt
from compute_service.config.metrics import Metrics
from compute_service.config.neutron import Neutron
from compute_service.config.notifications import Notifications
from compute_service.config.option import Option, Section, options_of
from compute_service.config.os_vif_ovs import OsVifOvs
from compute_service.config.oslo import OsloConcurrency, OsloLimit, OsloMiddleware, OsloPolicy
from compute_service.config.oslo_messaging import (
    OsloMessagingKafka,
    OsloMessagingNotifications,
    OsloMessagingRabbit,
)
from compute_service.config.pci import Pci
from compute_service.config.placement import Placement
from compute_service.config.privsep import Privsep
from compute_service.config.quota import Quota
from compute_service.config.scheduler import Scheduler
from compute_service.config.serial_console import SerialConsole
from compute_service.config.service_user import ServiceUser
from compute_service.config.spice import Spice
from compute_service.config.stratus import Stratus
from compute_service.config.upgrade_levels import UpgradeLevels
from compute_service.config.vendordata_dynamic_auth import VendordataDynamicAuth
from compute_service.config.vnc import Vnc
from compute_service.config.workarounds import Workarounds
from compute_service.config.wsgi import Wsgi


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every option of every section."""

    default: Default = field(default_factory=Default)
    api: Api = field(default_factory=Api)
    api_database: Database = field(default_factory=Database)
    barbican: Barbican = field(default_factory=Barbican)
    cache: Cache = field(default_factory=Cache)
    cinder: Cinder = field(default_factory=Cinder)
    compute: Compute = field(default_factory=Compute)
    conductor: Conductor = field(default_factory=Conductor)
    console: Console = field(default_factory=Console)
    consoleauth: Consoleauth = field(default_factory=Consoleauth)
    cors: Cors = field(default_factory=Cors)
    database: Database = field(default_factory=Database)
    devices: Devices = field(default_factory=Devices)
    fake: Fake = field(default_factory=Fake)
    filter_scheduler: FilterScheduler = field(default_factory=FilterScheduler)
    glance: Glance = field(default_factory=Glance)
    image_cache: ImageCache = field(default_factory=ImageCache)
    key_manager: KeyManager = field(default_factory=KeyManager)
    keystone: Keystone = field(default_factory=Keystone)
    keystone_authtoken: KeystoneAuthtoken = field(default_factory=KeystoneAuthtoken)
    libvirt: Libvirt = field(default_factory=Libvirt)
    metrics: Metrics = field(default_factory=Metrics)
    neutron: Neutron = field(default_factory=Neutron)
    notifications: Notifications = field(default_factory=Notifications)
    os_vif_ovs: OsVifOvs = field(default_factory=OsVifOvs)
    oslo_concurrency: OsloConcurrency = field(default_factory=OsloConcurrency)
    oslo_limit: OsloLimit = field(default_factory=OsloLimit)
    oslo_messaging_kafka: OsloMessagingKafka = field(default_factory=OsloMessagingKafka)
    oslo_messaging_notifications: OsloMessagingNotifications = field(
        default_factory=OsloMessagingNotifications
    )
    oslo_messaging_rabbit: OsloMessagingRabbit = field(default_factory=OsloMessagingRabbit)
    oslo_middleware: OsloMiddleware = field(default_factory=OsloMiddleware)
    oslo_policy: OsloPolicy = field(default_factory=OsloPolicy)
    pci: Pci = field(default_factory=Pci)
    placement: Placement = field(default_factory=Placement)
    privsep_osbrick: Privsep = field(default_factory=Privsep)
    quota: Quota = field(default_factory=Quota)
    scheduler: Scheduler = field(default_factory=Scheduler)
    serial_console: SerialConsole = field(default_factory=SerialConsole)
    service_user: ServiceUser = field(default_factory=ServiceUser)
    spice: Spice = field(default_factory=Spice)
    stratus: Stratus = field(default_factory=Stratus)
    upgrade_levels: UpgradeLevels = field(default_factory=UpgradeLevels)
    vendordata_dynamic_auth: VendordataDynamicAuth = field(default_factory=VendordataDynamicAuth)
    vif_plug_ovs_privileged: Privsep = field(default_factory=Privsep)
    vnc: Vnc = field(default_factory=Vnc)
    workarounds: Workarounds = field(default_factory=Workarounds)
    wsgi: Wsgi = field(default_factory=Wsgi)
    files: tuple[str, ...] = ()
    """The configuration files these came from, for libraries that read options of their own."""

    def __post_init__(self) -> None:
        for attribute in _INTERPOLATED:
            section = getattr(self, attribute)
            changes = {
                name: _interpolate(default, section, self.default)
                for name, default in _INTERPOLATED[attribute].items()
                if getattr(section, name) == default
            }
            if changes:
                object.__setattr__(self, attribute, dataclasses.replace(section, **changes))


def section_name(attribute: str) -> str:
    """Return the name in nova.conf of a section's attribute."""
    return "DEFAULT" if attribute == "default" else attribute


def sections() -> Iterator[tuple[str, type[Section]]]:
    """Yield the attribute and class of every section, DEFAULT first and then by name."""
    hints = typing.get_type_hints(Settings)
    for item in dataclasses.fields(Settings):
        if item.name != "files":
            yield item.name, hints[item.name]


@cache
def all_options() -> tuple[tuple[str, Option], ...]:
    """Return every option with the attribute of its section."""
    return tuple(
        (attribute, option)
        for attribute, section in sections()
        for option in options_of(section, section_name(attribute))
    )


def settings_of(values: dict[str, dict[str, Any]], files: tuple[str, ...] = ()) -> Settings:
    """Return settings from values by section (as named in nova.conf) and option; the rest is default.

    Raises TypeError for a section or option that does not exist.
    """
    known = dict(sections())
    made: dict[str, Any] = {}
    for name, given in values.items():
        attribute = "default" if name == "DEFAULT" else name
        if attribute not in known:
            raise TypeError(f"there is no section [{name}]")
        made[attribute] = known[attribute](**given)
    return Settings(files=files, **made)


def _interpolate(text: str, *scopes: Section) -> str:
    names: dict[str, str] = {}
    for scope in reversed(scopes):
        names |= {
            f.name: v for f in dataclasses.fields(scope) if isinstance(v := getattr(scope, f.name), str)
        }
    for _ in range(len(scopes) + 2):
        if "$" not in text:
            break
        text = Template(text).safe_substitute(names)
    return text


def _references() -> dict[str, dict[str, str]]:
    """Defaults that refer to other options, by section attribute and option."""
    found: dict[str, dict[str, str]] = {}
    for attribute, section in sections():
        for item in dataclasses.fields(section):
            if isinstance(item.default, str) and "$" in item.default:
                found.setdefault(attribute, {})[item.name] = item.default
    return found


_INTERPOLATED = _references()
