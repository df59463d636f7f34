"""Makes Keystone's schema, keys and first user with its own commands, in one process instead of four.

Runs with the Python of the services: `keystone_prepare.py CONFIGURATION WORD... [-- WORD...]`, a command of
keystone-manage between two `--`.
"""

from __future__ import annotations

import sys
from itertools import groupby

from keystone.cmd import cli  # type: ignore[import-not-found]


def main(configuration: str, words: list[str]) -> None:
    """Run the commands in turn."""
    for separator, command in groupby(words, lambda word: word == "--"):
        if not separator:
            cli.main(["keystone-manage", "--config-file", configuration, *command])
            cli.CONF.reset()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
