"""What the modules share that look at a site as its administrator and try servers on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any


class Failed(Exception):
    """What was not as it should be."""


def connect(params: dict[str, Any], project: str | None = None) -> Any:
    """Return a connection as the administrator, in another project when one is named.

    `params` are a module's: `auth`, `region`, `cafile`.
    """
    import openstack

    auth = {"user_domain_name": "Default", "project_domain_name": "Default", **params["auth"]}
    if project:
        auth["project_name"] = project
    return openstack.connection.Connection(
        auth=auth, region_name=params["region"], verify=params["cafile"] or True, app_name="stratus"
    )


def until(true: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Wait. Raises Failed with the words of `otherwise` when it has not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise Failed(f"{otherwise} within {seconds} s")
        time.sleep(1)


def take(steps: Iterable[Callable[[], None]]) -> tuple[dict[str, float], str]:
    """Take steps up to the first that fails; return how long each took, and why it failed, or nothing."""
    seconds: dict[str, float] = {}
    for step in steps:
        started = time.monotonic()
        try:
            step()
        except Failed as error:
            return seconds, str(error)
        except Exception as error:
            return seconds, f"{type(error).__name__}: {error}"
        seconds[step.__name__.strip("_")] = round(time.monotonic() - started, 1)
    return seconds, ""
