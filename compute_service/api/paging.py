"""Lists in pages: how many, from where, and the link to the next page."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from msgspec import UnsetType

from compute_service.api.links import Link, Links


def page_size(limit: int | UnsetType, most: int) -> int:
    """Return how many to list: nothing asked, 0 and too many all mean `most` (`[api]max_limit`)."""
    return most if isinstance(limit, UnsetType) or limit == 0 else min(limit, most)


def next_page(
    links: Links, path: str, pairs: Sequence[tuple[str, str]], marker: str, root: str | None = None
) -> list[Link]:
    """Return the link to the page after `marker`: the request's parameters, sorted by name, with the marker.

    `path` is that of the list under the version, such as "servers/detail"; `root` another base than ours.
    """
    kept = [(name, value) for name, value in pairs if name != "marker"]
    query = urlencode(sorted([*kept, ("marker", marker)]), quote_via=quote)
    return [Link(rel="next", href=f"{root or links.own}/{path}?{query}")]
