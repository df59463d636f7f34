from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.config.settings import Settings
from compute_service.domain.errors import (
    BuildAborted,
    HostRejected,
    NotFound,
    NotSupported,
    Unavailable,
)
from compute_service.domain.flow import StepKey, StepPhase, StepResult
from compute_service.domain.guest import SnapshotRequest
from compute_service.domain.image import Image
from compute_service.domain.request_id import bound, current
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif
from tests.contract.hypervisor.conftest import BIGGER, DATA, GUEST, guest_spec
from tests.unit.agent.parts import Bench, NoPlacement, step_key, with_options


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, NoPlacement())


def result_of(bench: Bench) -> StepResult:
    bench.stepper.run()
    return bench.conductor.answers[-1][1]


def built(bench: Bench) -> Bench:
    bench.host.service.spawn(step_key("build"), guest_spec())
    bench.stepper.run()
    bench.conductor.answers.clear()
    return bench


def test_spawn_is_answered_with_the_power_state(bench: Bench) -> None:
    bench.host.service.spawn(step_key(), guest_spec())
    assert bench.conductor.answers == []
    assert result_of(bench) == StepResult(ok=True, value={"power_state": 1, "root_device_name": None})
    assert bench.conductor.answers[0][0] == step_key()


def test_a_repeated_message_is_answered_again_and_not_run_again(bench: Bench) -> None:
    bench.host.service.spawn(step_key(), guest_spec())
    bench.host.service.spawn(step_key(), guest_spec())
    bench.stepper.run()
    bench.host.service.spawn(step_key(), guest_spec())
    bench.stepper.run()
    assert len(bench.conductor.answers) == 2
    assert bench.conductor.answers[0] == bench.conductor.answers[1]
    assert bench.images.calls["download"] == 1


def test_a_verb_interrupted_by_a_restart_runs_when_sent_again(bench: Bench) -> None:
    bench.host.service.spawn(step_key(), guest_spec())
    bench.restart()
    bench.host.service.spawn(step_key(), guest_spec())
    assert result_of(bench).ok
    assert len(bench.driver.guests()) == 1


def test_an_answer_lost_by_a_restart_is_given_again(bench: Bench) -> None:
    bench.conductor.refuse = [Unavailable("broker gone")] * 10
    bench.host.service.spawn(step_key(), guest_spec())
    bench.stepper.run()
    assert bench.conductor.answers == []
    bench.conductor.refuse = []
    bench.restart()
    bench.host.service.spawn(step_key(), guest_spec())
    assert result_of(bench).ok
    assert bench.images.calls["download"] == 1


def test_sending_an_answer_is_tried_a_few_times(bench: Bench) -> None:
    bench.conductor.refuse = [Unavailable("broker gone")] * 3
    bench.host.service.power_off(step_key(), GUEST, 0)
    bench.stepper.run()
    assert len(bench.conductor.answers) == 1
    assert bench.clock.slept == [0.5, 1.0, 2.0]


def test_a_do_that_comes_after_its_undo_is_refused(bench: Bench) -> None:
    bench.host.service.destroy(step_key(phase=StepPhase.UNDO), GUEST, True)
    bench.stepper.run()
    bench.host.service.spawn(step_key(), guest_spec())
    found = result_of(bench)
    assert found.failure is not None
    assert found.failure.kind == "Conflict"
    assert bench.driver.guests() == []


def test_a_do_that_waits_in_its_lane_is_not_run_once_its_undo_came(bench: Bench) -> None:
    bench.host.service.power_on(step_key("other"), guest_spec())
    bench.host.service.spawn(step_key(), guest_spec())
    bench.host.service.destroy(step_key(phase=StepPhase.UNDO), GUEST, True)
    bench.stepper.run()
    assert [r.ok for _, r in bench.conductor.answers] == [False, False, True]
    assert bench.images.calls["download"] == 0


@pytest.mark.parametrize("error", [BuildAborted("never"), HostRejected("not here"), NotFound("gone")])
def test_errors_keep_their_kind_and_words(bench: Bench, error: Exception) -> None:
    bench.driver.faults.add("spawn", error)
    bench.host.service.spawn(step_key(), guest_spec())
    failure = result_of(bench).failure
    assert failure is not None
    assert (failure.kind, failure.message) == (type(error).__name__, str(error))
    assert "Traceback" in failure.details


def test_errors_of_kinds_that_the_other_side_does_not_know_are_told_as_what_they_descend_from(
    bench: Bench,
) -> None:
    class DiskFull(HostRejected):
        """Known here alone."""

    bench.driver.faults.add("spawn", DiskFull("full"))
    bench.host.service.spawn(step_key(), guest_spec())
    failure = result_of(bench).failure
    assert failure is not None
    assert failure.kind == "HostRejected"


@pytest.mark.parametrize(("verb", "kind"), [("spawn", "HostRejected"), ("rebuild", "ComputeError")])
def test_surprises_reject_a_build_and_fail_other_work(bench: Bench, verb: str, kind: str) -> None:
    bench.driver.faults.add(verb, ZeroDivisionError("a bug"))
    if verb == "spawn":
        bench.host.service.spawn(step_key(), guest_spec())
    else:
        bench.host.service.rebuild(step_key(), guest_spec(), False)
    failure = result_of(bench).failure
    assert failure is not None
    assert failure.kind == kind
    assert "ZeroDivisionError" in failure.message
    assert "Traceback" in failure.details


