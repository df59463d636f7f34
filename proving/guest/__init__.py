"""A tiny guest: an image of sixteen megabytes, made of Debian's packages, that boots in seconds without KVM.

It tells what it does on its serial console, each line beginning with `GUEST:`; see `files/begin`.
`python -m proving.guest FILE` makes one.
"""

from __future__ import annotations

from proving.guest.image import LOGIN, MARK, guest_image

__all__ = ["LOGIN", "MARK", "guest_image"]
