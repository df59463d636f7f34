"""os-vif reads its options from oslo.config's global object, which nothing else of ours uses."""

from __future__ import annotations

import dataclasses

from oslo_config import cfg

from compute_service.config.os_vif_ovs import OsVifOvs

GROUP = "os_vif_ovs"


def tell_os_vif(options: OsVifOvs) -> None:
    """Give os-vif the options of [os_vif_ovs]; to be called when its plugins are loaded.

    An option that the installed os-vif does not have is left out.
    """
    for field in dataclasses.fields(options):
        try:
            cfg.CONF.set_override(field.name, getattr(options, field.name), group=GROUP)
        except (cfg.NoSuchOptError, cfg.NoSuchGroupError):
            continue
