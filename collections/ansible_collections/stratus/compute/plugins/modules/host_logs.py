#!/usr/bin/python
"""What tells of a host's troubles, in one archive, without the site's secrets."""

from __future__ import annotations

DOCUMENTATION = """
module: host_logs
short_description: Collect a host's journals, logs and state in an archive
description:
  - Writes a compressed archive, readable by its owner only. Every secret in it is replaced by a mark.
  - Of each log the end is taken.
author: The Stratus authors
options:
  dest:
    description: The archive, such as /run/logs.tar.gz.
    type: path
    required: true
  units:
    description: The units whose journals are taken.
    type: list
    elements: str
    default: []
  paths:
    description: Patterns of files that are taken.
    type: list
    elements: str
    default: []
  commands:
    description: Commands whose output is taken, by the name that it gets. One that is missing is passed over.
    type: dict
    default: {}
  secrets:
    description: What must not be in it.
    type: list
    elements: str
    default: []
  lines:
    description: How many lines of a journal.
    type: int
    default: 5000
  size_kb:
    description: How much of a file.
    type: int
    default: 2048
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Collect
  stratus.compute.host_logs:
    dest: /run/logs.tar.gz
    units: [nova-api]
    paths: [/var/log/nova/*.log]
"""

RETURN = """
files:
  description: What the archive has.
  type: list
  elements: str
  returned: success
hidden:
  description: How often a secret was replaced.
  type: int
  returned: success
"""

import base64  # noqa: E402
import glob  # noqa: E402
import io  # noqa: E402
import os  # noqa: E402
import tarfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from typing import Any  # noqa: E402
from urllib.parse import quote  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

MARK = b"***"
_SHORTEST = 6


def spellings(secrets: list[str]) -> list[bytes]:
    """Return how secrets may be written: as they are, in an address, in base64. Longest first."""
    found: set[bytes] = set()
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            plain = secret.encode()
            found |= {plain, quote(secret, safe="").encode(), base64.b64encode(plain).rstrip(b"=")}
    return sorted(found, key=len, reverse=True)


def hide(data: bytes, secrets: list[bytes]) -> tuple[bytes, int]:
    """Return text without secrets, and how many were in it."""
    count = 0
    for secret in secrets:
        if secret in data:
            count += data.count(secret)
            data = data.replace(secret, MARK)
    return data, count


def end_of(path: str, size: int) -> bytes:
    """Return the end of a file, from the beginning of a line."""
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        start = max(0, file.tell() - size)
        file.seek(start)
        data = file.read(size)
    return data.partition(b"\n")[2] if start else data


def matching(pattern: str) -> set[str]:
    """Return the files that a pattern names; `{a,b}` in it stands for either."""
    before, brace, rest = pattern.partition("{")
    if not brace:
        return set(glob.glob(pattern, recursive=True))
    words, _, after = rest.partition("}")
    return {path for word in words.split(",") for path in matching(before + word + after)}


def _collected(module: AnsibleModule) -> Iterator[tuple[str, bytes]]:
    asked = module.params
    for name, words in sorted(asked["commands"].items()):
        code, out, err = module.run_command(words, handle_exceptions=False) if _there(words) else (0, "", "")
        if out or err:
            yield f"{name}.txt", f"{out}{err}{'' if code == 0 else f'ended with {code}'}\n".encode()
    for unit in asked["units"]:
        words = ["journalctl", "--no-pager", "--output=short-iso", f"--lines={asked['lines']}"]
        yield f"journal/{unit}.txt", module.run_command([*words, f"--unit={unit}"])[1].encode()
    for path in sorted(path for pattern in asked["paths"] for path in matching(pattern)):
        if os.path.isfile(path):
            yield f"files{path}", end_of(path, asked["size_kb"] * 1024)


def _there(words: list[str]) -> bool:
    return any(os.access(os.path.join(folder, words[0]), os.X_OK) for folder in ("/usr/sbin", "/usr/bin"))


def _write(module: AnsibleModule, secrets: list[bytes]) -> dict[str, Any]:
    files, hidden = [], 0
    handle = os.open(module.params["dest"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, data in _collected(module):
            clean, count = hide(data, secrets)
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(clean), 0o600, int(time.time())
            archive.addfile(entry, io.BytesIO(clean))
            files.append(name)
            hidden += count
    return {"files": files, "hidden": hidden}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "dest": {"type": "path", "required": True},
            "units": {"type": "list", "elements": "str", "default": []},
            "paths": {"type": "list", "elements": "str", "default": []},
            "commands": {"type": "dict", "default": {}},
            "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
            "lines": {"type": "int", "default": 5000},
            "size_kb": {"type": "int", "default": 2048},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, files=[], hidden=0)
    module.exit_json(changed=True, **_write(module, spellings(module.params["secrets"])))


if __name__ == "__main__":
    main()
