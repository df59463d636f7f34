"""Where the consoles of a host's guests are."""

from __future__ import annotations

import dataclasses

import pytest

from compute_service.agent.consoles import Consoles
from compute_service.config.settings import Settings
from compute_service.domain.console import Console, Listening
from compute_service.domain.errors import Invalid
from compute_service.virt.fake import FakeHypervisor
from tests.contract.hypervisor.conftest import GUEST, guest_spec, stored_images
from tests.fakes.clock import ManualClock


@pytest.fixture
def driver() -> FakeHypervisor:
    clock = ManualClock()
    made = FakeHypervisor("h", stored_images(clock), clock)
    made.spawn(guest_spec(), lambda fraction: None)
    return made


def with_spice(**options: object) -> Settings:
    settings = Settings()
    return dataclasses.replace(
        settings,
        spice=dataclasses.replace(settings.spice, enabled=True, **options),  # type: ignore[arg-type]
    )


def test_a_console_is_at_the_address_that_the_options_say(driver: FakeHypervisor) -> None:
    settings = with_spice(server_proxyclient_address="10.0.0.5", html5proxy_base_url="https://c/s.html")
    found = Consoles(driver, settings).find(GUEST, "spice-html5")
    assert found == Console(
        type="spice-html5", host="10.0.0.5", port=5901, tls_port=5902, url="https://c/s.html"
    )


def test_what_only_takes_encrypted_connections_is_reached_by_that_port(driver: FakeHypervisor) -> None:
    driver.consoles["spice"] = Listening(port=None, tls_port=5902)
    assert Consoles(driver, with_spice()).find(GUEST, "spice-direct").port == 5902


@pytest.mark.parametrize("kind", ["spice-html5", "serial", "webmks", ""])
def test_a_type_that_the_host_does_not_offer_is_unavailable(driver: FakeHypervisor, kind: str) -> None:
    with pytest.raises(Invalid, match=f"Unavailable console type {kind}"):
        Consoles(driver, Settings()).find(GUEST, kind)


def test_a_guest_without_a_port_has_no_console(driver: FakeHypervisor) -> None:
    driver.consoles["vnc"] = Listening(port=None)
    with pytest.raises(Invalid, match="Unavailable console type novnc"):
        Consoles(driver, Settings()).find(GUEST, "novnc")
