from __future__ import annotations

from compute_service.domain.request import Decision
from compute_service.ports.placement import ConsumerAllocations
from compute_service.scheduler.ledger import UNSEEN_SECONDS, Key, Ledger, Pick
from tests.unit.scheduler.world import World, named, node, order, settings_with, world

KEY = ("p", "VCPU")


def pick(consumer: str, host: str = "a", amount: int = 1, group: str | None = None) -> Pick:
    return Pick(consumer, host, {"p": {"VCPU": amount}}, group)


def used(amount: int) -> dict[Key, int]:
    return {KEY: amount}


def missing(ledger: Ledger, mark: int, answered: int, shown: int) -> int:
    return ledger.missing(mark, answered, lambda key: shown).get(KEY, 0)


def test_a_pick_after_the_answer_is_missing_and_one_settled_before_the_question_is_not() -> None:
    ledger = Ledger()
    early, late = pick("early"), pick("late")
    ledger.assume([early], lambda key: 0)
    ledger.settle([early], won=True)
    with ledger.asking() as mark:
        answered = ledger.moment()
        ledger.assume([late], lambda key: 1)
        assert missing(ledger, mark, answered, shown=1) == 1
        ledger.settle([late], won=True)
        assert missing(ledger, mark, answered, shown=1) == 1
        assert missing(ledger, ledger.moment(), ledger.moment(), shown=2) == 0


def test_between_question_and_answer_what_was_believed_decides() -> None:
    ledger = Ledger()
    one = pick("one", amount=2)
    ledger.assume([one], lambda key: 5)
    with ledger.asking() as mark:
        answered = ledger.moment()
        assert missing(ledger, mark, answered, shown=5) == 2
        assert missing(ledger, mark, answered, shown=6) == 1
        assert missing(ledger, mark, answered, shown=7) == 0
        assert missing(ledger, mark, answered, shown=9) == 0
        assert missing(ledger, mark, answered, shown=0) == 2
        ledger.settle([one], won=False)
        assert missing(ledger, mark, answered, shown=5) == 0


def test_picked_servers_count_on_their_host_until_the_database_shows_them() -> None:
    ledger = Ledger()
    picks = [pick("s1"), pick("s2"), pick("s3", "b")]
    ledger.assume(picks, lambda key: 0)
    assert ledger.instances == {"a": 2, "b": 1}
    ledger.settle(picks, won=True)
    ledger.sight({"s1", "s3"}, now=1.0)
    assert ledger.instances == {"a": 1}
    assert ledger.hosts_of(("s1", "s2")) == {"s2": "a"}
    ledger.sight((), now=UNSEEN_SECONDS + 1)
    assert not ledger.instances


def test_a_server_that_is_picked_again_counts_once() -> None:
    ledger = Ledger()
    for host in ("a", "b"):
        moved = pick("s1", host)
        ledger.assume([moved], lambda key: 0)
        ledger.settle([moved], won=True)
    assert ledger.instances == {"b": 1}


def test_a_lost_claim_counts_nowhere() -> None:
    ledger = Ledger()
    lost = pick("s1", group="g")
    ledger.assume([lost], lambda key: 0)
    ledger.settle([lost], won=False)
    assert not ledger.instances
    assert ledger.members("g", 0) == {}


def test_a_member_counts_for_those_who_read_the_database_before_it_was_seen() -> None:
    ledger = Ledger()
    member = pick("s1", group="g")
    ledger.assume([member], lambda key: 0)
    ledger.settle([member], won=True)
    with ledger.asking() as before:
        ledger.sight({"s1"}, now=0.0)
        assert ledger.members("g", before) == {"s1": "a"}
        assert ledger.members("other", before) == {}
        with ledger.asking() as after:
            assert ledger.members("g", after) == {}
    assert ledger.members("g", 0) == {}


def within_the_claim(some: World) -> list[Decision]:
    """Select once, and once more while the first claim is on its way."""
    decisions: list[Decision] = []
    claim = some.placement.claim_many

    def slow_claim(claims: tuple[ConsumerAllocations, ...]) -> None:
        some.placement.claim_many = claim  # type: ignore[method-assign]
        decisions.append(some.selector.select(order()))
        claim(claims)

    some.placement.claim_many = slow_claim  # type: ignore[method-assign]
    decisions.append(some.selector.select(order()))
    return decisions


def test_a_place_that_is_about_to_be_taken_is_left_alone() -> None:
    by_memory = settings_with(weight_classes=("RAMWeigher",))
    some = world([node("best", vcpus=1, memory_mb=10**6), node("good", vcpus=1)], by_memory)
    second, first = within_the_claim(some)
    assert [d.selections[0].claim.host for d in (first, second)] == ["best", "good"]
    assert some.placement.calls["claim_many"] == 2


def test_a_place_that_is_about_to_be_taken_is_tried_when_there_is_no_other() -> None:
    """The claim that is on its way may fail, and only placement knows what fits."""
    some = world([node("only", vcpus=1)])
    second, first = within_the_claim(some)
    assert second.selections[0].claim.host == "only"
    assert first.selections == ()
    assert some.placement.used(named("only"), "VCPU") == 1
