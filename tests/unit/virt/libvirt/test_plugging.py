from __future__ import annotations

from collections.abc import Sequence

import pytest

from compute_service.config.os_vif_ovs import OsVifOvs
from compute_service.domain.errors import HostRejected
from compute_service.domain.vif import Vif
from compute_service.virt.libvirt.plugging import HostPlugger, os_vif_object
from compute_service.virt.libvirt.storage.run import CommandFailed

PORT, NETWORK = "55555555-5555-4555-8555-555555555555", "66666666-6666-4666-8666-666666666666"
GUEST = "22222222-2222-4222-8222-222222222222"


class Ip:
    """Plays ip(8) with a set of devices."""

    def __init__(self, *devices: str) -> None:
        self.devices = set(devices)
        self.ran: list[tuple[str, ...]] = []

    def run(self, argv: Sequence[str], timeout: float, limited: bool = False) -> str:
        words = tuple(argv)
        self.ran.append(words)
        if words[2] == "show" and words[4] not in self.devices:
            raise CommandFailed(f"Device {words[4]} does not exist.")
        if words[2] == "add":
            self.devices.add(words[4])
        return ""


def vif(kind: str, **details: object) -> Vif:
    return Vif(
        port_id=PORT,
        network_id=NETWORK,
        network_label="net",
        mac="fa:16:3e:00:00:01",
        mtu=1442,
        vif_type=kind,
        details=details,
    )


def test_a_bridge_that_is_not_there_is_made_once() -> None:
    ip = Ip()
    plugger = HostPlugger(ip, OsVifOvs())
    for _ in range(2):
        plugger.plug(GUEST, "g", vif("bridge"))
    assert ip.devices == {"brq66666666-66"}
    assert [words[2] for words in ip.ran] == ["show", "add", "set", "show", "set"]
    plugger.unplug(GUEST, "g", vif("bridge"))
    assert ip.devices == {"brq66666666-66"}


def test_a_tap_needs_nothing() -> None:
    ip = Ip()
    HostPlugger(ip, OsVifOvs()).plug(GUEST, "g", vif("tap"))
    assert ip.ran == []


@pytest.mark.parametrize("kind", ["unbound", "binding_failed", "hw_veb"])
def test_a_port_that_is_not_for_this_host_is_rejected(kind: str) -> None:
    with pytest.raises(HostRejected, match=kind):
        HostPlugger(Ip(), OsVifOvs()).plug(GUEST, "g", vif(kind))


@pytest.mark.parametrize(
    ("details", "kind", "bridge"),
    [
        ({}, "VIFOpenVSwitch", "br-int"),
        ({"bridge_name": "br-x"}, "VIFOpenVSwitch", "br-x"),
        ({"ovs_hybrid_plug": True}, "VIFBridge", "qbr55555555-55"),
    ],
)
def test_an_open_vswitch_port_in_os_vifs_terms(details: dict[str, object], kind: str, bridge: str) -> None:
    objects = pytest.importorskip("os_vif.objects")
    objects.register_all()
    made = os_vif_object(objects, vif("ovs", **details))
    assert type(made).__name__ == kind
    assert (made.bridge_name, made.vif_name, made.plugin) == (bridge, "tap55555555-55", "ovs")
    assert (made.network.mtu, made.port_profile.interface_id) == (1442, PORT)


def test_a_switch_that_does_not_answer_rejects_the_guest() -> None:
    pytest.importorskip("vif_plug_ovs")
    options = OsVifOvs(ovsdb_connection="tcp:127.0.0.1:1", ovs_vsctl_timeout=1, ovsdb_interface="vsctl")
    with pytest.raises(HostRejected, match="could not be plugged"):
        HostPlugger(Ip(), options).plug(GUEST, "g", vif("ovs"))
