"""The picture of a site as SVG: its hosts with what they do, and the networks between them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from site_cli.hosts import SiteHost

_WIDTH, _GAP, _MARGIN = 270, 30, 30
_LINE, _TOP = 20, 84
_A_ROW = 4
_DUTIES = {
    "controller": (
        "compute API, scheduler, conductor",
        "consoles (noVNC), metadata",
        "Keystone, Glance, Placement",
    ),
    "compute": ("compute agent", "libvirt and QEMU: servers run here"),
}
_NETWORK = ("Neutron with OVN", "MariaDB, RabbitMQ, memcached")


def picture(hosts: Sequence[SiteHost]) -> str:
    """Return the picture; it has a title and says everything in text."""
    columns = min(len(hosts), _A_ROW) or 1
    width = 2 * _MARGIN + columns * _WIDTH + (columns - 1) * _GAP
    parts = []
    top = 0
    for start in range(0, max(len(hosts), 1), _A_ROW):
        drawn, height = _row(hosts[start : start + _A_ROW], top, width)
        parts.append(drawn)
        top += height
    body = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {width} {top}" width="{width}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>The hosts of the site and their networks</title>\n{body}\n</svg>"
    )


def _row(hosts: Sequence[SiteHost], top: int, width: int) -> tuple[str, int]:
    """Return some hosts between their networks, and how high that is."""
    rows = max((len(_lines(host)) for host in hosts), default=1)
    height = 58 + rows * _LINE
    line, box = top + 40, top + _TOP
    outside = box + height + 34
    parts = [_network("management network", line, width, "net")]
    for index, host in enumerate(hosts):
        left = _MARGIN + index * (_WIDTH + _GAP)
        middle = left + _WIDTH // 2
        parts.append(_cable(middle, line, box))
        parts.append(_host(host, left, box, height))
        if host.outside:
            parts.append(_cable(middle, box + height, outside))
    if any(host.outside for host in hosts):
        parts.append(_network("provider network: floating addresses", outside, width, "out"))
    return "\n".join(parts), outside - top + 46


def _host(host: SiteHost, left: int, top: int, height: int) -> str:
    texts = [
        f'<rect class="host" x="{left}" y="{top}" width="{_WIDTH}" height="{height}" rx="8"/>',
        f'<text class="name" x="{left + 14}" y="{top + 27}">{escape(host.name)}</text>',
        f'<text class="dim" x="{left + _WIDTH - 14}" y="{top + 27}" text-anchor="end">'
        f"{escape(host.address)}</text>",
    ]
    for index, line in enumerate(_lines(host)):
        texts.append(f'<text x="{left + 14}" y="{top + 58 + index * _LINE}">{escape(line)}</text>')
    return "\n".join(texts)


def _lines(host: SiteHost) -> list[str]:
    lines = [duty for group, duties in _DUTIES.items() if group in host.groups for duty in duties]
    if "controller" in host.groups:
        lines[3:3] = _NETWORK
    return lines + ([host.system] if host.system else [])


def _network(name: str, y: int, width: int, kind: str) -> str:
    above = y - 12 if kind == "net" else y + 24
    return (
        f'<line class="{kind}" x1="{_MARGIN}" y1="{y}" x2="{width - _MARGIN}" y2="{y}"/>'
        f'<text class="dim" x="{_MARGIN}" y="{above}">{name}</text>'
    )


def _cable(x: int, begin: int, end: int) -> str:
    return f'<line class="cable" x1="{x}" y1="{begin}" x2="{x}" y2="{end}"/>'
