"""Makes the guest's image: python -m proving.guest FILE."""

from __future__ import annotations

import shutil
import sys

from proving.guest.image import guest_image
from proving.lab.machine import check_machine


def main(words: list[str]) -> int:
    """Write the image to the file that is named."""
    if len(words) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    check_machine()
    shutil.copy(guest_image(), words[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
