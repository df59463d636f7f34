"""`stratus-compute check`: whether a nova.conf can be used, before a daemon is started with it."""

from __future__ import annotations

import argparse
import sys

from compute_service.config.load import ConfigError, load, unknown_options

BAD_CONFIGURATION = 78


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("file", nargs="+", help="a configuration file; later ones go over earlier ones")
    parser.add_argument("--strict", action="store_true", help="fail for options that nobody reads, too")


def run(options: argparse.Namespace) -> int:
    """Check the files; returns 0 good, 1 (--strict) options that nobody reads, 78 cannot be used."""
    words = [word for file in options.file for word in ("--config-file", file)]
    try:
        settings = load(words, prog="stratus-compute")
    except ConfigError as error:
        print(f"stratus-compute: {error}", file=sys.stderr)
        return BAD_CONFIGURATION
    unknown = tuple(unknown_options(settings))
    for one in unknown:
        print(f"{one.file}: nobody reads [{one.section}] {one.option}", file=sys.stderr)
    return 1 if unknown and options.strict else 0
