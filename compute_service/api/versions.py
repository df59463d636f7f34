"""The microversions of the Compute API 2.x: what each brought, and how a request says which one it wants.

A version is handled as its minor number (an int), for the major one is always 2. `MICROVERSIONS` is the list;
`tests/unit/api/test_versions.py` checks that each is kept by a field's window, a route's window or a named
change somewhere in `api/`, unless its row says why nothing has to be done here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from compute_service.domain.errors import ComputeError, Invalid

LOWEST = 1
HIGHEST = 104
_HEADER, _OLD_HEADER = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"

Kept = Literal["here", "control", "signal", "gone", "later"]
"""Where a microversion shows: in the API's tables; in the use cases or below; nowhere, for it only signals
something true of every version; nowhere, for its route is gone; or with resources that are not served yet."""


class Microversion(NamedTuple):
    """One row of the list."""

    minor: int
    note: str
    kept: Kept = "here"


class NotAcceptable(ComputeError):
    """The version asked for is outside of what is served (406)."""

    status = 406


def minor(text: str) -> int:
    """Return 9 for "2.9"."""
    major, _, rest = text.partition(".")
    if major != "2":
        raise ValueError(f"not a version of this API: {text}")
    return int(rest)


def text(version: int) -> str:
    """Return "2.9" for 9."""
    return f"2.{version}"


def change(since: str) -> int:
    """Name a version from which something means something else: `if version >= FLAVOR_INLINE`."""
    return minor(since)


_FORM = re.compile(r"([1-9]\d{0,17})\.([1-9]\d{0,17}|0)\Z", re.ASCII)


@lru_cache(maxsize=512)
def _parsed(wanted: str) -> int:
    if wanted == "latest":
        return HIGHEST
    match = _FORM.match(wanted)
    if match is None:
        raise Invalid(
            f"API Version String '{wanted}' is of invalid format. It must be of the form MajorNum.MinorNum."
        )
    if match[1] != "2" or not LOWEST <= int(match[2]) <= HIGHEST:
        raise NotAcceptable(
            f"Version {wanted} is not supported by the API. "
            f"Minimum is {text(LOWEST)} and maximum is {text(HIGHEST)}."
        )
    return int(match[2])


def negotiate(header: str | None, legacy_header: str | None) -> int:
    """Return the version a request asks for.

    `header` is OpenStack-API-Version (`compute 2.9`, other services' parts are passed over), `legacy_header`
    is X-OpenStack-Nova-API-Version (`2.9`); the first wins. Raises Invalid (400) or NotAcceptable (406).
    """
    if header:
        for part in header.split(","):
            service, _, wanted = part.strip().partition(" ")
            if service.lower() == "compute":
                return _parsed(wanted.strip().lower())
    if legacy_header:
        return _parsed(legacy_header.strip().lower())
    return LOWEST


def asked_by(environ: Mapping[str, Any]) -> int:
    """Return the version that a WSGI request asks for. Raises as `negotiate` does."""
    return negotiate(
        environ.get("HTTP_OPENSTACK_API_VERSION"), environ.get("HTTP_X_OPENSTACK_NOVA_API_VERSION")
    )


def headers(version: int) -> list[tuple[str, str]]:
    """Return the headers that tell which version an answer is of."""
    shown = text(version)
    return [(_HEADER, f"compute {shown}"), (_OLD_HEADER, shown), ("Vary", _HEADER), ("Vary", _OLD_HEADER)]


M = Microversion
MICROVERSIONS: tuple[Microversion, ...] = (
    M(1, "The base: bodies are checked strictly, unknown keys are refused."),
    M(2, "Key pairs have a type; creating answers 201 and deleting 204."),
    M(3, "More admin attributes of servers, and whether a volume goes with its server."),
    M(4, "Fixed addresses show whether they are reserved.", "gone"),
    M(5, "Everyone may filter servers by IPv6 address."),
    M(6, "Remote consoles have one route; the console actions end."),
    M(7, "Access to a public flavor cannot be added."),
    M(8, "The mks console protocol; no hypervisor here has it."),
    M(9, "Servers show whether they are locked."),
    M(10, "Admins handle key pairs of other users."),
    M(11, "Services show and take forced_down."),
    M(12, "Virtual interfaces show their network.", "gone"),
    M(13, "Server groups show project and user."),
    M(14, "Evacuation finds out by itself about shared storage."),
    M(15, "Soft policies of server groups."),
    M(16, "Servers show their host's status."),
    M(17, "Crash dumps can be triggered."),
    M(18, "The project in the address is optional; so it is at every version.", "signal"),
    M(19, "Servers have a description."),
    M(20, "Volumes of shelved servers can be attached and detached.", "later"),
    M(21, "Actions of deleted servers can be read."),
    M(22, "A live migration can be forced to complete."),
    M(23, "Servers list their migrations; migrations show a type."),
    M(24, "A live migration can be aborted."),
    M(25, "Live migration decides about block migration."),
    M(26, "Servers have tags."),
    M(27, "The OpenStack-API-Version header; it is understood at every version.", "signal"),
    M(28, "The cpu_info of hypervisors is an object."),
    M(29, "Evacuation checks the target host unless forced."),
    M(30, "Live migration checks the target host unless forced."),
    M(31, "Console tokens of every type can be looked up."),
    M(32, "Networks and block devices of a create carry a tag."),
    M(33, "Hypervisors are paged; block devices lose their tag."),
    M(34, "Live migration checks after it answered."),
    M(35, "Key pairs are paged."),
    M(36, "The proxies of other services end, and so do their quotas."),
    M(37, "A create says what it wants of the network: a list, auto or none."),
    M(38, "A list of servers refuses an unknown status."),
    M(39, "The image metadata proxy and its limit end."),
    M(40, "Usage is paged."),
    M(41, "Aggregates show a UUID."),
    M(42, "Networks and block devices carry a tag again."),
    M(43, "The hosts route ends.", "later"),
    M(44, "The address actions of servers end.", "later"),
    M(45, "An image's creation answers with its identifier."),
    M(46, "The x-openstack-request-id header; it is sent at every version.", "signal"),
    M(47, "Servers show what their flavor was, and not a link to it."),
    M(48, "Diagnostics have one form."),
    M(49, "A tag on attaching volumes and interfaces."),
    M(50, "Quota classes: server groups instead of network resources."),
    M(51, "Everyone sees the events of an action; the volume-extended event."),
    M(52, "A create takes tags."),
    M(53, "Services and hypervisors are known by UUID."),
    M(54, "A rebuild takes a key pair."),
    M(55, "Flavors have a description."),
    M(56, "A cold migration takes a host."),
    M(57, "File injection ends; a rebuild takes user data."),
    M(58, "Actions are paged and show when they changed."),
    M(59, "Migrations are paged and show a UUID."),
    M(60, "A volume may be attached to several servers.", "later"),
    M(61, "Flavors show their extra specs."),
    M(62, "Events of an action show the host."),
    M(63, "Certificates to check an image with."),
    M(64, "Server groups have one policy, with rules."),
    M(65, "A queued live migration can be aborted."),
    M(66, "Lists take changes-before."),
    M(67, "Block devices carry a volume type."),
    M(68, "Live migration and evacuation can no longer be forced."),
    M(69, "Lists name what lies in a cell that is down."),
    M(70, "Attachments of volumes and interfaces show their tag."),
    M(71, "Servers show their group."),
    M(72, "Ports with a resource request are accepted at creation; so they are at every version.", "signal"),
    M(73, "A lock has a reason; lists filter and sort by locked."),
    M(74, "A create names a host that the scheduler checks."),
    M(75, "Unknown parameters are refused; update and rebuild answer with the whole server."),
    M(76, "The power-update event."),
    M(77, "Unshelving takes an availability zone."),
    M(78, "Servers show their topology."),
    M(79, "Attaching says whether the volume goes with the server.", "later"),
    M(80, "Migrations show and filter by project and user."),
    M(81, "Aggregates cache images ahead of use."),
    M(82, "The accelerator-request-bound event."),
    M(83, "Everyone may filter servers by more fields."),
    M(84, "Events of an action show details."),
    M(85, "A volume attachment can be updated.", "later"),
    M(86, "Extra specs of flavors are checked."),
    M(87, "Servers on volumes can be rescued.", "later"),
    M(88, "Hypervisors show uptime, and no longer what placement knows better."),
    M(89, "Volume attachments show their identifiers.", "later"),
    M(90, "Servers have a hostname of their own."),
    M(91, "Unshelving takes a host."),
    M(92, "Key pairs are imported only, and their names may be longer words."),
    M(93, "Servers on volumes can be rebuilt; the volume-reimaged event."),
    M(94, "A hostname may be a full domain name."),
    M(95, "Evacuated servers end stopped."),
    M(96, "Servers show the zone they are pinned to."),
    M(97, "Shares are attached to servers.", "later"),
    M(98, "Servers show the properties of their image."),
    M(99, "The spice-direct console."),
    M(100, "Servers show their scheduler hints."),
    M(101, "Attaching a volume does not wait.", "later"),
    M(102, "Unknown parameters are refused everywhere; flavors are found by name and lose rxtx_factor."),
    M(103, "The os-volumes_boot alias ends."),
    M(104, "The zone a server is pinned to can be changed."),
)
"""Every microversion, in order."""
