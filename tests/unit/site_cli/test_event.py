from __future__ import annotations

from typing import Any

from site_cli.event import event_of


def raw(name: str, **data: Any) -> dict[str, Any]:
    """Return an event as ansible-runner gives it."""
    return {"event": name, "event_data": data}


def test_a_task_that_changed_a_host_tells_how_long_it_took() -> None:
    event = event_of(raw("runner_on_ok", host="h1", task="Install", duration=2.5, res={"changed": True}))
    assert event is not None
    assert (event.kind, event.host, event.task, event.seconds, event.changed) == (
        "ok",
        "h1",
        "Install",
        2.5,
        True,
    )


def test_a_failure_tells_why_where_and_of_which_unit() -> None:
    event = event_of(
        raw(
            "runner_on_failed",
            host="h1",
            task="Start",
            task_path="/site/roles/x/tasks/main.yml:7",
            task_action="ansible.builtin.systemd_service",
            res={"msg": "no", "stderr": "worse", "invocation": {"module_args": {"name": "nova-compute"}}},
        )
    )
    assert event is not None
    assert event.message == "no\nworse"
    assert event.unit == "nova-compute"
    assert event.where.endswith("main.yml:7")


def test_a_failure_of_another_kind_of_task_names_no_unit() -> None:
    arguments = {"module_args": {"name": "curl"}}
    event = event_of(
        raw("runner_on_failed", task_action="ansible.builtin.apt", res={"invocation": arguments})
    )
    assert event is not None
    assert event.unit == ""


def test_a_failure_that_is_hidden_tells_that_it_is() -> None:
    event = event_of(raw("runner_on_failed", res={"censored": "hidden", "changed": False}))
    assert event is not None
    assert event.message == "hidden"


def test_what_a_task_that_went_well_said_is_not_kept() -> None:
    event = event_of(raw("runner_on_ok", res={"msg": "a secret", "stderr": "another"}))
    assert event is not None
    assert event.message == ""


def test_counts_are_by_host_in_our_words() -> None:
    event = event_of(raw("playbook_on_stats", ok={"h1": 3}, failures={"h1": 1}, dark={"h2": 1}))
    assert event is not None
    assert event.stats["h1"] == {
        "ok": 3,
        "changed": 0,
        "failed": 1,
        "unreachable": 0,
        "skipped": 0,
        "rescued": 0,
    }
    assert event.stats["h2"]["unreachable"] == 1


def test_what_nobody_needs_to_know_is_no_event() -> None:
    assert event_of(raw("verbose")) is None
    assert event_of({}) is None