def test_builds_wait_for_their_limit_and_other_verbs_do_not(tmp_path: Path) -> None:
    settings = with_options(Settings(), "default", max_concurrent_builds=1, max_concurrent_snapshots=1)
    bench = Bench(tmp_path, NoPlacement(), settings)
    for number in range(3):
        bench.host.service.spawn(step_key(f"f{number}"), guest_spec(uuid=f"g{number}"))
    bench.host.service.power_off(step_key("off"), "another", 0)
    assert bench.stepper.ready == 2
    assert bench.host.service.io_workload == 3


def test_failed_builds_are_counted_until_one_works(bench: Bench) -> None:
    bench.driver.faults.add("spawn", HostRejected("no"), times=2)
    for number in range(2):
        bench.host.service.spawn(step_key(f"f{number}"), guest_spec())
    bench.stepper.run()
    stats = bench.host.beating.facts.read().stats
    assert stats == {"failed_builds": 2, "io_workload": 0, "running_vms": 0}
    bench.driver.faults.add("spawn", BuildAborted("not the host's fault"))
    bench.host.service.spawn(step_key("f3"), guest_spec())
    bench.stepper.run()
    assert bench.host.service.failed_builds == 2
    bench.host.service.spawn(step_key("f4"), guest_spec())
    bench.stepper.run()
    assert bench.host.service.failed_builds == 0


def test_each_power_verb_answers_with_where_it_ended(bench: Bench) -> None:
    service = built(bench).host.service
    verbs = {
        "power_off": lambda k: service.power_off(k, GUEST, 10),
        "power_on": lambda k: service.power_on(k, guest_spec()),
        "reboot": lambda k: service.reboot(k, guest_spec(), True),
        "pause": lambda k: service.pause(k, GUEST),
        "unpause": lambda k: service.unpause(k, GUEST),
        "suspend": lambda k: service.suspend(k, GUEST),
        "resume": lambda k: service.resume(k, guest_spec()),
        "rescue": lambda k: service.rescue(k, guest_spec(), guest_spec().image or Image(id="i")),
        "unrescue": lambda k: service.unrescue(k, guest_spec()),
        "rebuild": lambda k: service.rebuild(k, guest_spec(power=PowerState.SHUTDOWN), True),
    }
    ended = {}
    for name, verb in verbs.items():
        verb(step_key(name))
        ended[name] = PowerState(result_of(bench).value["power_state"]).name
    assert ended == {
        "power_off": "SHUTDOWN",
        "power_on": "RUNNING",
        "reboot": "RUNNING",
        "pause": "PAUSED",
        "unpause": "RUNNING",
        "suspend": "SHUTDOWN",
        "resume": "RUNNING",
        "rescue": "RUNNING",
        "unrescue": "RUNNING",
        "rebuild": "SHUTDOWN",
    }


def test_an_interface_comes_and_goes_once(bench: Bench) -> None:
    service = built(bench).host.service
    nic = Vif(port_id="p", network_id="n", network_label="net", mac="fa:16:3e:00:00:09")
    more = guest_spec().replace(vifs=(*guest_spec().vifs, nic))
    for name in ("attach", "attach", "attach-again"):
        service.attach_nic(step_key(name), more, nic)
        assert result_of(bench) == StepResult(ok=True)
        assert [one.mac_address for one in service.diagnostics(GUEST).nics].count(nic.mac) == 1
    for name in ("detach", "detach", "detach-again"):
        service.detach_nic(step_key(name), more, nic)
        assert result_of(bench) == StepResult(ok=True)
        assert nic.mac not in [one.mac_address for one in service.diagnostics(GUEST).nics]


def test_an_interface_that_could_not_be_attached_whole_is_taken_back(bench: Bench) -> None:
    service = built(bench).host.service
    nic = Vif(port_id="p", network_id="n", network_label="net", mac="fa:16:3e:00:00:09")
    bench.driver.faults.add("attach_nic", half=True)
    service.attach_nic(step_key("attach"), guest_spec(), nic)
    assert not result_of(bench).ok
    service.detach_nic(step_key("detach"), guest_spec(), nic)
    assert result_of(bench).ok
    assert nic.mac not in [one.mac_address for one in service.diagnostics(GUEST).nics]


def test_a_move_answers_with_where_the_disks_are(bench: Bench) -> None:
    service = built(bench).host.service
    service.migrate_out(step_key("m", seq=1), guest_spec(), "h1", None)
    moved = result_of(bench)
    assert moved.value["location"] == f"h1+{GUEST}"
    bench.host.service.migrate_settle(step_key("m", seq=9), GUEST)
    assert result_of(bench) == StepResult(ok=True)


