"""Elements are written and read back the same."""

from __future__ import annotations

import dataclasses
import typing
from xml.etree import ElementTree

import pytest

from compute_service.virt.libvirt.xml import (
    backup,
    devices,
    domain,
    interface,
    machine,
    secret,
    snapshot,
    storage,
)
from compute_service.virt.libvirt.xml.element import Element, MalformedXml, at, present, switch
from compute_service.virt.libvirt.xml.migration import Landing, landed
from compute_service.virt.libvirt.xml.owner import Server

ELEMENTS = sorted(
    {
        thing
        for module in (backup, devices, domain, interface, machine, secret, snapshot, storage)
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, Element) and thing is not Element
    },
    key=lambda cls: cls.__name__,
)


def full(cls: type[Element]) -> Element:
    """Return an element of this class with every field set, each to a value of its own."""
    hints = typing.get_type_hints(cls)
    return cls(**{f.name: sample(hints[f.name], n) for n, f in enumerate(dataclasses.fields(cls), 1)})


def sample(hint: typing.Any, n: int) -> typing.Any:
    args = [a for a in typing.get_args(hint) if a not in (type(None), Ellipsis)]
    inner = args[0] if args else hint
    if issubclass(inner, Element):
        value: typing.Any = full(inner)
    else:
        value = {bool: True, int: n, str: f"<v&{n}>"}[inner]
    return (value, value) if typing.get_origin(hint) is tuple else value


@pytest.mark.parametrize("cls", ELEMENTS, ids=lambda cls: cls.__name__)
def test_every_field_of_every_element_survives_writing_and_reading(cls: type[Element]) -> None:
    whole = full(cls)
    assert cls.parse(whole.xml()) == whole


@pytest.mark.parametrize("cls", ELEMENTS, ids=lambda cls: cls.__name__)
def test_no_two_fields_of_an_element_share_a_place(cls: type[Element]) -> None:
    whole = full(cls)
    for f in dataclasses.fields(cls):
        if f.default is dataclasses.MISSING:
            continue
        without = dataclasses.replace(whole, **{f.name: f.default})  # type: ignore[type-var]
        assert cls.parse(without.xml()) == without, f.name


class Lamp(Element, tag="lamp"):
    """A made-up element."""

    name: str = at("@name")
    watts: int | None = at("power/@watts", default=None)
    dimmed: bool | None = switch("power/dimmer/@state", default=None)
    lit: bool = present("lit", default=False)


def test_an_element_is_written_as_declared() -> None:
    lamp = Lamp(name='a"b', watts=40, dimmed=False, lit=True)
    assert lamp.xml() == (
        '<lamp name="a&quot;b">\n  <power watts="40">\n    <dimmer state="off" />\n  </power>\n'
        "  <lit />\n</lamp>\n"
    )


def test_what_is_not_declared_is_passed_over() -> None:
    assert Lamp.parse("<lamp name='x' colour='red'><bulb/>text<power watts='5'/></lamp>") == Lamp(
        name="x", watts=5
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<lamp", "Not XML"),
        ("<candle name='x'/>", "found candle"),
        ("<lamp/>", "name"),
        ("<lamp name='x'><power watts='much'/></lamp>", "power/@watts is not a number"),
    ],
)
def test_a_document_of_another_shape_is_refused(text: str, why: str) -> None:
    with pytest.raises(MalformedXml, match=why):
        Lamp.parse(text)


def test_the_owner_is_written_in_a_namespace_of_its_own() -> None:
    text = typing.cast("Server", full(Server)).xml()
    assert text.startswith('<stratus:server xmlns:stratus="urn:stratus:server:1">')


RUNNING = """<domain type='qemu'><name>one</name><devices>
  <disk type='file'><source file='/a/disk'/><target dev='vda'/><address type='pci' slot='0x04'/></disk>
  <disk type='block'><source dev='/dev/a'/><target dev='vdb'/></disk>
  <interface type='bridge'><mac address='fa:16:3e:00:00:01'/>
    <source bridge='brq1'/><target dev='tap1'/></interface>
  <interface type='bridge'><mac address='fa:16:3e:00:00:02'/>
    <source bridge='brq1'/><target dev='tap2'/></interface>
  <serial type='tcp'><source mode='bind' host='10.0.0.1' service='10000'/>
    <log file='/a/console.log'/></serial>
  <serial type='pty'><target port='1'/></serial>
  <graphics type='vnc' listen='10.0.0.1'><listen type='address' address='10.0.0.1'/></graphics>
  <graphics type='spice' listen='10.0.0.1'><listen type='address' address='10.0.0.1'/></graphics>
</devices></domain>"""


def test_a_moving_guest_takes_along_all_but_what_differs_at_the_target() -> None:
    landing = Landing(
        vnc_listen="10.0.0.2",
        serial_listen="10.0.0.2",
        serial_ports=(10007,),
        interfaces={"fa:16:3e:00:00:01": ("brq9", "tap9")},
        disks={"vda": "/b/disk", "vdb": "/dev/b"},
        console_log="/b/console.log",
    )
    expected = (
        RUNNING.replace("/a/disk", "/b/disk")
        .replace("/dev/a", "/dev/b")
        .replace("brq1'/><target dev='tap1", "brq9'/><target dev='tap9")
        .replace("host='10.0.0.1' service='10000'", "host='10.0.0.2' service='10007'")
        .replace("/a/console.log", "/b/console.log")
        .replace(
            "'vnc' listen='10.0.0.1'><listen type='address' address='10.0.0.1'",
            "'vnc' listen='10.0.0.2'><listen type='address' address='10.0.0.2'",
        )
    )
    assert ElementTree.canonicalize(landed(RUNNING, landing)) == ElementTree.canonicalize(expected)


def test_a_guest_to_which_nothing_changes_stays_as_it_is() -> None:
    assert ElementTree.canonicalize(landed(RUNNING, Landing())) == ElementTree.canonicalize(RUNNING)


def test_a_definition_that_is_not_xml_cannot_move() -> None:
    with pytest.raises(MalformedXml):
        landed("<domain", Landing())
