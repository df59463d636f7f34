"""The tiny guest boots, learns who it is, and tells it."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from compute_service.domain.flavor import Flavor
from compute_service.domain.guest import GuestSpec
from compute_service.domain.instance import ServerKeypair
from compute_service.domain.metadata.facts import ServerFacts
from compute_service.domain.metadata.openstack import document
from compute_service.virt.config_drive import ConfigDriveWriter
from proving.guest import LOGIN, guest_image
from proving.process import Missing
from tests.fixtures.records import new_uuid
from tests.integration.lab.guest import Guest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.usefixtures("able")]
Boot = Callable[..., Guest]
USER_DATA = "#!/bin/sh\necho my name is $(hostname)\n"


@pytest.fixture(scope="session")
def image(able: None) -> Path:
    """The guest's image."""
    return guest_image()


@pytest.fixture
def boot(image: Path, tmp_path: Path) -> Iterator[Boot]:
    """Boot a guest."""
    begun: list[Guest] = []

    def start(drive: Path | None = None, metadata_port: int | None = None) -> Guest:
        try:
            guest = Guest(tmp_path, image, [drive] if drive else [], metadata_port)
        except Missing as error:
            pytest.skip(str(error))
        guest.process.start()
        begun.append(guest)
        return guest

    yield start
    for guest in begun:
        guest.process.close()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key pair's private part; the public one is beside it."""
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)  # noqa: S603,S607
    return path


@pytest.fixture
def facts(key: Path) -> ServerFacts:
    """A server with a key and user data."""
    return ServerFacts(
        uuid=new_uuid(),
        number=7,
        reservation_id="r-1",
        project_id="p",
        name="alpha",
        hostname="alpha.example",
        instance_type="tiny",
        keypair=ServerKeypair(name="mine", public_key=key.with_suffix(".pub").read_text()),
        user_data=base64.b64encode(USER_DATA.encode()).decode(),
    )


@pytest.fixture
def metadata(facts: ServerFacts) -> Iterator[int]:
    """The port of a metadata service that knows one server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = document(facts, "latest", self.path.rpartition("/")[2], b"0" * 512)
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_it_learns_by_network_who_it_is_and_lets_its_owner_in(
    boot: Boot, facts: ServerFacts, metadata: int, key: Path
) -> None:
    guest = boot(metadata_port=metadata)
    assert guest.wait(r"ready name=(\S+) address=(\S+) uptime=\S+").groups() == ("alpha", "169.254.1.15")
    assert guest.wait(r"metadata http (\S+)")[1] == facts.uuid
    assert guest.wait(r"data (.*)")[1] == "my name is alpha"
    assert guest.wait(r"keys (\d+)")[1] == "1"
    assert guest.ssh(key, "hostname") == "alpha\n"


@pytest.mark.parametrize(("form", "suffix"), [("iso9660", ".iso"), ("vfat", ".img")])
def test_it_reads_the_drives_that_we_write(
    boot: Boot, facts: ServerFacts, key: Path, tmp_path: Path, form: str, suffix: str
) -> None:
    drive = tmp_path / f"drive{suffix}"
    spec = GuestSpec(
        uuid=facts.uuid,
        name="instance-00000007",
        display_name="alpha",
        hostname="alpha",
        project_id="p",
        user_id="u",
        flavor=Flavor(flavorid="1", name="tiny", vcpus=1, memory_mb=128, root_gb=1),
        config_drive=True,
        facts=facts,
    )
    ConfigDriveWriter(form, "genisoimage", ()).write(spec, drive)
    guest = boot(drive)
    assert guest.wait(r"ready name=(\S+) .*")[1] == "alpha"
    assert guest.wait(r"config-drive (\S+) (\S+)").groups() == (form, facts.uuid)
    assert guest.wait(r"data (.*)")[1] == "my name is alpha"
    assert guest.ssh(key, "cat", "/proc/sys/kernel/hostname") == "alpha\n"


def test_it_ticks_counts_its_boots_and_heeds_the_power_button(boot: Boot, metadata: int) -> None:
    guest = boot(metadata_port=metadata)
    assert guest.wait(r"boot (\d+)")[1] == "1"
    guest.wait(r"ready .*")
    first = guest.wait(r"tick (\S+) (\S+)")
    later = guest.wait(r"tick (\S+) (\S+)", after=len(guest.told()))
    assert float(later[1]) > float(first[1])
    assert later[2] == first[2]
    before = len(guest.told())
    guest.order("system_reset")
    assert guest.wait(r"boot (\d+)", after=before)[1] == "2"
    guest.wait(r"ready .*", after=before)
    assert guest.wait(r"tick (\S+) (\S+)", after=before)[2] != first[2]
    guest.order("system_powerdown")
    guest.wait(r"stopping")
    assert guest.has_ended()


def test_it_sees_what_is_plugged_in_and_out(boot: Boot, metadata: int) -> None:
    guest = boot(metadata_port=metadata)
    guest.wait(r"ready .*")
    guest.order("device_add", driver="virtio-net-pci", id="more", mac="52:54:00:00:00:99")
    name = guest.wait(r"link (\S+) 52:54:00:00:00:99 no-address")[1]
    guest.order("device_del", id="more")
    guest.wait(f"gone {name}")


def test_one_may_log_in_at_its_console(boot: Boot, metadata: int) -> None:
    guest = boot(metadata_port=metadata)
    guest.wait(r"ready .*")
    user, password = LOGIN
    guest.type_at_console(
        ("login: ", user),
        ("assword: ", password),
        ("# ", "echo answer=$((6*7))"),
        ("answer=42", "exit"),
    )
