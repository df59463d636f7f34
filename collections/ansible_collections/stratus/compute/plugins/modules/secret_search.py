#!/usr/bin/python
"""Looks for a site's secrets where anybody could read them."""

from __future__ import annotations

DOCUMENTATION = """
module: secret_search
short_description: Look for secrets where others can read them
description:
  - Looks at the arguments of all processes, at the journal, at logs, and at all files below O(paths)
    that everybody may read.
  - It tells the name of a secret and the place, never the secret, and fails when it found one.
author: The Stratus authors
options:
  secrets:
    description:
      - The secrets by name. Those shorter than eight characters and public halves of keys are passed over.
    type: dict
    required: true
  paths:
    description: Directories whose world-readable files are looked at.
    type: list
    elements: str
    default: [/etc, /home, /opt, /root, /run, /srv, /tmp, /usr/local, /var]
  logs:
    description: Directories whose files are looked at whoever may read them.
    type: list
    elements: str
    default: [/var/log]
  journal:
    description: Whether to look at the journal.
    type: bool
    default: true
  size_mb:
    description: How much of a file is looked at.
    type: int
    default: 64
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Expect no secret in sight
  stratus.compute.secret_search:
    secrets: "{{ stratus_secrets }}"
"""

RETURN = """
found:
  description: The places and the names of the secrets.
  type: list
  elements: str
  returned: always
looked:
  description: How many processes, files and bytes of the journal were looked at.
  type: dict
  returned: always
"""

import base64  # noqa: E402
import glob  # noqa: E402
import os  # noqa: E402
import stat  # noqa: E402
import subprocess  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from typing import Any  # noqa: E402
from urllib.parse import quote  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

SHORTEST = 8
PARTS = ("private",)
"""What of a secret with several parts is secret."""
FOLDERS = ("/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr/local", "/var")  # noqa: S108
_CHUNK = 1 << 20
_SKIPPED = ("/proc", "/sys", "/dev")


def spellings(secrets: dict[str, Any]) -> dict[bytes, str]:
    """Return how secrets may be written (as they are, in an address, in base64), with their names."""
    found: dict[bytes, str] = {}
    for name, value in _told(secrets):
        text = str(value).strip()
        if len(text) >= SHORTEST:
            plain = text.encode()
            for one in (plain, quote(text, safe="").encode(), base64.b64encode(plain).rstrip(b"=")):
                found[one] = name
    return found


def _told(secrets: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the secrets, with those that are a part of others; a key's public half is none."""
    for name, value in secrets.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{part}", text) for part, text in value.items() if part in PARTS)
        else:
            yield name, value


def names_in(data: bytes, wanted: dict[bytes, str]) -> set[str]:
    """Return the names of the secrets that are in a text."""
    return {name for text, name in wanted.items() if text in data}


def names_in_stream(chunks: Iterator[bytes], wanted: dict[bytes, str]) -> set[str]:
    """Return the names of the secrets in a text that comes in pieces, also of those cut by them."""
    overlap = max(map(len, wanted), default=1) - 1
    found: set[str] = set()
    before = b""
    for chunk in chunks:
        data = before + chunk
        found |= names_in(data, wanted)
        before = data[-overlap:] if overlap else b""
    return found


def readable_files(folders: list[str], everybody: bool) -> Iterator[str]:
    """Yield the files below folders; with `everybody`, those that others may read and reach."""
    for folder in folders:
        for here, below, files in os.walk(folder):
            if everybody:
                below[:] = [name for name in below if _mode(os.path.join(here, name)) & stat.S_IXOTH]
                if not _mode(here) & stat.S_IXOTH:
                    continue
            if here.startswith(_SKIPPED):
                below[:] = []
                continue
            for name in files:
                path = os.path.join(here, name)
                mode = _mode(path)
                if stat.S_ISREG(mode) and (not everybody or mode & stat.S_IROTH):
                    yield path


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _chunks(path: str, limit: int) -> Iterator[bytes]:
    with open(path, "rb") as file:
        left = limit
        while left > 0 and (data := file.read(min(_CHUNK, left))):
            left -= len(data)
            yield data


class Search:
    """One search: what was found, and how much was looked at."""

    def __init__(self, wanted: dict[bytes, str]) -> None:
        self.wanted = wanted
        self.found: list[str] = []
        self.looked = {"processes": 0, "files": 0, "journal_bytes": 0}

    def processes(self) -> None:
        """Look at the arguments of all processes."""
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except OSError:
                continue
            self.looked["processes"] += 1
            program = data.split(b"\0")[0].decode(errors="replace")
            self._tell(
                f"the arguments of process {path.split('/')[2]} ({program})", names_in(data, self.wanted)
            )

    def files(self, folders: list[str], everybody: bool, limit: int) -> None:
        """Look at files."""
        for path in readable_files(folders, everybody):
            try:
                names = names_in_stream(_chunks(path, limit), self.wanted)
            except OSError:
                continue
            self.looked["files"] += 1
            self._tell(path, names)

    def journal(self) -> None:
        """Look at the journal."""
        command = ["journalctl", "--no-pager", "--output=export", "--all"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:  # noqa: S603
            self._tell("the journal", names_in_stream(self._read(running.stdout), self.wanted))

    def _read(self, pipe: Any) -> Iterator[bytes]:
        while data := pipe.read(_CHUNK):
            self.looked["journal_bytes"] += len(data)
            yield data

    def _tell(self, place: str, names: set[str]) -> None:
        self.found += [f"{name} is in {place}" for name in sorted(names)]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "secrets": {"type": "dict", "required": True, "no_log": True},
            "paths": {
                "type": "list",
                "elements": "str",
                "default": list(FOLDERS),
            },
            "logs": {"type": "list", "elements": "str", "default": ["/var/log"]},
            "journal": {"type": "bool", "default": True},
            "size_mb": {"type": "int", "default": 64},
        },
        supports_check_mode=True,
    )
    asked = module.params
    search = Search(spellings(asked["secrets"]))
    search.processes()
    search.files(asked["paths"], True, asked["size_mb"] << 20)
    search.files(asked["logs"], False, asked["size_mb"] << 20)
    if asked["journal"]:
        search.journal()
    found = sorted(set(search.found))
    if found:
        module.fail_json(msg=f"Secrets are in sight: {'; '.join(found)}", found=found, looked=search.looked)
    module.exit_json(changed=False, found=[], looked=search.looked)


if __name__ == "__main__":
    main()
