"""How far a run is, as its entries in the journal tell."""

import pytest
from support.builders import (
    a_purchase,
    a_purchase_of_several,
    a_recorded,
    a_release,
    an_address,
    an_intent,
)

from provisioner.model.event import EventType
from provisioner.model.flow import Effect
from provisioner.model.history import HistoryRecord
from provisioner.model.journal import (
    GONE,
    Adopted,
    Answered,
    Fenced,
    Forgotten,
    Imported,
    Intended,
    Moved,
    Remembered,
    RunEnded,
    RunStarted,
    Settled,
)
from provisioner.model.resource import Phase
from provisioner.model.run_progress import RunTracker, run_progress

BEGAN = 1_790_000_000_000


def started(run: str = "run-1", **planned: int) -> RunStarted:
    return RunStarted(run, "apply", "ana@laptop", "0.1.0", planned=planned)


def records(*entries, first: int = 1):
    return [HistoryRecord(at, BEGAN + 1000 * (at - 1), f"{at}", entry) for at, entry in enumerate(entries, start=first)]


def told(*entries) -> str:
    return str(run_progress(records(*entries)))


def bought(address: str) -> tuple:
    return (Intended(an_intent(address)), Answered(f"intent-for-{address}", 200, id=f"id-of-{address}"))


def reached(address: str, phase: Phase, **facts) -> Remembered:
    return Remembered(an_address(address), phase, **facts)


def test_each_step_of_a_purchase_counts_once() -> None:
    run = started(create=3)
    assert told(run) == "0 of 3 done"
    assert told(run, Intended(an_intent("a"))) == "0 of 3 done, 1 under way"
    assert told(run, *bought("a"), reached("a", Phase.CREATING)) == "0 of 3 done, 1 under way"
    assert told(run, *a_purchase("a")) == "1 of 3 done"
    assert told(run, *a_purchase("a"), *a_purchase("b"), *bought("c")) == "2 of 3 done, 1 under way"
    failed = run_progress(records(run, *a_purchase("a"), *bought("b"), reached("b", Phase.FAILED), *bought("c")))
    assert (failed.sent, failed.answered, failed.ready, failed.failed) == (3, 3, 1, 1)
    assert str(failed) == "1 of 3 done, 1 under way, 1 failed"


def test_a_refused_purchase_has_failed_and_may_be_sent_again() -> None:
    refused = Settled("intent-for-a", "refused", "sold out", status=400)
    assert told(started(create=1), Intended(an_intent("a")), refused) == "0 of 1 done, 1 failed"
    assert told(started(create=1), Intended(an_intent("a")), refused, *a_purchase("a")) == "1 of 1 done"


def test_one_call_for_several_servers_counts_each_of_them() -> None:
    together = a_purchase_of_several("pool[0]", "pool[1]")
    progress = run_progress(records(started(create=2), Intended(together), Answered(together.id, 200, order_id="CS1")))
    assert (progress.sent, progress.answered, progress.under_way) == (2, 2, 2)


def test_a_replaced_server_is_not_done_when_the_old_one_is_released() -> None:
    release = an_intent("a", id="r-1", effect=Effect.DESTRUCTIVE, target_id="id-of-a")
    gone = (Intended(release), Answered("r-1", 200), a_release("a"))
    assert told(started(replace=1), *gone) == "0 of 1 done"
    assert told(started(replace=1), *gone, *a_purchase("a")) == "1 of 1 done"
    assert told(started(delete=1), *gone) == "1 of 1 done"
    assert run_progress(records(started(replace=1), *gone)).released == 1


@pytest.mark.parametrize(
    ("action", "entry"),
    [
        ("move", Moved(an_address("a"), an_address("b"))),
        ("adopt", Imported(a_recorded("a"), "named by ana")),
        ("forget", Forgotten(an_address("a"), "named by removed")),
        ("delete", Forgotten(an_address("a"), GONE)),
        ("update", reached("a", Phase.READY)),
        ("resume", reached("a", Phase.READY)),
    ],
)
def test_changes_that_send_no_journaled_call_count_too(action, entry) -> None:
    assert told(started(**{action: 2}), entry) == "1 of 2 done"


def test_half_a_change_in_place_is_not_done() -> None:
    assert told(started(update=1), reached("a", Phase.READY, pending={"power": "stopped"})) == "0 of 1 done"


def test_what_is_journaled_with_the_start_is_no_progress() -> None:
    """Refusals that are forgotten, for example: they are about servers that the plan leaves alone."""
    first, second = records(started(update=1), reached("a", Phase.READY, refused={}))
    at_once = HistoryRecord(second.sequence, first.time, second.hash, second.entry)
    assert str(run_progress([first, at_once])) == "0 of 1 done"


def test_a_run_of_an_older_version_has_no_total() -> None:
    assert told(started(), *a_purchase("a"), *bought("b")) == "1 done, 1 under way"


def test_each_run_counts_for_itself_and_only_the_last_one_is_told() -> None:
    first = (started("run-1", create=2), *a_purchase("a"), *bought("b"))
    assert told(*first, RunEnded("run-1", "interrupted")) == "it was interrupted"
    assert told(started(create=1), RunEnded("run-1", "ended")) == "its work is over"
    second = (started("run-2", resume=1), reached("b", Phase.READY))
    assert told(*first, *second) == "1 of 1 done"
    assert told(*first, started("run-2", resume=1), Adopted("intent-for-b", "id-9", "found")) == "0 of 1 done"


def test_what_follows_the_end_of_a_run_is_none_of_it() -> None:
    """Paid terms, which it reads when its work is over."""
    over = (started(create=2), *a_purchase("a"), RunEnded("run-1", "ended"), reached("b", Phase.READY))
    assert run_progress(records(*over)).done == 1


def test_a_take_over_ends_the_run_of_the_former_holder() -> None:
    assert run_progress(records(started(create=1), Fenced(2, "0b", "bob", "ana: `apply`"))) is None
    assert run_progress(records(*a_purchase("a"))) is None


def test_the_records_may_come_in_any_pieces_and_each_tells_its_event() -> None:
    whole = records(started(create=2), *a_purchase("a"), *bought("b"), reached("b", Phase.FAILED))
    tracker, events = RunTracker(), []
    for record in whole:
        events += tracker.note([record])
    assert tracker.progress == run_progress(whole)
    told_of = [(event.type, str(event.address), event.id, event.elapsed) for event in events]
    assert told_of == [
        (EventType.STARTED, "a", None, 0.0),
        (EventType.BOUGHT, "a", "id-of-a", 1.0),
        (EventType.FINISHED, "a", "id-of-a", 2.0),
        (EventType.STARTED, "b", None, 0.0),
        (EventType.BOUGHT, "b", "id-of-b", 1.0),
        (EventType.FAILED, "b", "id-of-b", 2.0),
    ]


def test_a_doubt_that_shows_up_is_an_event_and_no_second_call() -> None:
    tracker = RunTracker()
    again = an_intent("a", unknown_since=BEGAN + 5000)
    events = tracker.note(records(started(create=1), Intended(an_intent("a")), Intended(again)))
    assert [event.type for event in events] == [EventType.STARTED, EventType.IN_DOUBT]
    assert tracker.progress.sent == 1
