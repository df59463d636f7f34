"""The engine of declared elements: a class is an element, a field is a place in it.

`at` is text or an attribute (`"source/@file"`, `"uuid"`), `present` an empty element that is there or not,
`child` one nested element, `children` all nested elements of one class, `texts` repeated plain elements.
A field that is None, False (for `present`) or empty is not written. Truth in attributes and text is yes or
no, with `switch` on or off. Paths are relative to the element; namespaced steps are written `{urn:...}name`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import Enum
from functools import cache
from typing import Any, ClassVar, Self, dataclass_transform
from xml.etree import ElementTree

Node = ElementTree.Element


class Kind(Enum):
    """How a field stands in its element."""

    VALUE = "value"
    SWITCH = "switch"
    PRESENT = "present"
    CHILD = "child"
    CHILDREN = "children"
    TEXTS = "texts"


class MalformedXml(ValueError):
    """A document is not XML, is another element, or lacks what its class requires."""


_TRUTH = {Kind.VALUE: ("no", "yes"), Kind.SWITCH: ("off", "on")}


def _place(kind: Kind, path: str, **settings: Any) -> Any:
    return field(metadata={"kind": kind, "path": path}, **settings)


def at(path: str, **settings: Any) -> Any:
    """Declare the text of an element or, when the path ends in `@name`, an attribute."""
    return _place(Kind.VALUE, path, **settings)


def switch(path: str, **settings: Any) -> Any:
    """Declare a truth that is written on or off."""
    return _place(Kind.SWITCH, path, **settings)


def present(path: str, **settings: Any) -> Any:
    """Declare an empty element whose being there is the value."""
    return _place(Kind.PRESENT, path, **settings)


def child(path: str = "", **settings: Any) -> Any:
    """Declare one nested element under `path`."""
    return _place(Kind.CHILD, path, **settings)


def children(path: str = "", **settings: Any) -> Any:
    """Declare all nested elements of one class under `path`, in their order."""
    return _place(Kind.CHILDREN, path, **settings)


def texts(path: str, **settings: Any) -> Any:
    """Declare elements of one name that hold plain text."""
    return _place(Kind.TEXTS, path, **settings)


@dataclass(frozen=True)
class _Slot:
    """A declared field, resolved: where it is and what it holds."""

    name: str
    kind: Kind
    path: str
    holds: type

    @property
    def steps(self) -> list[str]:
        return [step for step in self.path.partition("@")[0].split("/") if step]

    @property
    def attribute(self) -> str | None:
        return self.path.partition("@")[2] or None


@dataclass_transform(
    kw_only_default=True, frozen_default=True, field_specifiers=(at, switch, present, child, children, texts)
)
class Element:
    """An element: `class Disk(Element, tag="disk")` with its fields declared by the functions above."""

    TAG: ClassVar[str]

    def __init_subclass__(cls, tag: str, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        cls.TAG = tag
        dataclass(frozen=True, kw_only=True)(cls)

    def node(self) -> Node:
        """Return the element as a tree."""
        root = Node(self.TAG)
        for slot in _slots(type(self)):
            _write(root, slot, getattr(self, slot.name))
        return root

    def xml(self) -> str:
        """Return the element as indented text."""
        root = self.node()
        ElementTree.indent(root)
        return ElementTree.tostring(root, "unicode") + "\n"

    @classmethod
    def parse(cls, source: str | Node) -> Self:
        """Read the element from text or a tree. Raises MalformedXml."""
        root = _tree(source) if isinstance(source, str) else source
        if root.tag != cls.TAG:
            raise MalformedXml(f"Expected the element {cls.TAG}, found {root.tag}.")
        found = {slot.name: value for slot in _slots(cls) if (value := _read(root, slot)) is not None}
        try:
            return cls(**found)
        except TypeError as error:
            raise MalformedXml(f"The element {cls.TAG} is incomplete: {error}.") from None


def _tree(source: str) -> Node:
    try:
        return ElementTree.fromstring(source)  # noqa: S314 - libvirt on this host wrote it
    except ElementTree.ParseError as error:
        raise MalformedXml(f"Not XML: {error}.") from None


def _resolve(cls: Any) -> tuple[_Slot, ...]:
    hints = typing.get_type_hints(cls)
    return tuple(
        _Slot(f.name, f.metadata["kind"], f.metadata["path"], _held(hints[f.name])) for f in fields(cls)
    )


_slots: Callable[[Any], tuple[_Slot, ...]] = cache(_resolve)


def _held(hint: Any) -> type:
    """Return the class inside `X | None` or `tuple[X, ...]`."""
    inner = [a for a in typing.get_args(hint) if a not in (types.NoneType, Ellipsis)]
    return typing.cast("type", inner[0] if inner else hint)


def _make(root: Node, steps: list[str]) -> Node:
    for step in steps:
        found = root.find(step)
        root = found if found is not None else ElementTree.SubElement(root, step)
    return root


def _find(root: Node, steps: list[str]) -> Node | None:
    for step in steps:
        found = root.find(step)
        if found is None:
            return None
        root = found
    return root


def _write(root: Node, slot: _Slot, value: Any) -> None:
    if value is None or value == () or (slot.kind is Kind.PRESENT and not value):
        return
    if slot.kind is Kind.TEXTS:
        parent = _make(root, slot.steps[:-1])
        for text in value:
            ElementTree.SubElement(parent, slot.steps[-1]).text = text
        return
    node = _make(root, slot.steps)
    if slot.kind is Kind.CHILD:
        node.append(value.node())
    elif slot.kind is Kind.CHILDREN:
        node.extend(each.node() for each in value)
    elif slot.kind is not Kind.PRESENT:
        text = _TRUTH[slot.kind][value] if isinstance(value, bool) else str(value)
        if slot.attribute:
            node.set(slot.attribute, text)
        else:
            node.text = text


def _read(root: Node, slot: _Slot) -> Any:
    """Return a field's value, or None when the element does not have it."""
    if slot.kind is Kind.TEXTS:
        parent = _find(root, slot.steps[:-1])
        return None if parent is None else tuple(n.text or "" for n in parent.findall(slot.steps[-1]))
    node = _find(root, slot.steps)
    if slot.kind is Kind.PRESENT:
        return node is not None
    if node is None:
        return None
    if slot.kind is Kind.CHILD:
        found = node.find(slot.holds.TAG)  # type: ignore[attr-defined]
        return None if found is None else slot.holds.parse(found)  # type: ignore[attr-defined]
    if slot.kind is Kind.CHILDREN:
        return tuple(slot.holds.parse(n) for n in node.findall(slot.holds.TAG))  # type: ignore[attr-defined]
    text = node.get(slot.attribute) if slot.attribute else node.text
    return None if text is None else _value(root, slot, text.strip() if not slot.attribute else text)


def _value(root: Node, slot: _Slot, text: str) -> Any:
    if slot.holds is bool:
        return text in {"yes", "on"}
    if slot.holds is int:
        try:
            return int(text)
        except ValueError:
            raise MalformedXml(f"{root.tag}/{slot.path} is not a number: {text!r}.") from None
    return text
