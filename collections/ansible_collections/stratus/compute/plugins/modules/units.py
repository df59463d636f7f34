#!/usr/bin/python
"""Units: whether they run, what their journals say when they do not; started and stopped in order."""

from __future__ import annotations

DOCUMENTATION = """
module: units
short_description: Expect units to run, start them or stop them
description:
  - Expects units to run, or starts, stops or restarts them one after the other in the order given, in one go.
  - Fails with the names of the units that are not so, and the last lines of each one's journal.
author: The Stratus authors
options:
  names:
    description: The units.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(running) expects them to run. V(started) starts and enables those that are not.
      - V(stopped) stops them; one that there is not counts as stopped.
      - V(restarted) restarts those that run.
    type: str
    choices: [running, started, stopped, restarted]
    default: running
  after:
    description:
      - Files that a unit reads when it starts. V(started) and V(restarted) restart those that run since
        before one of these was changed, and V(restarted) then no others.
      - This is how a run heals what one before it changed and did not live to restart.
    type: list
    elements: path
    default: []
  patience:
    description:
      - The seconds that a unit has which systemd is starting, such as once more after its first start failed
        because what it needs was itself being started.
    type: int
    default: 30
  lines:
    description: How many lines of a journal to show.
    type: int
    default: 15
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Expect the API to run
  stratus.compute.units:
    names: [nova-api]
- name: Start the control plane, the conductor first
  stratus.compute.units:
    names: [nova-conductor, nova-scheduler, nova-api]
    state: started
- name: Start the API, or start it anew where its configuration is newer than it
  stratus.compute.units:
    names: [nova-api]
    state: started
    after: [/etc/nova/nova.conf]
"""

RETURN = """
states:
  description: The state of each unit afterwards.
  type: dict
  returned: always
touched:
  description: The units that were started, enabled, stopped or restarted.
  type: list
  elements: str
  returned: always
journals:
  description: The last lines of the journals of those that are not as they should be.
  type: dict
  returned: failure
"""

import os  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

PROPERTIES = ("ActiveState", "UnitFileState", "InactiveExitTimestampMonotonic")
_BETWEEN_SECONDS = 0.5
ENABLED = ("enabled", "enabled-runtime", "static", "indirect", "alias")
VERBS = {"started": "start", "stopped": "stop", "restarted": "try-restart"}

Unit = dict[str, str]


def parsed(text: str) -> list[Unit]:
    """Return the properties of units as `systemctl show` prints them, in their order."""
    return [
        {name: value for name, _, value in (line.partition("=") for line in block.splitlines())}
        for block in text.strip("\n").split("\n\n")
    ]


def changed_at(paths: list[str]) -> float:
    """Return when the last of these files was changed, on the clock that counts from the boot; 0.0 for none.

    One that is dated later than now tells nothing: the host's clock was set back since.
    """
    offset, now = time.time() - time.monotonic(), time.time()
    changes = [os.lstat(path).st_ctime for path in paths if os.path.lexists(path)]
    return max((change - offset for change in changes if change <= now), default=0.0)


def outdated(unit: Unit, changed: float) -> bool:
    """Tell whether a unit runs since before that time, on the clock that counts from the boot."""
    began = int(unit.get("InactiveExitTimestampMonotonic") or 0) / 1e6
    return unit["ActiveState"] in ("active", "reloading", "activating") and 0 < began < changed


def wanting(state: str, unit: Unit, changed: float | None = None) -> bool:
    """Tell whether something is to be done to a unit for it to be as it should, with files of that age."""
    active = unit["ActiveState"] in ("active", "reloading")
    old = changed is not None and outdated(unit, changed)
    if state == "started":
        return not active or unit["UnitFileState"] not in ENABLED or old
    if state == "stopped":
        return unit["ActiveState"] in ("active", "reloading", "activating", "deactivating")
    running = unit["ActiveState"] in ("active", "reloading", "activating")
    return state == "restarted" and running and (old or changed is None)


