"""The report of a site as one HTML file that needs nothing else: no scripts, no other files, no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from site_cli.hosts import SiteHost
from site_cli.record import Check, Run
from site_cli.topology import picture

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5c6878; --line: #d5dbe3; --paper: #fff;
  --soft: #f3f6fa;
  --good: #1a7f4b; --bad: #b3261e; --bar: #3b6fb6; --out: #b7791f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --dim: #9aa7b8; --line: #38424f;
  --paper: #161b22;
  --soft: #1f2630; --good: #4cc38a; --bad: #ff7b72; --bar: #6ea3e8; --out: #e0b060; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1.2rem; }
h1 { margin: 0; font-size: 1.7rem; } h2 { margin: 2.2rem 0 .6rem; font-size: 1.15rem; }
p { margin: .3rem 0; } .dim { color: var(--dim); fill: var(--dim); }
.verdict { font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: var(--dim); font-weight: 500; }
td, th { padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.bar { background: var(--bar); height: .7rem; border-radius: 3px; min-width: 2px; } .wide { width: 45%; }
pre { white-space: pre-wrap; margin: .2rem 0; font-size: .85rem; } .picture { overflow-x: auto; }
svg { max-width: 100%; height: auto; } svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg text.name { font-size: 16px; font-weight: 600; } svg text.dim { fill: var(--dim); }
svg .host { fill: var(--soft); stroke: var(--line); } svg .net { stroke: var(--bar); stroke-width: 4; }
svg .out { stroke: var(--out); stroke-width: 4; } svg .cable { stroke: var(--dim); stroke-width: 2; }
"""
_ENDINGS = {
    0: "went well",
    2: "failed",
    3: "did not reach a host",
    4: "refused to begin",
    5: "was interrupted",
}


@dataclass(frozen=True, slots=True)
class Site:
    """What a report tells of: `runs` the oldest first."""

    name: str
    hosts: Sequence[SiteHost]
    runs: Sequence[Run]

    def last(self, playbook: str) -> Run | None:
        """Return the latest run of a playbook."""
        return next((run for run in reversed(self.runs) if run.playbook == playbook), None)


def page(site: Site) -> str:
    """Return the HTML."""
    sections = [
        f'<h2>Topology</h2><div class="picture">{picture(site.hosts)}</div>',
        _verification(site.last("verify")),
        _timings(site.last("site")),
        _versions(site.hosts),
        _history(site.runs),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(site.name)} · Stratus</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>{escape(site.name)}</h1>\n{_verdict(site)}\n"
        + "\n".join(filter(None, sections))
        + "\n</body></html>\n"
    )


def _verdict(site: Site) -> str:
    count = f"{len(site.hosts)} host{'s' if len(site.hosts) != 1 else ''}"
    lines = [f'<p class="dim">A Stratus site of {count}</p>']
    for verb, run in (("deploy", site.last("site")), ("verify", site.last("verify"))):
        if run is None:
            lines.append(f'<p><span class="verdict dim">{verb}</span>: not run yet</p>')
        else:
            lines.append(
                f'<p><span class="verdict {_class(run.code)}">{verb} {_ending(run.code)}</span>'
                f' <span class="dim">in {_time(run.seconds)}, {_when(run)}</span></p>'
            )
    return "\n".join(lines)


def _verification(run: Run | None) -> str:
    if run is None:
        return ""
    rows = [_check(check) for check in run.checks]
    bad = sum(check.outcome in ("failed", "unreachable") for check in run.checks)
    told = f"{len(rows) - bad} of {len(rows)} checks and steps went well."
    return f"<h2>Verification</h2><p>{told}</p>" + _table(("", "what", "host", "seconds"), rows)


def _check(check: Check) -> list[str]:
    good = check.outcome in ("ok", "ignored")
    mark = f'<span class="{"good" if good else "bad"}">{"✓" if good else "✗"} {check.outcome}</span>'
    said = f"<pre>{escape(check.message)}</pre>" if check.message else ""
    return [mark, escape(check.task) + said, escape(check.host), f"{check.seconds:.1f}"]


def _timings(run: Run | None) -> str:
    if run is None or not run.parts:
        return ""
    longest = max(run.parts.values()) or 1.0
    rows = [
        [
            escape(part),
            f'<div class="bar" style="width:{100 * seconds / longest:.0f}%"></div>',
            f"{seconds:.1f}",
        ]
        for part, seconds in sorted(run.parts.items(), key=lambda row: -row[1])
    ]
    return "<h2>Where the time of the deployment went</h2>" + _table(("role or play", "", "seconds"), rows)


def _versions(hosts: Sequence[SiteHost]) -> str:
    names = list(dict.fromkeys(name for host in hosts for name in host.versions))
    if not names:
        return ""
    shown = [host for host in hosts if host.versions]
    rows = [[escape(name), *(escape(host.versions.get(name, "")) for host in shown)] for name in names]
    return "<h2>Versions</h2>" + _table(("", *(host.name for host in shown)), rows)


def _history(runs: Sequence[Run]) -> str:
    rows = [
        [
            escape(_when(run)),
            escape(run.playbook),
            f'<span class="{_class(run.code)}">{_ending(run.code)}</span>',
            str(sum(counts.get("changed", 0) for counts in run.hosts.values())),
            f"{run.seconds:.0f}",
        ]
        for run in reversed(runs)
    ]
    return (
        "<h2>Runs</h2>" + _table(("when", "what", "how it ended", "changes", "seconds"), rows) if rows else ""
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def kind(index: int) -> str:
        if heads[index] in ("seconds", "changes"):
            return ' class="number"'
        return ' class="wide"' if not heads[index] and index == 1 else ""

    head = "".join(f"<th{kind(index)}>{escape(text)}</th>" for index, text in enumerate(heads))
    body = "\n".join(
        "<tr>" + "".join(f"<td{kind(index)}>{cell}</td>" for index, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _class(code: int) -> str:
    return "good" if code == 0 else "bad"


def _ending(code: int) -> str:
    return _ENDINGS.get(code, f"ended with {code}")


def _when(run: Run) -> str:
    return run.began.replace("T", " ").replace("+00:00", " UTC")


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
