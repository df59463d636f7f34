"""What the connection makes of libvirt's answers, with a library that answers what it is told to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from compute_service.virt.libvirt import connection
from compute_service.virt.libvirt.connection import LibvirtConnection
from compute_service.virt.libvirt.domains import ConnectionLost

UUID = "33333333-3333-4333-8333-333333333333"
NONE, COMPLETED, FAILED, CANCELLED = 0, 3, 4, 5


class LibvirtError(Exception):
    """The library's."""


class Library(SimpleNamespace):
    """libvirt with one guest; `stats` is what is said of its last job."""

    VIR_DOMAIN_JOB_NONE, VIR_DOMAIN_JOB_COMPLETED = NONE, COMPLETED
    VIR_DOMAIN_JOB_FAILED, VIR_DOMAIN_JOB_CANCELLED = FAILED, CANCELLED
    VIR_DOMAIN_JOB_STATS_COMPLETED, VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED = 1, 2
    VIR_DOMAIN_EVENT_ID_LIFECYCLE = 0
    libvirtError = LibvirtError
    stats: dict[str, Any]

    def open(self, uri: str) -> Any:
        guest = SimpleNamespace(jobStats=lambda flags: self.stats)
        return SimpleNamespace(
            registerCloseCallback=lambda callback, opaque: None,
            setKeepAlive=lambda every, misses: None,
            domainEventRegisterAny=lambda domain, what, callback, opaque: None,
            lookupByUUIDString=lambda uuid: guest,
        )


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library(stats={})
    monkeypatch.setattr(connection, "library", lambda: made)
    monkeypatch.setattr(connection, "_begin_events", lambda libvirt: None)
    return made


@pytest.mark.parametrize(
    ("stats", "said"),
    [
        ({"type": COMPLETED}, None),
        ({"type": FAILED, "errmsg": "No space left on device"}, "No space left on device"),
        ({"type": CANCELLED}, "it was cancelled"),
    ],
)
def test_how_the_last_job_ended_is_told(library: Library, stats: dict[str, Any], said: str | None) -> None:
    library.stats = stats
    assert LibvirtConnection("qemu:///system").job_failure(UUID) == said


def test_a_job_whose_end_was_forgotten_is_not_taken_for_done(library: Library) -> None:
    library.stats = {"type": NONE}
    with pytest.raises(ConnectionLost, match="does not know how"):
        LibvirtConnection("qemu:///system").job_failure(UUID)
