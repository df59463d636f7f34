"""A hypervisor that only pretends: guests with power, disks and consoles, but no machine behind them."""

from compute_service.virt.fake.facts import HostSize
from compute_service.virt.fake.faults import Faults
from compute_service.virt.fake.fleet import FakeFleet
from compute_service.virt.fake.hypervisor import FakeHypervisor, Shape
from compute_service.virt.fake.shelf import Exchange

__all__ = ["Exchange", "FakeFleet", "FakeHypervisor", "Faults", "HostSize", "Shape"]