def test_a_resize_on_one_host_and_its_way_back(bench: Bench) -> None:
    driver, service = built(bench).driver, bench.host.service
    service.migrate_out(step_key("m", seq=1), guest_spec(), "h1", None)
    bench.stepper.run()
    moved = driver.migrate_out(guest_spec(), "h1", None)
    service.migrate_in(step_key("m", seq=2), guest_spec(flavor=BIGGER), moved, True)
    assert result_of(bench).ok
    service.destroy(step_key("m", StepPhase.UNDO, seq=2), GUEST, True)
    service.migrate_back(step_key("m", StepPhase.UNDO, seq=1), guest_spec())
    assert result_of(bench).value["power_state"] == PowerState.RUNNING


def test_a_snapshot_is_uploaded_in_the_disks_format(bench: Bench) -> None:
    bench.images.create(Image(id="snap", disk_format="qcow2"))
    built(bench).host.service.snapshot(step_key(), SnapshotRequest(uuid=GUEST, image_id="snap"))
    assert result_of(bench) == StepResult(ok=True)
    assert (bench.images.data["snap"], bench.images.show("snap").disk_format) == (DATA, "raw")


def test_a_snapshot_whose_image_went_away_says_so(bench: Bench) -> None:
    built(bench).host.service.snapshot(step_key(), SnapshotRequest(uuid=GUEST, image_id="snap"))
    failure = result_of(bench).failure
    assert failure is not None
    assert failure.kind == "NotFound"


def test_long_builds_tell_how_far_they_are(bench: Bench) -> None:
    answers = bench.host.service._parts.answers
    tell = answers.progress(step_key())
    for fraction in (0.1, 0.2, 0.3):
        bench.clock.advance(3)
        tell(fraction)
    assert bench.conductor.fractions == [0.2]
    bench.conductor.refuse = [Unavailable("broker gone")]
    bench.clock.advance(10)
    tell(0.9)


def test_work_knows_the_request_it_is_done_for(bench: Bench) -> None:
    seen: list[str | None] = []
    bench.driver.destroy = lambda uuid, disks: seen.append(current())
    with bound("req-1"):
        bench.host.service.destroy(step_key(), GUEST, True)
    bench.stepper.run()
    assert seen == ["req-1"]


def test_console_and_diagnostics_are_answered_at_once(bench: Bench) -> None:
    service = built(bench).host.service
    assert "booting" in service.console_output(GUEST, None)
    assert service.diagnostics(GUEST).num_cpus == 2
    with pytest.raises(NotFound):
        service.console_output("nobody", 10)


class Plain:
    """A driver that can do nothing beyond the core."""

    def destroy(self, uuid: str, disks: bool) -> None: ...


def test_what_the_hypervisor_cannot_do_is_answered_as_not_supported(bench: Bench) -> None:
    bench.host.service._driver = Plain()
    bench.host.service.pause(step_key(), GUEST)
    failure = result_of(bench).failure
    assert failure is not None
    assert failure.kind == "NotSupported"
    with pytest.raises(NotSupported):
        bench.host.service.diagnostics(GUEST)


def test_images_are_fetched_ahead_of_use_and_failures_stay_in_the_log(bench: Bench) -> None:
    bench.host.service.cache_images(("missing", *bench.images.data))
    bench.stepper.run()
    bench.host.service.spawn(step_key(), guest_spec())
    bench.stepper.run()
    assert bench.images.calls["download"] == 1


def test_an_image_that_a_build_reads_is_not_pruned(bench: Bench) -> None:
    seen: list[frozenset[str]] = []
    bench.driver.image_cache_prune = lambda wanted: seen.append(wanted) or []
    spec = guest_spec()
    with bench.host.keeper.using(spec):
        bench.host.keeper.prune()
    bench.host.keeper.prune()
    assert spec.image is not None
    assert seen == [frozenset({spec.image.id}), frozenset()]


def test_images_are_not_pruned_where_that_is_switched_off(tmp_path: Path) -> None:
    settings = with_options(Settings(), "image_cache", remove_unused_base_images=False)
    bench = Bench(tmp_path, NoPlacement(), settings)
    bench.host.keeper.fetch(next(iter(bench.images.data)))
    bench.clock.advance(1e6)
    bench.host.keeper.prune()
    bench.host.keeper.fetch(next(iter(bench.images.data)))
    assert bench.images.calls["download"] == 1


def test_work_that_was_queued_when_the_agent_stopped_runs_when_sent_again(bench: Bench) -> None:
    bench.host.service.spawn(step_key(), guest_spec())
    bench.host.service.power_off(step_key("off"), GUEST, 0)
    assert not bench.host.lanes.drain(0.01)
    assert bench.journal.running() == {step_key()}
    bench.host.service.reboot(step_key("late"), guest_spec(), True)
    assert step_key("late") not in bench.journal.running()


def test_a_journal_that_cannot_be_written_does_not_keep_the_answer_back(bench: Bench) -> None:
    bench.host.service.spawn(step_key(), guest_spec())
    bench.journal._connection.execute("DROP TABLE journal")
    bench.journal.overtaken = lambda key: False
    assert result_of(bench).ok
    assert bench.journal.running() == frozenset[StepKey]()
