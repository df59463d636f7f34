"""Where hosts have their packages from: the machine's own sources, asked for another release.

Nothing of it is known here but how such files look (sources.list(5), apt.conf(5)).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from proving.lab.command import run
from proving.lab.machine import Unable

SOURCES_VARIABLE = "STRATUS_LAB_SOURCES"
_ARCHIVES = re.compile(r"(?P<codename>[a-z]+)(?P<part>|-updates|-security)$")
_SETTINGS = re.compile(r"Acquire::(http|https|Check|Retries|Languages|ForceIPv)", re.IGNORECASE)
_ONE_LINE = re.compile(
    r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)"
)
_MACHINE_FILES = ("etc/pip.conf", "etc/ssl/certs/ca-certificates.crt", "usr/local/share/ca-certificates")


@dataclass(frozen=True)
class Source:
    """One source of packages; `suite` is such as `trixie-updates`."""

    uri: str
    suite: str
    components: str

    def text(self) -> str:
        """Return it as deb822."""
        return f"Types: deb\nURIs: {self.uri}\nSuites: {self.suite}\nComponents: {self.components}\n"


def machine_sources(suite: str, etc: Path = Path("/etc")) -> str:
    """Return the sources of a Debian release, as deb822, by the machine's own of its release.

    The file that STRATUS_LAB_SOURCES names goes before. Raises Unable when the machine has none that fit.
    """
    if named := os.environ.get(SOURCES_VARIABLE):
        return Path(named).read_text()
    own = platform.freedesktop_os_release().get("VERSION_CODENAME", "") if etc == Path("/etc") else ""
    made = []
    for source in _sources(etc):
        match = _ARCHIVES.match(source.suite)
        if match and own in ("", match["codename"]):
            made.append(Source(source.uri, suite + match["part"], source.components).text())
    if not any(f"Suites: {suite}\n" in text for text in made):
        raise Unable(
            f"no source of Debian packages was found below {etc}/apt; name a file with sources"
            f" of {suite} (deb822) in {SOURCES_VARIABLE}"
        )
    signed = "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    return "\n".join(text + signed for text in dict.fromkeys(made))


def machine_settings() -> str:
    """Return what the machine says of how packages are fetched: proxies, retries, checks of dates."""
    lines = run(["apt-config", "dump", "--format", '%F "%v";%n', "Acquire"]).splitlines()
    return "".join(f"{line}\n" for line in lines if _SETTINGS.match(line))


def copy_trust(root: Path) -> None:
    """Let a root trust and find what the machine does: authorities, credentials and settings for packages."""
    for name in (*_MACHINE_FILES, "etc/apt/auth.conf", "etc/apt/auth.conf.d"):
        there, here = Path("/") / name, root / name
        here.parent.mkdir(parents=True, exist_ok=True)
        if there.is_dir():
            shutil.copytree(there, here, dirs_exist_ok=True)
        elif there.is_file():
            shutil.copy2(there, here)
    (root / "etc/apt/apt.conf.d/90machine").write_text(machine_settings())


def _sources(etc: Path) -> Iterable[Source]:
    listed = [etc / "apt/sources.list", *sorted((etc / "apt/sources.list.d").glob("*"))]
    for path in listed:
        if path.suffix == ".list" and path.is_file():
            yield from _one_line(path.read_text())
        if path.suffix == ".sources" and path.is_file():
            yield from _deb822(path.read_text())


def _one_line(text: str) -> Iterable[Source]:
    for line in text.splitlines():
        if match := _ONE_LINE.match(line.split("#")[0].strip()):
            yield Source(match["uri"], match["suite"], match["components"].strip())


def _deb822(text: str) -> Iterable[Source]:
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", kept):
        lines = [line.partition(":") for line in stanza.splitlines() if ":" in line]
        fields = {name.strip().lower(): value.strip() for name, _, value in lines}
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(uri, suite, fields.get("components", "main"))