def _units(module: AnsibleModule) -> dict[str, Unit]:
    names = module.params["names"]
    words = [f"--property={name}" for name in PROPERTIES]
    _, out, _ = module.run_command(["systemctl", "show", *words, "--", *names])
    units = dict(zip(names, parsed(out), strict=True))
    for name, unit in units.items():
        # Of units made from init scripts, only this tells whether they are enabled.
        if unit["UnitFileState"] == "generated":
            unit["UnitFileState"] = module.run_command(["systemctl", "is-enabled", "--", name])[1].strip()
    return units


def settled(names: list[str], ask: Callable[[], dict[str, Unit]], patience: float) -> dict[str, Unit]:
    """Ask for units until none of these is being started any more, or for as long as there is patience."""
    end = time.monotonic() + patience
    units = ask()
    while any(units[name]["ActiveState"] == "activating" for name in names) and time.monotonic() < end:
        time.sleep(_BETWEEN_SECONDS)
        units = ask()
    return units


def _change(module: AnsibleModule, touched: list[str], units: dict[str, Unit], changed: float | None) -> None:
    state = module.params["state"]
    idle = [name for name in touched if units[name]["UnitFileState"] not in ENABLED]
    if state == "started" and idle:
        code, _, err = module.run_command(["systemctl", "enable", "--", *idle])
        if code != 0:
            module.fail_json(msg=f"These units could not be enabled: {', '.join(idle)}", stderr=err)
    for name in touched:
        again = state == "started" and changed is not None and outdated(units[name], changed)
        module.run_command(["systemctl", "restart" if again else VERBS[state], "--", name])
    if state == "stopped":
        # One that ended with an error when it was told to stop did not fail.
        module.run_command(["systemctl", "reset-failed", "--", *touched])


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["running", *VERBS], "default": "running"},
            "after": {"type": "list", "elements": "path", "default": []},
            "patience": {"type": "int", "default": 30},
            "lines": {"type": "int", "default": 15},
        },
        supports_check_mode=True,
    )
    names, state = module.params["names"], module.params["state"]
    if not names:
        module.exit_json(changed=False, states={}, touched=[])
    changed = changed_at(module.params["after"]) if module.params["after"] else None
    units = _units(module)
    touched = [name for name in names if wanting(state, units[name], changed)]
    if touched and not module.check_mode:
        if state != "stopped":
            # A file may have come in place of what systemd knows, such as of a unit from an init script.
            module.run_command(["systemctl", "daemon-reload"])
            units = _units(module)
            touched = [name for name in names if name in touched or wanting(state, units[name], changed)]
        _change(module, touched, units, changed)
        units = settled(
            [] if state == "stopped" else touched, lambda: _units(module), module.params["patience"]
        )
    states = {name: unit["ActiveState"] for name, unit in units.items()}
    if state == "stopped":
        wrong = [name for name in names if wanting(state, units[name])]
    else:
        wrong = [name for name in (touched if state == "restarted" else names) if states[name] != "active"]
    if not wrong or (module.check_mode and state != "running"):
        module.exit_json(changed=bool(touched), states=states, touched=touched)
    _fail(module, wrong, states, touched)


def _fail(module: AnsibleModule, wrong: list[str], states: dict[str, str], touched: list[str]) -> None:
    lines = str(module.params["lines"])
    journals = {
        name: module.run_command(
            ["journalctl", "--no-pager", "--output=cat", "--lines", lines, "--unit", name]
        )[1]
        for name in wrong
    }
    told = ", ".join(f"{name} ({states[name]})" for name in wrong)
    not_so = "do not stop" if module.params["state"] == "stopped" else "do not run"
    module.fail_json(
        msg=f"These units {not_so}: {told}. On this host: systemctl status {' '.join(wrong)}",
        states=states,
        journals=journals,
        touched=touched,
        changed=bool(touched),
    )


if __name__ == "__main__":
    main()
