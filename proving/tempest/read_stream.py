"""Prints the results of a run, one JSON object a test: id, status and why. Runs in tempest's own environment.

`python read_stream.py STREAM`, where STREAM is a file in the repository of stestr.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import subunit
from testtools import StreamToDict

_DETAILS = ("traceback", "reason")


def main(path: str) -> None:
    """Print what is in the stream."""
    told = StreamToDict(_tell)
    told.startTestRun()
    with open(path, "rb") as stream:
        subunit.ByteStreamToStreamResult(stream, non_subunit_name="stdout").run(told)
    told.stopTestRun()


def _tell(test: dict[str, Any]) -> None:
    """Print one test; what was said on standard output is none."""
    if test["status"] in ("success", "fail", "skip", "inprogress") and test["id"] != "stdout":
        details = test["details"]
        why = next((details[name].as_text() for name in _DETAILS if name in details), "")
        print(json.dumps({"id": test["id"], "status": test["status"], "why": why}))


if __name__ == "__main__":
    main(sys.argv[1])
