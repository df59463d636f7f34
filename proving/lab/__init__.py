"""The lab: disposable Debian hosts on one machine, each a system container with its own systemd and network.

    with lab("mine", LabPlan(hosts=("h1", "h2"))) as made:
        made.hosts["h1"].run("ping", "-c1", "h2")

`python -m proving.lab create mine --hosts 2` makes one that stays until `destroy mine`.
"""

from __future__ import annotations

from proving.lab.host import Host
from proving.lab.lab import Lab, destroy, lab, labs, open_lab, sweep
from proving.lab.machine import Unable, check_machine
from proving.lab.plan import LabPlan

__all__ = ["Host", "Lab", "LabPlan", "Unable", "check_machine", "destroy", "lab", "labs", "open_lab", "sweep"]
